"""A driven week: the daemon is a real process on a driven clock, archive.org is acted, and both have a hard time."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.archive_week.daemon import TIME, SharedClock
from bench.archive_week.fates import START, Fate, Link, act, lists_on, population
from monitor.demo import State, World, trouble
from monitor.demo.trouble import Fate as JobFate

DAYS = 7
KILLS = 5
ROUND_S = 120  # a round that takes longer hangs; what it said is in daemon.log
HOUR = timedelta(hours=1)
REFUSING = (START + 30 * HOUR, START + 31.5 * HOUR)
OVERLOADED = (START + 50 * HOUR, START + 53 * HOUR)
SETTINGS = """\
[network]
timeout_s = 20
anchors = ["https://www.baidu.com/"]
ca_file = "{ca_file}"
[network.hosts]
{hosts}
[pace]
default_s = 0
wall_pause_s = 0
outage_pause_s = 0
[pace.hosts]
[policy]
full_look_every = 1
[daemon]
vantage = "week"
[archives.wayback]
access_key = "{access_key}"
secret_key = "{secret_key}"
look_up_every_s = 0
playback_every_s = 0
poll_every_s = 0.01
[archives.local]
enabled = true
[[sources]]
path = "list.md"
[[sources]]
path = "quiet.md"
archive = false
"""


@dataclass
class Week:
    """The world, the list, the database's folder, and the process; ``killed`` counts the kills so far."""

    folder: Path
    world: World
    clock: SharedClock
    links: list[Link]
    chance: random.Random
    killed: int = 0
    rounds: int = 0
    _process: asyncio.subprocess.Process | None = None
    _refuses: bool = False
    _listed: int = 0
    _unread: bool = True  # the lists
    _kill_rounds: set[int] = field(default_factory=set)

    async def live(self) -> None:
        """Until the week is over and no archive job is open."""
        # most kills fall into the first days, when most is under way
        expected = 3 * len(self.links)
        self._kill_rounds = set(self.chance.sample(range(3, expected), KILLS))
        while self.clock() < START + timedelta(days=DAYS) or self._next_job() is not None:
            assert self.clock() < START + timedelta(days=2 * DAYS), "jobs are open for ever"
            self._turn_the_page()
            answer = await self._round()
            self._move(answer)
        await self.end()

    def _turn_the_page(self) -> None:
        """What happens in the world at a time, where it cannot be written beforehand."""
        now, door = self.clock(), self.world.host_state
        refuses = REFUSING[0] <= now < REFUSING[1]
        if refuses is not self._refuses:
            self._refuses = refuses
            door("web.archive.org", State.REFUSED if refuses else None)
        self.world.archive.overloaded = OVERLOADED[0] <= now < OVERLOADED[1]
        day = (now - START) // timedelta(days=1)
        if day > self._listed:
            self._listed = day
            write_lists(self.folder, self.world, self.links, day)
            self._unread = True

    def _chores(self) -> str:
        """What the daemon's timers would set off now."""
        looks = self._ask("SELECT min(next_check_at) FROM link WHERE watched")
        due = self._unread or looks is None or looks <= self.clock()
        return f"{'sync ' if self._unread else ''}{'look ' if due else ''}archive\n"

    async def _round(self) -> dict[str, Any]:
        """One round of the daemon, which is killed in the middle of it when its time has come."""
        if self._process is None:
            with (self.folder / "daemon.log").open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "bench.archive_week.daemon"),
                    *(str(self.folder / "config.toml"), str(self.folder / "clock")),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self._chores().encode())
        answer = asyncio.ensure_future(process.stdout.readline())
        self.rounds += 1
        if self.rounds in self._kill_rounds:
            await self._let_it_ask(answer, self.chance.randint(1, 3))
            process.kill()
            await process.wait()
            await answer
            self._process = None
            self.killed += 1
            self._unread = True
            return {"worked": True, "closed_until": None}
        async with asyncio.timeout(ROUND_S):
            line = await answer
        self._unread = False
        assert line, (self.folder / "daemon.log").read_text()[-3000:]
        said: dict[str, Any] = json.loads(line)
        return said

    async def _let_it_ask(self, answer: asyncio.Future[bytes], requests: int) -> None:
        """Until it has sent so many requests, or is through with its round."""
        wanted = len(self.world.log) + requests
        while len(self.world.log) < wanted and not answer.done():
            await asyncio.sleep(0.001)

    def _move(self, answer: dict[str, Any]) -> None:
        """The clock moves to when something is due, so that a week has no idle rounds."""
        now = self.clock()
        job, look = self._next_job(), self._ask("SELECT min(next_check_at) FROM link WHERE watched")
        tomorrow = START + timedelta(days=(now - START) // timedelta(days=1) + 1)
        due = [tomorrow, *(edge for edge in (*REFUSING, *OVERLOADED) if edge > now)]
        if job is not None:
            closed = answer["closed_until"]
            blocked = closed and not answer["worked"] and job <= now
            due.append(datetime.fromisoformat(closed) if blocked else job)
        if look is not None:
            due.append(max(look, now + HOUR))  # looks wait for each other: fewer rounds
        self.clock.set(max(min(due), now + timedelta(seconds=10)))

    def _next_job(self) -> datetime | None:
        return self._ask("SELECT min(not_before) FROM archive_job WHERE finished_at IS NULL")

    def _ask(self, query: str) -> datetime | None:
        with closing(sqlite3.connect(self.folder / "rotwatch.db")) as db:
            (value,) = db.execute(query).fetchone()
        return datetime.fromisoformat(value).replace(tzinfo=UTC) if value else None

    async def end(self) -> None:
        if self._process is not None:
            assert self._process.stdin
            self._process.stdin.close()
            await self._process.wait()
            self._process = None


def write_lists(folder: Path, world: World, links: list[Link], day: float) -> None:
    for name, listed in lists_on(links, day):
        entries = [f"{one.url}\n\n{title_of(world, one)}\n" for one in listed]
        (folder / name).write_text("\n".join(entries), encoding="utf-8")


def title_of(world: World, link: Link) -> str:
    return "内部网页" if link.fate is Fate.PRIVATE else world.post_at(link.url).title


def make_trouble(world: World) -> None:
    """archive.org is down, slow, rate-limiting and lying in turns."""
    archive = world.archive

    def at(hours: float) -> datetime:
        return START + hours * HOUR

    # down
    archive.trouble_between(at(0.2), at(0.5), trouble.gateway(503))
    archive.trouble_between(at(24), at(24.7), trouble.gateway(502))
    archive.trouble_between(*OVERLOADED, trouble.error_body("no-browsers-available"), on="submit")
    # slow
    archive.capture_delay, archive.index_delay = timedelta(seconds=25), timedelta(minutes=3)
    archive.playback_delay = timedelta(minutes=20)
    archive.trouble(trouble.delayed(2, 5), times=2)
    archive.trouble(trouble.slow(0.1), on="lookup", times=3)
    # rate-limiting
    for endpoint in ("lookup", "submit", "status", "playback"):
        archive.trouble(trouble.too_many(), on=endpoint, times=2)
    archive.trouble_between(at(48), at(48.1), trouble.too_many("400"))
    archive.trouble(trouble.message("You have already reached the limit of active Save Page Now sessions."))
    # lying
    archive.trouble_between(at(1), at(1.4), trouble.gateway(520, saves=True), on="submit")
    archive.trouble_between(at(3), at(4), trouble.no_memento(), on="playback")
    archive.trouble_between(at(25), at(25.5), trouble.html(), on="status")
    archive.trouble(trouble.html(), on="lookup", times=3)
    archive.trouble(trouble.empty())
    archive.trouble(trouble.no_job())
    archive.trouble(trouble.error_body("invented-code"))
    archive.trouble(trouble.error_body("cannot-fetch"), times=2)
    archive.next_job(JobFate())
    archive.next_job(JobFate(pending=True))
    archive.next_job(JobFate(code="error:celery", message="A worker died."), times=2)
    archive.next_job(JobFate(code="error:soft-time-limit-exceeded", message="Too long."))


@asynccontextmanager
async def week(folder: Path, count: int, *, seed: int = 5) -> AsyncIterator[Week]:
    """A week that is about to begin. ``folder`` holds all of its files; the database must be there."""
    (folder / "clock").write_bytes(TIME.pack(START.timestamp()))
    clock, links = SharedClock(folder / "clock"), population(count)
    async with World(clock, page_kb=8) as world:
        act(world, links)
        make_trouble(world)
        hosts = "\n".join(f'"{host}" = "{address}"' for host, address in world.hosts.items())
        archive = world.archive
        config = SETTINGS.format(
            ca_file=world.ca_file,
            hosts=hosts,
            access_key=archive.access_key,
            secret_key=archive.secret_key,
        )
        (folder / "config.toml").write_text(config, encoding="utf-8")
        write_lists(folder, world, links, 0)
        made = Week(folder, world, clock, links, random.Random(seed))
        try:
            yield made
        finally:
            await made.end()
