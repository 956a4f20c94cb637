"""A month of the example list with the clock driven: the mails it brings, for tests and for pictures of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from monitor.config import Settings
from monitor.daemon import Daemon
from monitor.demo import DrivenClock, State, World
from monitor.demo.smtp import Delivery
from monitor.fetch import Fetcher
from monitor.report.gather import Report, gather
from monitor.report.language import Language
from monitor.sources import read_file
from monitor.sources.sync import add
from monitor.store import Store, database_url, schema

EXAMPLE = Path(__file__).parents[2] / "examples" / "reading-list.md"
START = datetime(2026, 10, 26, tzinfo=UTC)  # a Monday, 08:00 in Shanghai: when a report is due
END = START + timedelta(days=28)
STEP = timedelta(days=1)
ARCHIVE_STEPS = 12  # a day: look up, ask, poll, read, for three links
WEEK = timedelta(days=7)
WECHAT, ZHIHU, CSDN = "mp.weixin.qq.com", "zhihu.com", "csdn.net"
# (host, day, what becomes of one of its links, whether archive.org could save it before)
FATES = (
    (WECHAT, 4, State.WECHAT_DELETED, True),
    (WECHAT, 9, State.WECHAT_VIOLATION, True),
    (ZHIHU, 12, State.ZHIHU_NOT_FOUND, True),
    (WECHAT, 15, State.WECHAT_ACCOUNT_BLOCKED, False),
    (WECHAT, 21.5, State.WECHAT_DELETED, True),
    (WECHAT, 21.5, State.WECHAT_VIOLATION, False),
    (WECHAT, 22.5, State.WECHAT_DELETED, True),
    (WECHAT, 22.5, State.WECHAT_UNAVAILABLE, False),
    (ZHIHU, 22.5, State.ZHIHU_NOT_FOUND, True),
    (WECHAT, 2, State.WECHAT_CAPTCHA, False),
    (WECHAT, 7, State.WECHAT_CAPTCHA, True),
)


@dataclass
class Month:
    """What it left: the mails of each Monday as they arrived, and the report of the last week."""

    mails: list[EmailMessage]
    deliveries: list[Delivery]
    settings: Settings
    report: Report


async def live(folder: Path, language: Language = "en", *, links: int | None = None) -> Month:
    """Live it in ``folder``, from its first line to the mail of its last Monday.

    :param links: only so many of the example list.
    """
    clock = DrivenClock(START)
    (folder / "posts").mkdir()
    pairs = [(one.url, one.title) for one in read_file(str(EXAMPLE))][:links]
    text = "\n\n".join(f"{url}\n\n{title}" for url, title in pairs)
    (folder / "posts" / "2024-machine-learning.md").write_text(text, encoding="utf-8")
    async with World(clock, page_kb=12) as world:
        world.archive.enforces = False
        world.archive.capture_delay = timedelta(seconds=1)
        _write(world, pairs)
        chosen = _settings(world, folder, language)
        store = Store(database_url(chosen.database.url, folder))
        await schema.upgrade(store)
        async with Fetcher(chosen.network, base=folder) as fetcher:
            daemon = Daemon(store, fetcher, chosen, clock=clock)
            await add(store, ["posts"], base=folder, now=clock(), fetcher=fetcher)
            async with daemon.sweep:
                while clock() <= END:
                    await _day(daemon, clock)
        async with store.read() as db:
            report = await gather(db, chosen, start=END - WEEK, end=END)
        await store.close()
        return Month(world.mails, world.mail_server.deliveries, chosen, report)


def _settings(world: World, folder: Path, language: Language) -> Settings:
    """No pace and no waiting; and a list that is looked at twice a week, so that a month is long."""
    sections: dict[str, Any] = world.settings()
    email = {"sender": "rotwatch@example.org", "recipients": ["reader@example.org"]}
    hurry = dict.fromkeys(("save_every_s", "look_up_every_s", "poll_every_s", "playback_every_s"), 0)
    return Settings.model_validate(
        {
            "network": sections["network"] | {"anchors": [], "timeout_s": 5},
            "pace": {"default_s": 0, "hosts": {}, "wall_pause_s": 0, "outage_pause_s": 0},
            "policy": {"base_interval_h": 96, "max_interval_h": 96},
            "archives": {
                "wayback": sections["archives"]["wayback"] | hurry,
                "local": {"enabled": False},
            },
            "report": {"language": language, "email": sections["report"]["email"] | email},
            "file": folder / "config.toml",
        }
    )


def _write(world: World, pairs: list[tuple[str, str]]) -> None:
    for url, title in pairs:
        world.article(url, title=title)
    free = [url for url, _ in pairs]
    for host, day, state, saved in FATES:
        url = next(one for one in free if host in one)
        free.remove(url)
        world.at(START + timedelta(days=day), url, state)
        if not saved:
            world.archive_sees(url, State.WECHAT_CAPTCHA)


async def _day(daemon: Daemon, clock: DrivenClock) -> None:
    begun = clock()
    while await daemon.sweep.tick():
        await daemon.sweep.settle()
    await daemon.report()
    await daemon.deliver()
    for _ in range(ARCHIVE_STEPS):
        await daemon.archive_tick()
        clock.move(minutes=10)
    await daemon.upkeep()
    clock.now = begun + STEP
