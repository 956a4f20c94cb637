"""Three months of a list with the clock driven: outages, walls, deaths, resurrections, new layouts."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from monitor.config import Settings
from monitor.daemon import Daemon
from monitor.demo import DrivenClock, State, World
from monitor.fetch import Fetcher
from monitor.report.why import why
from monitor.sources import read_file
from monitor.sources.sync import add
from monitor.store import Store, database_url
from monitor.store.tables import flip, link
from tests.acceptance.rig import EXAMPLE, merged

START = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
STEP = timedelta(hours=6)
DAYS = 92
WECHAT, ZHIHU = "mp.weixin.qq.com", ("www.zhihu.com", "zhuanlan.zhihu.com")
SITES = 40
POSTS = 2
# day: what happens then. Deaths end early enough to be confirmed by the usual interval of a month.
RESURRECTED = {"mp.weixin.qq.com": (3, 34), "b7.example": (4, 33)}  # host: (dies, comes back)
DEATHS = {
    "mp.weixin.qq.com": (
        (5, State.WECHAT_DELETED),
        (12, State.WECHAT_VIOLATION),
        (40, State.WECHAT_ACCOUNT_CLOSED),
    ),
    "zhuanlan.zhihu.com": ((9, State.ZHIHU_NOT_FOUND),),
    "b3.example": ((6, State.NOT_FOUND),),
    "b11.example": ((15, State.GONE),),
    "b20.example": ((18, State.SOFT_404),),
    "b33.example": ((33, State.NOT_FOUND),),
}
SETTINGS = {
    "network": {"anchors": ["https://www.baidu.com", "https://www.qq.com"], "timeout_s": 30},
    "pace": {"default_s": 0, "hosts": {}, "wall_pause_s": 0, "outage_pause_s": 0},
    "archives": {"wayback": {"enabled": False}, "local": {"enabled": False}},
    "report": {
        "timezone": "UTC",
        "schedule": "mon 08:00",
        "email": {"sender": "rotwatch@example.org", "recipients": ["reader@example.org"]},
    },
}


@dataclass
class Life:
    """The run: the daemon's jobs called as time passes, and the acted truth beside it."""

    world: World
    clock: DrivenClock
    daemon: Daemon
    store: Store
    died: dict[str, datetime] = field(default_factory=dict)
    back: dict[str, datetime] = field(default_factory=dict)

    def dead_at(self, url: str, moment: datetime) -> bool:
        died, back = self.died.get(url), self.back.get(url)
        return died is not None and died <= moment and not (back and back <= moment)

    async def live(self, days: float) -> None:
        end = self.clock() + timedelta(days=days)
        while self.clock() < end:
            while await self.daemon.sweep.tick():
                await self.daemon.sweep.settle()
            await self.daemon.report()
            await self.daemon.deliver()
            if self.clock().hour == START.hour:
                await self.daemon.upkeep()
                await self.no_explanation_is_a_lie()
            self.clock.now += STEP

    async def no_explanation_is_a_lie(self) -> None:
        zone = self.daemon.settings.report.zone
        async with self.store.read() as db:
            rows = (await db.execute(select(link))).all()
        for row in rows:
            sentence = why(row, language="en", zone=zone)
            if sentence.startswith("Dead since"):
                was_dead = self.died.get(row.url)
                assert was_dead, f"{row.url}: {sentence}"
                assert row.failing_since >= was_dead, sentence
            if sentence.startswith("Alive"):
                seen = row.last_ok_at
                assert not self.dead_at(row.url, seen), f"{row.url}: {sentence}"
            assert "{" not in sentence


def write_world(world: World, folder: Path) -> list[tuple[str, str]]:
    pairs = [(one.url, one.title) for one in read_file(str(EXAMPLE))]
    pairs += [
        (f"https://b{site}.example/post/{post}", f"文章 {site} 之 {post}")
        for site in range(SITES)
        for post in range(POSTS)
    ]
    for url, title in pairs:
        world.article(url, title=title)
    text = "\n\n".join(f"{url}\n\n{title}" for url, title in pairs)
    (folder / "list.md").write_text(text, encoding="utf-8")
    return pairs


def write_fates(life: Life, urls: list[str]) -> None:
    """Who dies and who comes back; never two fates for one link."""
    free = list(urls)

    def take(host: str) -> str:
        url = next(one for one in free if f"//{host}/" in one)
        free.remove(url)
        return url

    for host, fates in DEATHS.items():
        for day, state in fates:
            url, moment = take(host), START + timedelta(days=day)
            life.world.at(moment, url, state)
            life.died[url] = moment
    for host, (dies, returns) in RESURRECTED.items():
        url = take(host)
        life.died[url], life.back[url] = START + timedelta(days=dies), START + timedelta(days=returns)
        life.world.at(life.died[url], url, State.WECHAT_DELETED if host == WECHAT else State.NOT_FOUND)
        life.world.at(life.back[url], url, State.LIVE)


def write_disasters(world: World) -> None:
    def between(start: float, days: float, hosts: tuple[str, ...], state: State) -> None:
        for host in hosts:
            world.host_at(START + timedelta(days=start), host, state)
            world.host_at(START + timedelta(days=start + days), host, None)

    between(30, 1, ZHIHU, State.BAD_GATEWAY)  # a platform is down for a day
    between(45, 14, (WECHAT,), State.WECHAT_CAPTCHA)  # a captcha wave of two weeks
    between(62, 29, (WECHAT,), State.LAYOUT_CHANGED)  # another layout, for good
    sites = tuple(f"b{site}.example" for site in range(SITES))
    between(62, 6, sites, State.NOT_FOUND)  # a change of half the web that looks like a massacre


@asynccontextmanager
async def living(folder: Path, empty_database: Path) -> AsyncIterator[Life]:
    clock = DrivenClock(START)
    shutil.copy(empty_database, folder / "rotwatch.db")
    async with World(clock, page_kb=12) as world:
        urls = [url for url, _ in write_world(world, folder)]
        settings = Settings(**merged(world.settings(), SETTINGS), file=folder / "config.toml")
        store = Store(database_url(settings.database.url, folder))
        async with Fetcher(settings.network, base=folder) as fetcher:
            daemon = Daemon(store, fetcher, settings, clock=clock)
            await add(store, [str(folder / "list.md")], base=folder, now=clock(), fetcher=fetcher)
            async with daemon.sweep:
                life = Life(world, clock, daemon, store)
                write_fates(life, urls)
                write_disasters(world)
                yield life
        await store.close()


@pytest.mark.timeout(600)
async def test_three_months_end_with_every_status_right(tmp_path: Path, empty_database: Path) -> None:
    async with living(tmp_path, empty_database) as life:
        await life.live(20)
        life.world.unplug()  # our own outage
        await life.live(2)
        life.world.plug_in()
        await life.live(DAYS - 22)

        async with life.store.read() as db:
            found = {row.url: row for row in await db.execute(select(link))}
            flips = (await db.execute(select(flip, link.c.url).join(link).order_by(flip.c.at))).all()
        wrong = {
            url: (row.status, row.rule)
            for url, row in found.items()
            if row.status != ("dead" if life.dead_at(url, life.clock()) else "alive")
        }
        assert not wrong
        assert {one.url for one in flips if one.new == "dead"} == set(life.died)
        for url, moment in life.died.items():
            if url not in life.back:
                assert timedelta(0) <= found[url].failing_since - moment < timedelta(days=45)
        _each_weeks_mail_says_what_happened(life, [(one.url, one.at, one.new) for one in flips], found)


def _each_weeks_mail_says_what_happened(
    life: Life, flips: list[tuple[str, datetime, str]], found: dict[str, Any]
) -> None:
    mails: list[Any] = life.world.mails
    assert len(mails) == DAYS // 7
    earlier = START
    for mail in mails:
        sent, text = mail["Date"].datetime, mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
        news = [(found[url].title, url, new) for url, at, new in flips if earlier < at <= sent]
        assert titles(text, "Died") == {title for title, _, new in news if new == "dead"}
        assert titles(text, "Came back") == {t for t, url, new in news if new == "alive" and url in life.back}
        earlier = sent


def titles(text: str, heading: str) -> set[str]:
    """The titles in one section of a mail."""
    section = re.search(rf"^== {heading} \(\d+\) ==\n(.*?)(?=^== |\Z|^-- )", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^\* (.+)$", section[1], re.MULTILINE)) if section else set()
