"""The service on a real systemd: installed, started, killed, frozen, reloaded, stopped, uninstalled."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from monitor.demo import State, World
from monitor.store import Store, database_url, schema
from tests.acceptance.machine import Machine, booted
from tests.acceptance.rig import ENDS_WITHIN_S, HURRIED, ROTWATCH, Daemon, Rig, as_toml, merged

CONFIG = "/etc/rotwatch/config.toml"
DATABASE = "/var/lib/private/rotwatch/rotwatch.db"
FIRST, SECOND = "https://a.example/post/1", "https://b.example/post/2"
OF_OLD = "something that the first release kept"
QUICK = "[Service]\nRestartSec=0.2\nWatchdogSec=8\nTimeoutAbortSec=1\n"


async def old_database(file: Path) -> Path:
    """A database of the first release with a row in it."""
    from alembic import command

    store = Store(database_url(f"sqlite:///{file}", file.parent))
    async with store.write() as db:
        await db.run_sync(lambda connection: command.upgrade(schema.alembic_config(connection), "0001"))
    await store.close()
    with closing(sqlite3.connect(file)) as db:
        values = (OF_OLD, 7, "2026-01-01 00:00:00.000000")
        db.execute("INSERT INTO service (name, failures, updated_at) VALUES (?, ?, ?)", values)
        db.commit()
    return file


def configuration(world: World, *lists: str) -> str:
    ours = {
        "network": {"ca_file": "/etc/rotwatch/ca.pem"},
        "daemon": {"tick_s": 1},
    }  # 12 ticks missed: not healthy
    settings = merged(world.settings(), HURRIED, ours)
    return as_toml(settings) + "".join(f'[[sources]]\npath = "{name}"\n' for name in lists)


async def entries(machine: Machine, *filters: str) -> list[dict[str, Any]]:
    said = await machine.run(
        "journalctl", "--no-pager", "--output=json", "--unit=rotwatch", *filters, ok=False
    )
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.mark.timeout(600)
async def test_a_real_systemd_starts_revives_reloads_and_stops_it(world: World, tmp_path: Path) -> None:
    world.article(FIRST, title="The first title")
    world.article(SECOND, title="The second title")
    (tmp_path / "machine").mkdir()
    async with booted(tmp_path / "machine") as machine:
        await installed(machine, world, await old_database(tmp_path / "old.db"))
        await starts_and_looks(machine)
        await comes_back(machine)
        await reloads(machine, world)
        await stops_and_goes(machine)


async def installed(machine: Machine, world: World, old: Path) -> None:
    said = await machine.run(str(ROTWATCH), "service", "install")
    assert "enable --now rotwatch" in said
    assert (await machine.run("stat", "--format=%a %U", CONFIG)).split() == ["644", "root"]
    await machine.write(CONFIG, configuration(world, "first.md"))
    again = await machine.run(str(ROTWATCH), "service", "install")
    assert re.findall(r"(as it was|kept)  (/\S+)", again) == [
        ("as it was", "/etc/systemd/system/rotwatch.service"),
        ("kept", CONFIG),
    ]
    await machine.copy(world.ca_file, "/etc/rotwatch/ca.pem")
    await machine.write("/etc/rotwatch/first.md", FIRST)
    await machine.write("/etc/rotwatch/second.md", SECOND)
    await machine.write("/etc/systemd/system/rotwatch.service.d/quick.conf", QUICK)
    await machine.run("install", "-d", "-m", "700", "/var/lib/private", str(Path(DATABASE).parent))
    await machine.copy(old, DATABASE)
    assert not (await machine.run("systemd-analyze", "verify", "rotwatch.service")).strip()


async def told(machine: Machine, words: str, *filters: str) -> dict[str, Any]:
    """The first entry of the journal with these words, as soon as it is there."""
    deadline = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < deadline:
        for entry in await entries(machine, *filters):
            if words in entry["MESSAGE"]:
                return entry
        await asyncio.sleep(0.1)
    raise AssertionError(f"{words}: {await machine.run('journalctl', '--no-pager', '--lines=60')}")


async def starts_and_looks(machine: Machine) -> None:
    """READY, the old database brought up to date, and a page looked at from inside the sandbox."""
    await machine.run("systemctl", "daemon-reload")
    await machine.run("systemctl", "enable", "--now", "rotwatch")
    shown = await machine.show("ActiveState", "SubState", "NRestarts")
    assert shown == {"ActiveState": "active", "SubState": "running", "NRestarts": "0"}
    look = await told(machine, FIRST, "ROTWATCH_ACTION=look")
    assert look["PRIORITY"] == "6"
    assert look["ROTWATCH_HOST"] == "a.example"
    assert "/monitor/" in look["CODE_FILE"]
    assert look["SYSLOG_IDENTIFIER"] == "rotwatch"
    assert "up to date" in await machine.run(str(ROTWATCH), "--config", CONFIG, "db", "current")
    status = json.loads(await machine.run(str(ROTWATCH), "--config", CONFIG, "status", "--json"))
    assert [(link["url"], link["status"]) for link in status["links"]] == [(FIRST, "alive")]
    query = f"SELECT failures FROM service WHERE name = '{OF_OLD}'"
    script = f"import sqlite3; print(sqlite3.connect('{DATABASE}').execute(\"{query}\").fetchall())"
    assert await machine.run(sys.executable, "-c", script) == "[(7,)]\n"
    assert (await machine.run("stat", "--format=%a", str(Path(DATABASE).parent))).strip() == "700"


async def comes_back(machine: Machine) -> None:
    """Killed, and frozen so that the watchdog is not fed."""
    await machine.run("systemctl", "kill", "--signal=KILL", "rotwatch")
    await machine.until(
        "back after the kill", lambda now: (now["NRestarts"], now["ActiveState"]) == ("1", "active")
    )
    await machine.run("systemctl", "kill", "--signal=STOP", "rotwatch")
    await machine.until(
        "back after the frost", lambda now: (now["NRestarts"], now["ActiveState"]) == ("2", "active")
    )
    for what in ("status=9/KILL", "Watchdog timeout"):
        await told(machine, what)


async def reloads(machine: Machine, world: World) -> None:
    """A good configuration is taken on by the same process, a bad one changes nothing and says why."""
    before = await machine.show("MainPID")
    await machine.write(CONFIG, "[netwrok]\n")
    await machine.run("systemctl", "reload", "rotwatch")
    shown = await machine.until("the refusal", lambda now: "Not reloaded" in now["StatusText"])
    assert "did you mean network" in shown["StatusText"]
    assert shown["ActiveState"] == "active"
    await told(machine, "unknown key netwrok", "ROTWATCH_ACTION=reload", "PRIORITY=3")
    await machine.write(CONFIG, configuration(world, "first.md", "second.md"))
    await machine.run("systemctl", "reload", "rotwatch")
    await told(machine, SECOND, "ROTWATCH_ACTION=look")
    shown = await machine.until("running again", lambda now: now["ActiveState"] == "active")
    assert "Not reloaded" not in shown["StatusText"]
    assert (shown["MainPID"], shown["NRestarts"]) == (before["MainPID"], "2")


async def stops_and_goes(machine: Machine) -> None:
    await machine.run("systemctl", "stop", "rotwatch")
    assert await machine.show("ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
    said = await machine.run(str(ROTWATCH), "service", "uninstall")
    assert f"Kept: {CONFIG}" in said
    assert "Kept: /var/lib/rotwatch" in said
    assert "could not be found" in await machine.run("systemctl", "status", "rotwatch", ok=False)
    await machine.run("test", "-s", DATABASE)


@asynccontextmanager
async def acted_systemd(rig: Rig, folder: Path) -> AsyncIterator[Callable[[], str]]:
    """What a daemon of ``rig`` tells systemd, so far."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / "notify"))
        listener.setblocking(False)
        rig.variables = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "500000"}
        heard: list[str] = []

        def hear() -> str:
            with suppress(BlockingIOError):
                while True:
                    heard.append(listener.recv(65536).decode())
            return "\n".join(heard)

        yield hear


def in_one_line(log: list[str], *words: str) -> bool:
    return any(all(word in line for word in words) for line in log)


async def test_a_configuration_that_cannot_be_used_changes_nothing_and_says_why(
    rig: Rig, world: World, tmp_path: Path
) -> None:
    world.article(FIRST, title="The first title")
    await rig.given("add", FIRST)
    async with acted_systemd(rig, tmp_path) as hear:
        daemon = await Daemon.started(rig)
        await daemon.until("READY", lambda: "READY=1" in hear())
        for change, why in (
            ("[netwrok]\n", "did you mean network"),
            ("[network]\ntimeout_s = 0\n", "network.timeout_s"),
            ('[network]\nca_file = "nowhere.pem"\n', "nowhere.pem"),
            ('[database]\nurl = "sqlite:////proc/nowhere/rotwatch.db"\n', "cannot be created"),
            ("not toml at all", "not valid TOML"),
        ):
            (rig.folder / "config.toml").write_text(change, encoding="utf-8")
            before = hear().count("READY=1")
            daemon.process.send_signal(signal.SIGHUP)
            await daemon.until(why, lambda so_far=before: hear().count("READY=1") > so_far)  # type: ignore[misc]
            told = hear().rpartition("RELOADING=1")[2]
            assert re.match(
                r"\nMONOTONIC_USEC=\d+\nWATCHDOG=1\nREADY=1\nSTATUS=Not reloaded, the settings of before hold: ",
                told,
            )
            assert why in told
            await daemon.until(f"{why} in the log", partial(in_one_line, daemon.log, "Not reloaded", why))
        await daemon.until("STATUS", lambda: "1 link," in hear().rpartition("MONOTONIC")[2])
        assert "not valid TOML" in hear().rpartition("WATCHDOG=1")[2]  # it stays said until it is mended
        assert await daemon.end() == 0


async def test_a_good_configuration_is_taken_on_by_the_same_process(
    rig: Rig, world: World, tmp_path: Path
) -> None:
    for url in (FIRST, SECOND):
        world.article(url, title="A title")
    world.set(FIRST, State.HANG)
    (rig.folder / "list.md").write_text(SECOND, encoding="utf-8")
    rig.settings["daemon"] = {"grace_s": 0.5}
    await rig.given("add", FIRST)
    async with acted_systemd(rig, tmp_path) as hear:
        daemon = await Daemon.started(rig)
        await daemon.until("a look in flight", lambda: any(look.host == "a.example" for look in world.log))
        text = rig.config.read_text(encoding="utf-8") + '[[sources]]\npath = "list.md"\n'
        (rig.folder / "config.toml").write_text(text, encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.until("the second look", lambda: any(SECOND in line for line in daemon.log))
        await daemon.until("READY once more", lambda: hear().count("READY=1") == 2)
        assert "STOPPING=1" not in hear()
        assert await daemon.end() == 0
    assert rig.ask("SELECT count(*) FROM link WHERE lease_until IS NOT NULL") == [(0,)]
    assert rig.ask("SELECT url, outcome FROM link WHERE outcome IS NOT NULL") == [(SECOND, "ok")]
