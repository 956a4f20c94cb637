from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from monitor.config import Network, Source
from monitor.fetch import Fetcher
from monitor.platforms import identify
from monitor.sources.sync import Syncer, add
from monitor.store import Store, links, overview, report
from monitor.store.links import Mention
from monitor.store.tables import link, source

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FEED_EVERY = timedelta(hours=6)
LIST = "https://a.example/1\n\nFirst\n\nhttps://a.example/2\n\nSecond\n"


@pytest.fixture
async def fetcher(tmp_path: Path) -> AsyncIterator[Fetcher]:
    async with Fetcher(Network(), base=tmp_path) as fetcher:
        yield fetcher


async def sync(
    syncer: Syncer, base: Path, *configured: Source, now: datetime = NOW, online: bool = True
) -> None:
    await syncer.sync(configured, base=base, now=now, feed_every=FEED_EVERY, online=online)


async def rows(store: Store, table: Any) -> list[Any]:
    async with store.read() as db:
        return list(await db.execute(select(table)))


async def test_a_configured_list_is_read_and_one_withdrawn_is_watched_no_more(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(LIST, encoding="utf-8")
    syncer = Syncer(store, fetcher)
    await sync(syncer, tmp_path, Source(path="a.md"))
    assert [row.watched for row in await rows(store, link)] == [True, True]
    await sync(syncer, tmp_path)
    assert [row.watched for row in await rows(store, link)] == [False, False]
    assert await rows(store, source) == []


async def test_a_list_added_by_hand_stays_whatever_is_configured(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(LIST, encoding="utf-8")
    await add(store, ["a.md"], base=tmp_path, now=NOW, fetcher=fetcher)
    await sync(Syncer(store, fetcher), tmp_path)
    assert [row.watched for row in await rows(store, link)] == [True, True]


async def test_a_glob_that_cannot_be_read_withdraws_nothing(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "a.md").write_text(LIST, encoding="utf-8")
    syncer = Syncer(store, fetcher)
    await sync(syncer, tmp_path, Source(path="posts/*.md"))
    (tmp_path / "posts").rename(tmp_path / "unmounted")
    await sync(syncer, tmp_path, Source(path="posts/*.md"))
    assert [row.watched for row in await rows(store, link)] == [True, True]
    [kept] = await rows(store, source)
    assert kept.missing_since == NOW


async def test_a_list_that_can_be_read_again_unchanged_has_no_problem_any_more(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "a.md").write_text(LIST, encoding="utf-8")
    await add(store, ["posts/a.md"], base=tmp_path, now=NOW, fetcher=fetcher)
    syncer = Syncer(store, fetcher)
    folder.rename(tmp_path / "away")
    await sync(syncer, tmp_path)
    assert [row.problem is None for row in await rows(store, source)] == [False]
    (tmp_path / "away").rename(folder)
    await sync(syncer, tmp_path)
    assert [(row.problem, row.missing_since) for row in await rows(store, source)] == [(None, None)]


async def test_a_list_that_keeps_out_of_archives_still_does_when_it_is_added_by_hand(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(LIST, encoding="utf-8")
    await sync(Syncer(store, fetcher), tmp_path, Source(path="a.md", archive=False))
    await add(store, ["a.md"], base=tmp_path, now=NOW, fetcher=fetcher)
    assert [row.archive for row in await rows(store, source)] == [False]


async def test_offline_or_just_read_a_list_on_the_network_is_left_alone(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    feed = Source(path="https://feeds.invalid/feed.xml")
    syncer = Syncer(store, fetcher)
    await sync(syncer, tmp_path, feed, online=False)
    assert await rows(store, source) == []
    await sync(syncer, tmp_path, feed)
    [tried] = await rows(store, source)
    assert "cannot be read" in tried.problem
    await sync(syncer, tmp_path, feed, now=NOW + FEED_EVERY / 2)
    assert [row.synced_at for row in await rows(store, source)] == [NOW]
    await sync(syncer, tmp_path, feed, now=NOW + FEED_EVERY)
    assert [row.synced_at for row in await rows(store, source)] == [NOW + FEED_EVERY]


async def test_the_key_in_a_feeds_address_is_told_neither_by_log_nor_mail_nor_status(
    store: Store, fetcher: Fetcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    address = "https://me:SECRET@127.0.0.1:1/mine/feed.xml?token=SECRET"
    await sync(Syncer(store, fetcher), tmp_path, Source(path=address))
    async with store.write() as db:
        mention = Mention(identify("https://a.example/1"), "One", 1)
        await links.sync_source(db, address, [mention], now=NOW)
    async with store.read() as db:
        problems = await report.source_problems(db)
        whole = await overview.whole(db, "https://a.example/1")
    assert whole is not None
    assert whole.places == [{"path": "https://127.0.0.1:1/mine/feed.xml?…", "line": 1}]
    assert "The list https://127.0.0.1:1/mine/feed.xml?… cannot be read" in caplog.text
    assert "SECRET" not in caplog.text + str(problems)


async def test_an_entry_that_scrolls_off_a_feed_stays_watched(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    def feed(*numbers: int) -> str:
        items = "".join(
            f"<item><title>T{n}</title><link>https://a.example/{n}</link></item>" for n in numbers
        )
        return f'<rss version="2.0"><channel>{items}</channel></rss>'

    (tmp_path / "feed.rss").write_text(feed(1, 2), encoding="utf-8")
    await add(store, ["feed.rss"], base=tmp_path, now=NOW, fetcher=fetcher)
    (tmp_path / "feed.rss").write_text(feed(2, 3), encoding="utf-8")
    await sync(Syncer(store, fetcher), tmp_path)
    assert {row.url[-1]: row.watched for row in await rows(store, link)} == {"1": True, "2": True, "3": True}


async def test_a_url_added_by_hand_takes_its_title_from_the_first_list_that_has_one(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    await add(store, ["https://a.example/1"], base=tmp_path, now=NOW, fetcher=fetcher)
    (tmp_path / "a.md").write_text(LIST, encoding="utf-8")
    await add(store, ["a.md"], base=tmp_path, now=NOW, fetcher=fetcher)
    assert [row.title for row in await rows(store, link)] == ["First", "Second"]
    (tmp_path / "a.md").write_text("# New line\n\n" + LIST.replace("First", "Changed"), encoding="utf-8")
    await add(store, ["a.md"], base=tmp_path, now=NOW, fetcher=fetcher)
    assert [row.title for row in await rows(store, link)] == ["Changed", "Second"]


async def test_a_list_caught_while_it_is_being_written_keeps_its_links(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(LIST, encoding="utf-8")
    await add(store, ["a.md"], base=tmp_path, now=NOW, fetcher=fetcher)
    (tmp_path / "a.md").write_text("", encoding="utf-8")
    await sync(Syncer(store, fetcher), tmp_path)
    assert [row.watched for row in await rows(store, link)] == [True, True]
    [kept] = await rows(store, source)
    assert "has no links any more" in kept.problem


async def test_a_deleted_list_is_watched_no_more(store: Store, fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(LIST, encoding="utf-8")
    await add(store, ["a.md"], base=tmp_path, now=NOW, fetcher=fetcher)
    (tmp_path / "a.md").unlink()
    await sync(Syncer(store, fetcher), tmp_path)
    assert [row.watched for row in await rows(store, link)] == [False, False]


async def test_the_lists_of_another_machine_are_its_own(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    for name in ("configured.md", "by-hand.md"):
        (tmp_path / name).write_text(LIST.replace("a.example", name), encoding="utf-8")
    here, there = Syncer(store, fetcher, "here"), Syncer(store, fetcher, "there")
    await sync(here, tmp_path, Source(path="configured.md"), Source(path="by-hand.md"))
    for name in ("configured.md", "by-hand.md"):  # as on a machine that has neither
        (tmp_path / name).unlink()
    await sync(there, tmp_path)
    assert [row.watched for row in await rows(store, link)] == [True] * 4
    assert [(row.machine, row.problem) for row in await rows(store, source)] == [("here", None)] * 2
    await sync(here, tmp_path, Source(path="configured.md"))
    assert [row.watched for row in await rows(store, link)] == [False] * 4


async def test_the_lists_of_a_machine_that_has_another_name_now_are_read_on(
    store: Store, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(LIST, encoding="utf-8")
    await sync(Syncer(store, fetcher, "before"), tmp_path, Source(path="a.md"))
    (tmp_path / "a.md").write_text(LIST + "\nhttps://a.example/3\n", encoding="utf-8")
    await sync(Syncer(store, fetcher, "after"), tmp_path)
    assert len(await rows(store, link)) == 3
    assert [row.machine for row in await rows(store, source)] == ["after"]
