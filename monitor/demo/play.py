"""One run of the demo: a folder, a world, a daemon in it, and time that passes as fast as the work goes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Row

from monitor import config_file
from monitor.config import ENV_PREFIX, Settings
from monitor.daemon import Daemon
from monitor.demo.clock import DrivenClock
from monitor.demo.driver import Driver
from monitor.demo.lists import reading_list
from monitor.demo.reckoning import Reckoning, reckon
from monitor.demo.season import Trouble, plan
from monitor.demo.stage import PAGE_KB, Stage
from monitor.demo.world import World
from monitor.fetch import Fetcher
from monitor.lookout import collect_rarely
from monitor.report.language import Language
from monitor.sources import read_file
from monitor.store import Store, database_url, schema, tally
from monitor.store.tally import Tally

START = datetime(2026, 1, 5, 9, tzinfo=UTC)  # a Monday; fixed, so that a seed gives the same dates always
WEEK = timedelta(days=7)
NEWS_KEPT = 8
_OURS = ("STATE_DIRECTORY", "CREDENTIALS_DIRECTORY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be played."""

    links: int
    weeks: int
    seed: int
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    looks: int
    saves: int
    mails: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """A moment of the run for a screen. ``news``: changes of status, newest last; ``troubles``: what goes wrong."""

    at: datetime
    week: int
    tally: Tally
    spent: Spent
    troubles: Sequence[Trouble]
    news: Sequence[Row[Any]]


class Screen(Protocol):
    """``frame_s``: between two frames; None: it wants none."""

    frame_s: float | None

    def frame(self, now: Now) -> None:
        """Show a moment."""

    def week(self, now: Now) -> None:
        """A week is over; ``now.news`` is all that it brought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """``ended_at`` is before the season's end when it was stopped."""

    wish: Wish
    ended_at: datetime
    tally: Tally
    spent: Spent
    reckoning: Reckoning

    @property
    def week(self) -> int:
        return (self.ended_at - START) // WEEK

    @property
    def is_whole(self) -> bool:
        return self.week >= self.wish.weeks

    def as_dict(self) -> dict[str, Any]:
        """All numbers; the same for the same wish, always and everywhere."""
        return {
            **asdict(self.wish),
            "started_at": START,
            "ended_at": self.ended_at,
            "totals": {name: getattr(self.tally, name) for name in _TOTALS},
            "preservation": {name: getattr(self.tally, name) for name in _FOUR},
            "spent": asdict(self.spent),
            "truth": self.reckoning.as_dict(),
        }


_TOTALS = ("links", "pending", "alive", "suspect", "dead", "blind", "at_risk")
_FOUR = ("safe", "exposed", "rescued", "lost")


async def play(wish: Wish, folder: Path, screen: Screen, stop: asyncio.Event) -> Played:
    """Run in ``folder``, which is there and empty, until the season or ``stop`` ends it."""
    with _without_environment(), _log_to(folder / "rotwatch.log"):
        file = folder / "reading-list.md"
        file.write_text(reading_list(wish.links, seed=wish.seed), encoding="utf-8")
        pairs = [(one.url, one.title) for one in read_file(str(file))]
        season = plan(pairs, start=START, weeks=wish.weeks, seed=wish.seed)
        clock = DrivenClock(START)
        async with World(clock, seed=wish.seed, page_kb=PAGE_KB) as world:
            stage = Stage(world, season)
            config = folder / "config.toml"
            config.write_text(_toml(settings(world, file.name, wish.language)), encoding="utf-8")
            async with _daemon(config_file.load(str(config)), clock) as daemon:
                run = _Run(world, daemon, stage, screen, stop)
                collect_rarely()
                await Driver(daemon, clock, stage, seed=wish.seed).live(season.end, run.told)
                played = await run.end(wish)
            _keep_mails(world.mails, folder / "mails")
    return played


def settings(world: World, list_name: str, language: Language) -> dict[str, Any]:
    """What differs from the defaults: the addresses of the world, and pauses that would be waited for in real time.

    ``concurrency`` is 1: in whose turn an answer comes must not depend on the machine.
    """
    ways = world.settings()
    no_pause = {"look_up_every_s": 0, "playback_every_s": 0, "poll_every_s": 0}
    wayback, email = dict(ways["archives"]["wayback"]), dict(ways["report"]["email"])  # type: ignore[call-overload]
    return {
        "network": {**ways["network"], "concurrency": 1},
        "sources": [{"path": list_name}],
        "archives": {"wayback": {**wayback, **no_pause}, "local": {"picture_every_s": 0}},
        "report": {
            "language": language,
            "email": {**email, "sender": "rotwatch@example.org", "recipients": ["reader@example.org"]},
        },
        "web": {"listen": "127.0.0.1:0"},
    }


def _toml(section: Mapping[str, Any], name: str = "") -> str:
    lines = [f"[{name}]"] if name else []
    lines += [
        f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in section.items()
        if not isinstance(value, Mapping) and key != "sources"
    ]
    for source in section.get("sources", ()):
        lines += ["[[sources]]", *(f"{key} = {json.dumps(value)}" for key, value in source.items())]
    below = {key: value for key, value in section.items() if isinstance(value, Mapping)}
    lines += [_toml(value, f"{name}.{key}" if name else key) for key, value in below.items()]
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def _daemon(chosen: Settings, clock: DrivenClock) -> AsyncIterator[Daemon]:
    """The daemon over a new database, its sweep at work, its list read."""
    store = Store(database_url(chosen.database.url, chosen.state_directory), direct=True)
    try:
        await schema.upgrade(store)
        async with Fetcher(chosen.network, base=chosen.home) as fetcher:
            daemon = Daemon(store, fetcher, chosen, clock=clock)
            await daemon.sync()
            async with daemon.sweep:
                yield daemon
    finally:
        await store.close()


class _Run:
    """What the driver tells is passed on to the screen."""

    def __init__(
        self,
        world: World,
        daemon: Daemon,
        stage: Stage,
        screen: Screen,
        stop: asyncio.Event,
    ) -> None:
        self._world, self._daemon, self._stage = world, daemon, stage
        self._screen, self._stop = screen, stop
        self._recent: deque[Row[Any]] = deque(maxlen=NEWS_KEPT)
        self._of_week: list[Row[Any]] = []
        self._week = 0
        self._framed_at = 0.0

    async def told(self, news: list[Row[Any]]) -> bool:
        """One moment is over. Whether to end."""
        self._recent.extend(news)
        week = (self._daemon.clock() - self._stage.season.start) // WEEK
        if week > self._week:
            self._screen.week(await self._now(week, self._of_week, since=WEEK))
            self._week, self._of_week = week, []
        self._of_week += news
        loop_time = asyncio.get_running_loop().time()
        frame_s = self._screen.frame_s
        if frame_s is not None and loop_time - self._framed_at >= frame_s:
            self._framed_at = loop_time
            self._screen.frame(await self._now(week, list(self._recent)))
        return self._stop.is_set()

    async def _now(self, week: int, news: Sequence[Row[Any]], *, since: timedelta = timedelta(0)) -> Now:
        at = self._daemon.clock()
        async with self._daemon.store.read() as db:
            numbers = await tally.count(db)
        troubles = self._stage.troubles(at - since, at)
        return Now(at=at, week=week, tally=numbers, spent=self._spent, troubles=troubles, news=news)

    @property
    def _spent(self) -> Spent:
        return Spent(
            looks=self._daemon.sweep.looks,
            saves=len(self._world.archive.submissions),
            mails=len(self._world.mails),
        )

    async def end(self, wish: Wish) -> Played:
        now = self._daemon.clock()
        if now >= self._stage.season.end:
            self._screen.week(await self._now(wish.weeks, self._of_week, since=WEEK))
        async with self._daemon.store.read() as db:
            return Played(
                wish=wish,
                ended_at=now,
                tally=await tally.count(db),
                spent=self._spent,
                reckoning=await reckon(db, self._stage.season, now),
            )


def _keep_mails(mails: Sequence[EmailMessage], folder: Path) -> None:
    """Each mail as a page to open, named by the day it was sent on."""
    folder.mkdir()
    for mail in mails:
        body = mail.get_body(("html",))
        if body is not None:
            name = f"{mail['Date'].datetime:%Y-%m-%d}.html"
            (folder / name).write_text(body.get_content(), encoding="utf-8")


@contextmanager
def _without_environment() -> Iterator[None]:
    """Nobody's variables lead the demo out of its folder."""
    taken = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if name.upper().startswith(ENV_PREFIX) or name in _OURS
    }
    try:
        yield
    finally:
        os.environ.update(taken)


@contextmanager
def _log_to(file: Path) -> Iterator[None]:
    """What the daemon says of its work goes to a file, not between the lines of the screen."""
    logger, handler = logging.getLogger("monitor"), logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(levelname)-7s %(message)s"))
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates
        handler.close()
