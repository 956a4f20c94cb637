"""What a million links cost the database: time of each operation, disk, memory, and how they grow.

    python -m bench.scale [--links 10000 100000 1000000] [--looks 5000] [--database URL]

Each size begins with an empty database: SQLite in a temporary folder, or ``--database`` (PostgreSQL; it must be empty,
and only one size is measured then). All links are added, half of them made due; then due ones are claimed 500 at a time
over many hosts, looked at (without a network: every page is there) and recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from monitor.config import Policy, Settings
from monitor.look import Observation, decide
from monitor.model import Identity, Outcome, Page, Reason, Verdict
from monitor.report.gather import gather
from monitor.store import Store, checks, claims, database_url, links, schema, stats, tally
from monitor.store.links import Mention

START = datetime(2026, 1, 5, tzinfo=UTC)
LEASE = timedelta(seconds=90)
LINKS_A_HOST = 13  # 25,000 links are on 1,900 hosts
LINKS_A_LIST = 10_000
CLAIM, A_HOST = 500, 5
WORKER, VANTAGE = "bench:1:1", "here"
T = TypeVar("T")


class Watch:
    """Milliseconds by what they were spent on."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    async def on(self, what: str, work: Awaitable[T]) -> T:
        began = time.perf_counter()
        result = await work
        self.taken.setdefault(what, []).append((time.perf_counter() - began) * 1000)
        return result

    def median(self, what: str) -> float:
        return statistics.median(self.taken[what])


async def add(store: Store, count: int) -> None:
    hosts = max(1, count // LINKS_A_HOST)
    for first in range(0, count, LINKS_A_LIST):
        mentions = [
            Mention(
                Identity(
                    f"https://h{number % hosts}.example/posts/{number}",
                    "generic",
                    f"h{number % hosts}.example",
                    f"h{number % hosts}.example",
                ),
                f"Post number {number}",
                number,
            )
            for number in range(first, min(first + LINKS_A_LIST, count))
        ]
        async with store.write() as db:
            await links.sync_source(db, f"list{first}.md", mentions, now=START)


def look(due: claims.Due, now: datetime) -> checks.Look:
    page = Page(url=due.url, final_url=due.url, http_status=200)
    verdict = Verdict(outcome=Outcome.OK, reason=Reason.PAGE, rule="generic.ok.page", evidence=due.title)
    return decide(due, Observation(page, verdict), now, Policy())


async def claim(store: Store, now: datetime) -> list[claims.Due]:
    async with store.read() as db:
        hosts = await claims.ready_hosts(db, vantage=VANTAGE, now=now, busy=(), limit=CLAIM // A_HOST)
    found = await claims.claim(store, dict.fromkeys(hosts, A_HOST), worker=WORKER, now=now, lease=LEASE)
    return [due for dues in found.values() for due in dues]


async def record(store: Store, dues: Sequence[claims.Due], now: datetime) -> None:
    async with store.write() as db:
        await checks.record(db, [look(due, now) for due in dues], worker=WORKER, vantage=VANTAGE)


async def read(store: Store, what: str, now: datetime) -> None:
    async with store.read() as db:
        match what:
            case "status":
                await tally.count(db)
            case "report":
                await gather(db, Settings(), start=now - timedelta(days=7), end=now)
            case "experience":
                await stats.experience(db, now)


async def measure(store: Store, count: int, looks: int) -> tuple[Watch, float]:
    watch = Watch()
    await schema.upgrade(store)
    await watch.on("add", add(store, count))
    now, seen = START + timedelta(hours=1), 0
    cpu_s = 0.0
    while seen < looks:
        began = time.process_time()
        dues = await watch.on("claim", claim(store, now))
        if not dues:
            break
        await watch.on("record", record(store, dues, now))
        cpu_s += time.process_time() - began
        seen += len(dues)
        now += timedelta(seconds=5)
    for what in ("status", "report", "experience"):
        await watch.on(what, read(store, what, now))
    return watch, cpu_s / max(seen, 1) * 1000


async def bytes_used(store: Store) -> int:
    async with store.read() as db:
        if store.is_sqlite:
            pages = (await db.execute(text("PRAGMA page_count"))).scalar_one()
            return int(pages) * int((await db.execute(text("PRAGMA page_size"))).scalar_one())
        return int((await db.execute(text("SELECT pg_database_size(current_database())"))).scalar_one())


async def run(count: int, looks: int, url: str | None, table: Table) -> None:
    with tempfile.TemporaryDirectory(prefix="rotwatch-scale-") as folder:
        store = Store(database_url(url or "sqlite:///scale.db", Path(folder)), direct=url is None)
        watch, cpu_ms = await measure(store, count, looks)
        size = await bytes_used(store)
        await store.close()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.add_row(
        f"{count:,}",
        f"{watch.median('add') / count * 1000:.0f}",
        f"{watch.median('claim'):.1f}",
        f"{watch.median('record'):.1f}",
        f"{cpu_ms:.3f}",
        f"{watch.median('status'):.0f}",
        f"{watch.median('report'):.0f}",
        f"{watch.median('experience'):.0f}",
        f"{size / count:.0f}",
        f"{peak_mb:.0f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--links", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--looks", type=int, default=5_000)
    parser.add_argument("--database", help="an empty PostgreSQL database")
    options = parser.parse_args()
    table = Table(
        "links",
        "add, µs a link",
        f"claim of {CLAIM}, ms",
        f"record of {CLAIM}, ms",
        "claim and record, CPU ms a look",
        "status summary, ms",
        "report, ms",
        "upkeep, ms",
        "bytes a link",
        "peak MB",
    )
    for count in options.links[:1] if options.database else options.links:
        asyncio.run(run(count, options.looks, options.database, table))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
