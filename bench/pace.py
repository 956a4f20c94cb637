"""How long a sweep takes beside the shortest time its paces allow, with clock and network simulated.

    python -m bench.pace [--links 25000] [--hosts 1900] [--seed 1]

The shape is a real list's: 55 % of the links on one host. The shortest time is that of the busiest host: its looks
times its pace, which quickens as that of every host in peace does. Claims, leases, pace, records and jitter are the
real ones, in a real SQLite database; only the event loop's clock jumps to the next moment at which something happens,
and a look takes as long as a die says.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import selectors
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.table import Table

from monitor.config import Settings
from monitor.fetch import Fetcher
from monitor.model import Identity, Page
from monitor.network import Network
from monitor.policy.pace import FLOOR_S, PEACE_LOOKS, QUICKER
from monitor.store import Store, database_url, links, schema
from monitor.store.links import Mention
from monitor.sweep import Sweep

START = datetime(2026, 1, 5, tzinfo=UTC)
BUSIEST, SHARE = "mp.weixin.qq.com", 0.55
POLL_S = 5.0
BODY = b"<html><head><title>A page</title></head><body><p>Something that can be read.</p></body></html>"


class Jumps(selectors.DefaultSelector):
    """Nobody waits: the time until the next timer passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now += max(timeout or 0.0, 0.0)
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Its clock is that of its selector."""

    def __init__(self) -> None:
        self._jumps = Jumps()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.now


class SimulatedFetcher:
    """Every page is there, after half a second or so."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    async def fetch(self, url: str, **_: Any) -> Page:
        await asyncio.sleep(self._chance.lognormvariate(-1.0, 0.7))
        return Page(url=url, final_url=url, http_status=200, headers={"content-type": "text/html"}, body=BODY)


class Up:
    """Our own network never fails."""

    seems_up, detail = True, ""

    async def up(self) -> bool:
        return True

    async def was_up(self, _: datetime) -> bool:
        return True


def hosts_of(count: int, hosts: int, chance: random.Random) -> list[str]:
    """The host of each link: most on one, the others with a long tail."""
    names = [f"h{number}.example" for number in range(hosts - 1)]
    weights = [1 / (rank + 3) for rank in range(len(names))]
    first = names[: max(0, int(count * (1 - SHARE)))]  # every host has a link at least
    others = chance.choices(names, weights, k=int(count * (1 - SHARE)) - len(first))
    return [*first, *others, *[BUSIEST] * (count - len(first) - len(others))]


async def sweep(where: Sequence[str], settings: Settings, folder: Path, seed: int) -> timedelta:
    loop = asyncio.get_running_loop()

    def clock() -> datetime:
        return START + timedelta(seconds=loop.time())

    store = Store(database_url("sqlite:///pace.db", folder), direct=True)
    await schema.upgrade(store)
    mentions = [
        Mention(Identity(f"https://{host}/{number}", "generic", host), "", number)
        for number, host in enumerate(where)
    ]
    async with store.write() as db:
        await links.sync_source(db, "list.md", mentions, now=clock())
    ours = Sweep(
        store,
        cast("Fetcher", SimulatedFetcher(random.Random(seed))),
        settings,
        cast("Network", Up()),
        clock=clock,
        worker="bench:1:1",
        vantage="here",
        chance=random.Random(seed + 1),
    )
    async with ours:
        while ours.looks < len(where):
            await ours.tick()
            await ours.room(POLL_S)
        ended = clock()
    await store.close()
    return ended - START


def spacings(first_s: float, looks: int) -> Iterator[float]:
    """Between the looks at a host that never complains: it may be asked a little more often after each peace."""
    for number in range(looks):
        if number and number % PEACE_LOOKS == 0:
            first_s = min(first_s, max(FLOOR_S, first_s * QUICKER))
        yield first_s


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--links", type=int, default=25_000)
    parser.add_argument("--hosts", type=int, default=1_900)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    settings = Settings()
    where = hosts_of(options.links, options.hosts, random.Random(options.seed))
    pace_s = settings.pace.hosts[BUSIEST]
    bound = timedelta(seconds=sum(spacings(pace_s, where.count(BUSIEST) - 1)))
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        taken = runner.run(sweep(where, settings, Path(folder), options.seed))
    table = Table(
        "links", "hosts", "on the busiest", "its pace", "bound, days", "taken, days", "ratio", "our CPU, s"
    )
    table.add_row(
        f"{len(where):,}",
        f"{len(set(where)):,}",
        f"{where.count(BUSIEST):,}",
        f"{pace_s:.0f} s",
        f"{bound / timedelta(days=1):.3f}",
        f"{taken / timedelta(days=1):.3f}",
        f"{taken / bound:.3f}",
        f"{time.process_time() - began:.1f}",
    )
    Console().print(table)


if __name__ == "__main__":
    main()
