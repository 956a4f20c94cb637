"""Whether the looks that the schedule asks for fit what the hosts' paces allow, for a list of 25,000 links.

    python bench/budget.py [--links 25000]

The list has the shape of a real one: 56 % WeChat, 24 % Zhihu, 5 % CSDN, the rest on 1,900 hosts. Ages run over ten
years; one link in forty is suspect, one in ten walled. Every interval comes from the shipped policy and settings.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from monitor.config import Settings
from monitor.model import Status
from monitor.policy import Account, State, assess, next_look

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SHARES = (
    ("mp.weixin.qq.com", 0.56),
    ("zhuanlan.zhihu.com", 0.14),
    ("www.zhihu.com", 0.10),
    ("blog.csdn.net", 0.05),
)
SMALL_HOSTS = 1_900


def hosts(links: int, chance: random.Random) -> list[str]:
    named = [host for host, share in SHARES for _ in range(round(links * share))]
    return named + [f"h{chance.randrange(SMALL_HOSTS)}.example" for _ in range(links - len(named))]


def state(chance: random.Random) -> State:
    drawn = chance.random()
    if drawn < 1 / 40:
        return State(status=Status.SUSPECT, since=NOW, tries=chance.randint(1, 6))
    return State(status=Status.ALIVE, since=NOW, walls=chance.randint(1, 8) if drawn < 1 / 8 else 0)


def looks_a_day(host: str, settings: Settings, chance: random.Random) -> float:
    born = NOW - DAY * 3650 * chance.random()
    link = state(chance)
    account = Account(links=10, dead=chance.choice((0, 0, 0, 0, 1, 3)), link_years=30)
    risk = assess(
        link,
        url=f"https://{host}/x",
        platform="wechat" if "weixin" in host else "generic",
        reason=None,
        born=born,
        account=account,
        experience={},
        now=NOW,
        policy=settings.policy,
    )
    return DAY / (next_look(link, risk, born=born, now=NOW, policy=settings.policy).at - NOW)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--links", type=int, default=25_000)
    links = parser.parse_args().links
    chance, settings = random.Random(1), Settings()
    wanted: dict[str, float] = {}
    count: Counter[str] = Counter()
    for host in hosts(links, chance):
        count[host] += 1
        wanted[host] = wanted.get(host, 0.0) + looks_a_day(host, settings, chance)
    table = Table("host", "links", "looks a day wanted", "allowed by the pace", "used", "first sweep, days")
    named = [host for host, _ in SHARES]
    busiest = max((host for host in count if host not in named), key=lambda host: wanted[host])
    for host in (*named, busiest):
        pace_s = settings.pace.hosts.get(host, settings.pace.default_s)
        allowed = DAY.total_seconds() / pace_s
        table.add_row(
            host,
            f"{count[host]:,}",
            f"{wanted[host]:,.1f}",
            f"{allowed:,.0f}",
            f"{wanted[host] / allowed:.1%}",
            f"{count[host] * pace_s / DAY.total_seconds():.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
