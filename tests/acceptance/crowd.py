"""Several daemons on one PostgreSQL, some of them killed, the database restarted under them; and what came of it.

The test runs it small, ``python -m bench.workers`` in full size.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.demo import World
from tests import postgres
from tests.acceptance.rig import Daemon, Rig

PLAIN: dict[str, Any] = {"archives": {"wayback": {"enabled": False}, "local": {"enabled": False}}}


@dataclass
class Crowd:
    """``size`` daemons that share one list. ``held``: what the killed held when they died, by URL."""

    rig: Rig
    server: postgres.Server
    database: str
    size: int = 3
    daemons: list[Daemon] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    kills: int = 0

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.server.connect(self.database) as connection:
            return connection.execute(query, values).fetchall()

    async def start(self) -> None:
        self.daemons += [await Daemon.started(self.rig) for _ in range(self.size - len(self.daemons))]

    async def kill_one(self) -> None:
        """SIGKILL for the daemon that has run longest; another takes its place."""
        daemon = self.daemons.pop(0)
        daemon.process.send_signal(signal.SIGSTOP)  # what it holds now is what it holds when it dies
        mine = f"%:{daemon.process.pid}:%"
        rows = self.ask("SELECT url FROM link WHERE lease_until IS NOT NULL AND leased_by LIKE %s", mine)
        self.held |= {url for (url,) in rows}
        self.kills += 1
        await daemon.end(signal.SIGKILL)
        await self.start()

    async def restart_database(self, *, away_s: float) -> None:
        await asyncio.to_thread(self.server.stop)
        await asyncio.sleep(away_s)
        await asyncio.to_thread(self.server.start)

    async def until(self, what: str, true: Callable[[], bool], *, within_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + within_s
        while not true():
            for daemon in self.daemons:
                assert daemon.process.returncode is None, f"{what}: one ended\n" + "\n".join(daemon.log[-40:])
            logs = "\n".join(line for daemon in self.daemons for line in daemon.log[-20:])
            assert asyncio.get_running_loop().time() < deadline, f"{what}: not within {within_s} s\n{logs}"
            await asyncio.sleep(1)

    async def end(self) -> list[int]:
        return list(await asyncio.gather(*(daemon.end() for daemon in self.daemons)))

    def unlooked(self) -> int:
        return int(self.ask("SELECT count(*) FROM link WHERE looks = 0")[0][0])


def make_list(world: World, rig: Rig, *, links: int, hosts: int, polite: dict[str, int]) -> list[str]:
    """A list of ``links`` on ``hosts`` hosts without a pace, and of each host of ``polite`` so many."""
    urls = [f"https://h{number % hosts}.example/post/{number}" for number in range(links)]
    urls += [f"https://{host}/post/{number}" for host, count in polite.items() for number in range(count)]
    for url in urls:
        world.article(url, title=f"Title of {url}", pictures=0, sentences=8)
    (rig.folder / "list.md").write_text("\n\n".join(urls), encoding="utf-8")
    return urls


async def share(crowd: Crowd, *, disturb: Callable[[Crowd], Awaitable[None]], within_s: float) -> None:
    """Let the daemons look at everything once while ``disturb`` does its worst; then end them in order."""
    adding = await crowd.rig.start("add", str(crowd.rig.folder / "list.md"))
    _, said = await asyncio.wait_for(adding.communicate(), within_s)
    assert adding.returncode == 0, said.decode()
    with crowd.server.connect(
        crowd.database
    ) as connection:  # so that a report is due, of a week that it lived in
        connection.execute("UPDATE link SET added_at = %s", (datetime.now(UTC) - timedelta(days=30),))
    await crowd.start()
    await disturb(crowd)
    await crowd.until("every link looked at", lambda: crowd.unlooked() == 0, within_s=within_s)
    await crowd.until("the mail", lambda: bool(crowd.rig.world.mails), within_s=within_s)
    assert await crowd.end() == [0] * crowd.size


@dataclass(frozen=True)
class Seen:
    """What the acted servers saw. ``doubles``: URLs asked for more than once; ``gaps``: the shortest, by host."""

    looks: int
    doubles: set[str]
    gaps: dict[str, float]
    in_flight: dict[str, int]


def seen(world: World, urls: list[str], hosts: set[str]) -> Seen:
    asked = Counter(look.url for look in world.log if look.url in set(urls))
    starts = {host: sorted(look.started for look in world.log if look.host == host) for host in hosts}
    return Seen(
        looks=asked.total(),
        doubles={url for url, count in asked.items() if count > 1},
        gaps={
            host: min(later - sooner for sooner, later in itertools.pairwise(moments))
            for host, moments in starts.items()
        },
        in_flight={host: max(look.in_flight for look in world.log if look.host == host) for host in hosts},
    )
