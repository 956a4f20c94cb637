from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from monitor.config import Settings
from monitor.daemon import Daemon
from monitor.demo import State
from monitor.doctor import _local_copies
from monitor.fetch import Fetcher
from monitor.model import Page, Redirect
from monitor.store import Store, links
from monitor.store.tables import link, snapshot
from tests.integration.archives.local_rig import LocalRig
from tests.integration.archives.rig import START

SITES = [f"https://blog.example.com/{number}.html" for number in range(6)]
POSTS = [f"https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStU{letter}" for letter in "abcdef"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@asynccontextmanager
async def daemon_of(local: LocalRig, folder: Path, directory: Path, **own: object) -> AsyncIterator[Daemon]:
    sections = local.world.settings()
    settings = Settings(
        network={**sections["network"], "anchors": []},
        pace={"default_s": 0, "hosts": {}},
        archives={
            "wayback": {"enabled": False},
            "local": {"directory": str(directory), "picture_every_s": 0, **own},
        },
    )
    async with Fetcher(settings.network, base=folder) as fetcher:
        daemon = Daemon(local.store, fetcher, settings, clock=local.time)
        async with daemon.sweep:
            yield daemon


async def sweep(local: LocalRig, daemon: Daemon) -> None:
    """All links are due; look at all of them."""
    async with local.store.write() as db:
        await links.make_due(db, local.time())
    daemon.sweep.looks = 0
    await daemon.tick()
    await daemon.sweep.settle()


async def count(store: Store) -> int:
    async with store.read() as db:
        return int((await db.execute(select(func.count()).select_from(snapshot))).scalar_one())


async def test_a_full_disk_is_said_once_the_sweep_goes_on_and_nothing_is_lost(
    local: LocalRig, tmp_path: Path, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, url in enumerate(POSTS):
        local.world.article(url, sentences=20)
        await local.link(url)
        (small_disk / f"ballast{number}").write_bytes(os.urandom(165_000))
    async with daemon_of(local, tmp_path, small_disk / "archive") as daemon:
        with caplog.at_level(logging.ERROR):
            await sweep(local, daemon)
            assert daemon.sweep.looks == len(POSTS)
            kept = await count(local.store)
            assert 0 < kept < len(POSTS)
            said = [record.message for record in caplog.records]
            where = small_disk / "archive"
            assert said == [f"There is no room for local copies in {where}: make room on the disk."]
        for ballast in small_disk.glob("ballast*"):
            ballast.unlink()
        local.time.pass_(hours=2)
        async with local.store.write() as db:
            await db.execute(update(link).values(sketch=None))  # the next look is one to the end
        await sweep(local, daemon)
        assert await count(local.store) == len(POSTS)
        for _ in POSTS:
            await daemon.picture_tick()
    local.local.directory = small_disk / "archive"
    for copy in await local.copies():
        assert local.local.record(copy.file, copy.offset, copy.length).body
        assert await local.pictures(copy.id) == 3
    local.check()


_LIMITED = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from monitor.archives.local import LocalArchive, LocalArchiveError
from monitor.model import Page
import os

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
archive, kept = LocalArchive(Path(sys.argv[1])), 0
page = Page(url="https://a.example/", final_url="https://a.example/", http_status=200, body=os.urandom(30_000))
try:
    while True:
        archive.keep(page, now=datetime(2026, 11, 24, tzinfo=UTC))
        kept += 1
except LocalArchiveError as problem:
    print(kept, problem)
"""


async def test_a_limit_on_file_sizes_is_a_full_disk_and_leaves_whole_records(local: LocalRig) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _LIMITED, str(local.local.directory)],
        capture_output=True,
        text=True,
        check=True,
    )
    where = local.local.directory
    assert done.stdout == f"3 There is no room for local copies in {where}: make room on the disk.\n"
    local.check()


async def test_upkeep_makes_room_and_doctor_says_when_there_is_none(local: LocalRig, tmp_path: Path) -> None:
    directory = local.local.directory
    for url in POSTS[:2]:
        local.world.article(url)
        await local.link(url)
    async with daemon_of(local, tmp_path, directory) as daemon:
        for edited in (0.1, 0.3, 0.5):
            local.world.set(POSTS[0], State.LIVE, edited=edited)
            await sweep(local, daemon)
            async with local.store.write() as db:
                await db.execute(update(link).values(sketch=None))
            local.time.pass_(days=2)
    assert await count(local.store) == 4
    size = local.local.size()
    budget = {"max_gb": size / 0.95e9}
    async with daemon_of(local, tmp_path, directory, **budget) as daemon:
        await daemon.upkeep()
        assert local.local.size() < size
        assert await count(local.store) < 4
        assert (await _local_copies(daemon.settings, local.store)).level == "ok"
    async with daemon_of(local, tmp_path, directory, max_gb=local.local.size() / 2e9) as daemon:
        await daemon.upkeep()
        assert await count(local.store) == 2
        found = await _local_copies(daemon.settings, local.store)
        assert (found.level, found.mend) == ("failed", "Raise archives.local.max_gb.")


async def test_doctor_names_a_folder_that_is_none(local: LocalRig, tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file where the folder should be")
    settings = Settings(archives={"local": {"directory": str(tmp_path / "archive")}})
    found = await _local_copies(settings, local.store)
    assert (found.level, found.found) == ("failed", f"{tmp_path / 'archive'} cannot be written")
    (tmp_path / "archive").unlink()
    assert (await _local_copies(settings, local.store)).level == "ok"


async def test_doctor_warns_of_copies_whose_files_another_machine_has(
    local: LocalRig, tmp_path: Path
) -> None:
    local.world.article(POSTS[0])
    await local.kept(POSTS[0])
    here, elsewhere = (
        Settings(archives={"local": {"directory": str(folder)}})
        for folder in (local.local.directory, tmp_path / "another")
    )
    assert (await _local_copies(here, local.store)).level == "ok"
    found = await _local_copies(elsewhere, local.store)
    (name,) = local.local.files()
    assert (found.level, found.found) == (
        "warning",
        f"{tmp_path / 'another'} has not got 1 file of copies, like {name}",
    )
    assert "one shared folder" in found.mend


async def test_pictures_are_fetched_by_the_daemon_beside_its_sweep(local: LocalRig, tmp_path: Path) -> None:
    local.world.article(POSTS[0])
    await local.link(POSTS[0])
    async with daemon_of(local, tmp_path, local.local.directory) as daemon:
        await sweep(local, daemon)
        await daemon.picture_tick()
    assert await local.pictures(1) == 3


async def test_without_pictures_none_is_asked_for(local: LocalRig, tmp_path: Path) -> None:
    local.world.article(POSTS[0])
    await local.link(POSTS[0])
    async with daemon_of(local, tmp_path, local.local.directory, pictures=False) as daemon:
        await sweep(local, daemon)
        await daemon.picture_tick()
    assert local.asked("mmbiz.qpic.cn") == []
    assert await count(local.store) == 1


def test_redirects_that_would_lead_in_a_circle_are_left_out(tmp_path: Path) -> None:
    from monitor.archives.local import LocalArchive

    local = LocalArchive(tmp_path)
    hops = ("http://a.example/x", "https://a.example/x", "https://b.example/", "https://a.example/y")
    page = Page(
        url=hops[0],
        final_url="https://a.example/y",
        http_status=200,
        redirects=tuple(Redirect(url, 302) for url in hops),
    )
    record = local.keep(page, now=START)
    made = [local.record(hop.file, hop.offset, hop.length) for hop in record.way]
    assert [(hop.url, hop.headers["location"]) for hop in made] == [
        ("https://a.example/x", "https://b.example/"),
        ("https://b.example/", "https://a.example/y"),
    ]
