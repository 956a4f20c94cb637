"""What nobody may find: secrets and open files, after a whole run."""

from __future__ import annotations

from pathlib import Path

from monitor.demo import World
from tests.acceptance.rig import Daemon, Rig

URL = "https://a.example/post/1"
TOKEN, PASSWORD = "correct-horse-battery", "hunter2-staple"


def prepared(rig: Rig, world: World) -> list[str]:
    """Give ``rig`` every secret there is; returns them."""
    world.article(URL, title="A title")
    rig.settings["web"] = {"token": TOKEN}
    rig.settings["report"]["email"] |= {"password": PASSWORD}  # a wrong one: its failure is told, it is not
    # the strongest place of all: what a process is called with and what it was given can be read by its user alone
    access, secret = world.archive.access_key, world.archive.secret_key
    rig.settings["archives"] = {"wayback": {"access_key": "", "secret_key": ""}}
    rig.variables = {
        "ROTWATCH_ARCHIVES__WAYBACK__ACCESS_KEY": access,
        "ROTWATCH_ARCHIVES__WAYBACK__SECRET_KEY": secret,
    }
    return [TOKEN, PASSWORD, access, secret]


async def test_no_secret_is_in_a_log_an_error_doctor_the_database_or_the_process_list(
    rig: Rig, world: World
) -> None:
    secrets = prepared(rig, world)
    said: dict[str, str] = {}
    await rig.given("add", URL)
    rig.settings["daemon"] = {"deliver_s": 0.3}
    daemon = await Daemon.started(rig, "--verbose")
    said["process list"] = Path(f"/proc/{daemon.process.pid}/cmdline").read_text()
    await daemon.until("the use of the keys", lambda: any("/save" in look.url for look in world.log))
    for command in (["doctor", "--json"], ["report", "--send"]):
        answer = await rig.rotwatch("--verbose", *command)
        said[" ".join(command)] = answer.out + answer.err
    rig.settings["report"]["email"]["port"] = "nonsense"
    answer = await rig.rotwatch("status")
    assert answer.code == 2
    said["a wrong configuration"] = answer.err
    assert await daemon.end() == 0
    said["log"] = "\n".join(daemon.log)
    for file in rig.folder.glob("rotwatch.db*"):
        said[file.name] = file.read_bytes().decode("latin-1")
    for file in (rig.folder / "archive").rglob("*"):
        said[file.name] = file.read_bytes().decode("latin-1")
    assert "refuses the login" in said["report --send"]
    assert [(place, secret) for place, text in said.items() for secret in secrets if secret in text] == []


async def test_what_it_writes_is_for_its_owner_alone(rig: Rig, world: World) -> None:
    prepared(rig, world)
    rig.prefix = ("sh", "-c", 'umask 022; exec "$@"', "sh")
    await rig.rotwatch("add", URL)
    ours = {rig.config}
    await rig.rotwatch("check", "--due")
    await rig.rotwatch("db", "backup", str(rig.folder / "copy.db"))
    written = {file for file in rig.folder.rglob("*") if file.is_file()} - ours
    assert {file.suffix for file in written} >= {".db", ".gz"}
    assert [file for file in written if file.stat().st_mode & 0o077] == []
