"""Faults of the machine that the whole program must live through."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from monitor.demo import State, World
from tests.acceptance.rig import ROTWATCH, Daemon, Rig

NO_ARCHIVE = {"archives": {"wayback": {"enabled": False}}}


def articles(world: World, rig: Rig, count: int) -> list[str]:
    urls = [f"https://a{number}.example/post/{number}" for number in range(count)]
    for number, url in enumerate(urls):
        world.article(url, title=f"Title {number}")
    (rig.folder / "list.md").write_text("\n\n".join(urls), encoding="utf-8")
    return urls


def may_mount() -> bool:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="a small disk of our own needs root and mount namespaces")
async def test_a_full_disk_loses_nothing_and_is_over_when_there_is_room(rig: Rig, world: World) -> None:
    """The state lies on a disk of 6 MB that is filled while the daemon runs, and emptied."""
    articles(world, rig, 30)
    rig.settings |= {"sources": [], "daemon": {"sync_s": 0.5}}
    state = rig.folder / "small"
    state.mkdir()
    rig.variables = {"STATE_DIRECTORY": str(state)}
    rig.prefix = (
        "unshare",
        "--mount",
        "sh",
        "-c",
        f'mount -t tmpfs -o size=6m small {state}; exec "$@"',
        "sh",
    )
    del rig.settings["sources"]
    config = rig.config.read_text(encoding="utf-8")
    (rig.folder / "config.toml").write_text(f'{config}[[sources]]\npath = "later.md"\n', encoding="utf-8")
    # with the configuration as it lies there
    words = (*rig.prefix, str(ROTWATCH), "--config", str(rig.folder / "config.toml"), "run")
    daemon = Daemon(rig, await rig.run(*words))
    daemon._reader = asyncio.create_task(daemon._read())
    inside = Path(f"/proc/{daemon.process.pid}/root{state}")
    await daemon.until("its start", lambda: any("online" in line for line in daemon.log))
    filler = inside / "filler"
    fill(filler)
    (rig.folder / "list.md").rename(rig.folder / "later.md")
    await daemon.until("the word", lambda: any("make room" in line for line in daemon.log))
    filler.unlink()
    await daemon.until("all looks", lambda: sum(" alive" in line for line in daemon.log) >= 30)
    assert await daemon.end() == 0
    assert not any("Traceback" in line for line in daemon.log), "\n".join(daemon.log)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), file.open("wb", buffering=0) as sink:
        while sink.write(bytes(4096)):
            pass


async def test_without_file_descriptors_no_link_is_blamed(rig: Rig, world: World) -> None:
    rig.settings |= NO_ARCHIVE | {"network": {"anchors": []}, "daemon": {"grace_s": 1}}
    articles(world, rig, 60)
    for number in range(60):  # so that all are open at once
        world.set(f"https://a{number}.example/post/{number}", State.HANG if number % 2 else State.LIVE)
    await rig.given("add", str(rig.folder / "list.md"))
    rig.prefix = ("prlimit", "--nofile=36:36")
    daemon = await Daemon.started(rig)
    await daemon.until("the word", lambda: any("open files" in line for line in daemon.log))
    await asyncio.sleep(1)
    assert await daemon.end() == 0
    assert {outcome for (outcome,) in rig.ask("SELECT outcome FROM span")} <= {"ok"}
    assert rig.ask("SELECT count(*) FROM link WHERE status NOT IN ('pending', 'alive')") == [(0,)]


async def test_pages_without_end_on_every_host_do_not_fill_the_memory(rig: Rig, world: World) -> None:
    """As much address space as Python and its threads need, and a little for pages."""
    rig.settings |= NO_ARCHIVE | {"network": {"max_body_mb": 2, "concurrency": 12, "anchors": []}}
    for number, url in enumerate(articles(world, rig, 12)):
        world.set(url, (State.TOO_LARGE, State.GZIP_BOMB, State.LIVE)[number % 3])
    await rig.given("add", str(rig.folder / "list.md"))
    rig.prefix = ("prlimit", f"--as={1_200_000_000}")
    answer = await rig.rotwatch("check", "--due")
    assert answer.code == 0, answer.err
    assert "MemoryError" not in answer.err
    assert rig.ask("SELECT count(*) FROM span") == [(12,)]
