"""A week of 500 links beside an archive.org that is down, slow, rate-limiting and lying in turns, the daemon killed
five times: every page that can be captured ends with a verified copy, every other with its true reason.

    python -m bench.archive_week [LINKS]
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.archive_week import truth
from bench.archive_week.week import week
from monitor.store import Store, database_url, schema


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store(database_url("sqlite:///rotwatch.db", folder))
        await schema.upgrade(store)
        await store.close()
        began = time.monotonic()
        async with week(folder, count) as lived:
            await lived.live()
            truth.at_the_end(lived)
            archive = lived.world.archive
            print(f"links                  {len(lived.links)}")
            print(f"rounds                 {lived.rounds}, killed {lived.killed} times")
            print(
                f"asked archive.org      {len(truth.asked(lived))}, of them {len(archive.submissions)} submissions"
            )
            print(f"safe, exposed, rescued, lost   {truth.numbers(lived)}")
        warcs = sorted((folder / "archive").glob("*.warc.gz"))
        subprocess.run([sys.executable, "-m", "warcio.cli", "check", *map(str, warcs)], check=True)
        print(f"warcio check           clean, {sum(one.stat().st_size for one in warcs) / 1e6:.1f} MB")
        cpu = sum(
            getattr(resource.getrusage(who), part)
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            for part in ("ru_utime", "ru_stime")
        )
        print(f"time                   {time.monotonic() - began:.0f} s, CPU {cpu:.0f} s")


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
