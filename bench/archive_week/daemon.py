"""The daemon's jobs in a process of its own, on a clock that another process moves: to be killed.

    python -m bench.archive_week.daemon CONFIG CLOCK

Each line on stdin is one round and names what is to be done in it: the lists are read (``sync``), every look that is
due is made (``look``), the archive queue takes a step (``archive``). The answer is a line of JSON: whether the queue
had work, and until when nothing is submitted.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import struct
import sys
from datetime import UTC, datetime
from pathlib import Path

from monitor.config_file import load
from monitor.daemon import Daemon
from monitor.fetch import Fetcher
from monitor.store import Store, database_url, leases

TIME = struct.Struct("<d")


class SharedClock:
    """Tells the time that stands in a file, and moves it."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), TIME.size)

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(TIME.unpack_from(self._memory)[0], UTC)

    def set(self, now: datetime) -> None:
        TIME.pack_into(self._memory, 0, now.timestamp())


async def rounds(config: str, clock: SharedClock) -> None:
    settings = load(config)
    store = Store(database_url(settings.database.url, settings.state_directory))
    loop = asyncio.get_running_loop()
    async with Fetcher(settings.network, base=settings.home) as fetcher:
        daemon = Daemon(store, fetcher, settings, clock=clock)
        await leases.free_those_of_the_dead(store, clock())
        async with daemon.sweep:
            while chores := await loop.run_in_executor(None, sys.stdin.readline):
                if "sync" in chores:
                    await daemon.sync()
                while "look" in chores and await daemon.sweep.tick():
                    await daemon.sweep.settle()
                worked = await daemon.network.up() and await daemon.archives.tick()
                closed = await daemon.archives.gate.saves_closed()
                answer = {"worked": worked, "closed_until": closed.until.isoformat() if closed else None}
                print(json.dumps(answer), flush=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(rounds(sys.argv[1], SharedClock(Path(sys.argv[2]))))
