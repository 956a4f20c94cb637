from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len
from sqlalchemy import insert, update

from monitor.demo import State
from monitor.model import Status
from monitor.store.tables import link, snapshot
from tests.integration.archives.commands import rotwatch
from tests.integration.archives.local_rig import LocalRig
from tests.integration.archives.rig import START

LONG = "https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv"


async def test_a_kept_page_is_read_offline_and_fits_the_screen(
    local: LocalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = local.world.article(LONG, title="一个很长的标题：时间、链接与记忆")
    await local.kept(LONG)
    local.world.unplug()
    monkeypatch.setenv("COLUMNS", "40")
    done = await rotwatch(local, "read", LONG + "?scene=1")
    assert done.exception is None
    assert done.output.startswith(f"{post.title}\n{LONG}\nKept ")
    assert "verified (A), 3 of 3 pictures" in " ".join(done.output.split())
    lines = done.output.splitlines()
    assert max(cell_len(line) for line in lines if line != LONG) <= 40
    text = done.output.replace("\n", "")
    for paragraph in post.text(local.world._own(post.place.key, START)):
        assert "".join(paragraph.split()) in "".join(text.split())


async def test_of_a_dead_page_the_last_copy_from_before_its_death_is_read(local: LocalRig) -> None:
    local.world.article(LONG)
    before = await local.kept(LONG)
    local.time.pass_(days=1)
    local.world.set(LONG, State.LIVE, edited=0.9)
    after = await local.look(1, LONG)
    assert after not in (None, before)
    newest = (await rotwatch(local, "read", LONG)).output
    async with local.store.write() as db:
        dying = {"status": Status.DEAD, "failing_since": START + timedelta(hours=3)}
        await db.execute(update(link).values(dying))
    assert (await rotwatch(local, "read", LONG)).output != newest


async def test_the_page_itself_can_be_written_to_a_file(local: LocalRig, tmp_path: Path) -> None:
    local.world.article(LONG)
    await local.kept(LONG)
    (copy,) = await local.copies()
    done = await rotwatch(local, "read", LONG, "--html", str(tmp_path / "page.html"))
    assert done.return_value == 0
    assert (tmp_path / "page.html").read_bytes() == local.local.record(
        copy.file, copy.offset, copy.length
    ).body
    missing = tmp_path / "no" / "page.html"
    refused = await rotwatch(local, "read", LONG, "--html", str(missing))
    assert str(refused.exception).startswith(f"{missing} cannot be written")


async def test_reading_and_exporting_nothing_is_bad_news_and_makes_no_folder(
    local: LocalRig, tmp_path: Path
) -> None:
    await local.link(LONG)
    read = await rotwatch(local, "read", LONG)
    export = await rotwatch(local, "export", "--wacz", str(tmp_path / "copies.wacz"))
    assert [read.return_value, export.return_value] == [1, 1]
    assert not local.local.directory.exists()
    assert not (tmp_path / "copies.wacz").exists()


async def test_without_a_local_copy_it_says_where_one_is(local: LocalRig) -> None:
    link_id = await local.link(LONG)
    none = await rotwatch(local, "read", LONG)
    assert none.return_value == 1
    assert none.stderr.startswith(f"There is no copy of {LONG}: ")
    there = f"https://web.archive.org/web/20261101000000/{LONG}"
    async with local.store.write() as db:
        copy = {
            "link_id": link_id,
            "archive": "wayback",
            "url": there,
            "original_url": LONG,
            "captured_at": START,
            "origin": "found",
            "grade": "B",
        }
        await db.execute(insert(snapshot).values(copy))
    elsewhere = await rotwatch(local, "read", LONG)
    assert elsewhere.return_value == 1
    assert elsewhere.stderr == f"There is no local copy of {LONG}. A verified one is at {there}\n"
    unknown = await rotwatch(local, "read", "https://example.com/never")
    assert (
        str(unknown.exception) == "https://example.com/never is not watched: add it first (rotwatch add URL)."
    )


async def test_a_damaged_archive_is_one_sentence(local: LocalRig) -> None:
    local.world.article(LONG)
    await local.kept(LONG)
    (copy,) = await local.copies()
    path = local.local.directory / copy.file
    whole = path.read_bytes()
    path.unlink()
    gone = await rotwatch(local, "read", LONG)
    assert str(gone.exception) == f"The local archive has no file {path}: restore it from a backup."
    path.write_bytes(whole)
