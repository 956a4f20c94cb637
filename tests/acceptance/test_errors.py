"""Whatever is wrong: one clear sentence and the right exit code, never a traceback."""

from __future__ import annotations

import os
import socket
import sqlite3
from pathlib import Path

import pytest

from monitor.demo import World
from tests.acceptance.rig import EXAMPLE, Answer, Rig


def is_one_sentence(answer: Answer, code: int, *words: str) -> None:
    assert answer.code == code, answer
    assert "Traceback" not in answer.err
    said = [line for line in answer.err.splitlines() if line.startswith("Error: ")]
    assert len(said) == 1, answer.err
    for word in words:
        assert word in said[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"netwrok": {}}, ["unknown key netwrok", "did you mean network"]),
        ({"network": {"timeout_s": "soon"}}, ["network.timeout_s"]),
    ],
)
async def test_a_configuration_error_is_one_sentence(
    rig: Rig, settings: dict[str, object], words: list[str]
) -> None:
    rig.settings |= settings
    is_one_sentence(await rig.rotwatch("add", str(EXAMPLE)), 2, *words)


async def test_what_only_the_network_needs_is_missed_where_it_is_used(rig: Rig) -> None:
    rig.settings |= {"network": {"ca_file": "nowhere.pem"}}
    await rig.given("add", str(EXAMPLE))
    answer = await rig.rotwatch("add", "https://feeds.example/atom.xml")
    is_one_sentence(answer, 2, "ca_file", "nowhere.pem")


async def test_a_missing_configuration_is_one_sentence(rig: Rig) -> None:
    is_one_sentence(await rig.rotwatch("--config", "nowhere.toml", "status"), 2, "nowhere.toml")


async def test_a_missing_list_is_one_sentence(rig: Rig) -> None:
    is_one_sentence(await rig.rotwatch("add", "nowhere.md"), 2, "nowhere.md", "does not exist")


async def test_a_word_that_is_no_link_is_one_sentence(rig: Rig) -> None:
    await rig.given("add", str(EXAMPLE))
    is_one_sentence(await rig.rotwatch("show", "javascript:alert(1)"), 2)


async def test_a_database_that_is_not_there_yet_is_one_sentence(rig: Rig) -> None:
    is_one_sentence(await rig.rotwatch("status"), 3, "add a list first")
    assert not (rig.folder / "rotwatch.db").exists()


async def test_a_corrupt_database_is_one_sentence_and_stays_as_it_is(rig: Rig) -> None:
    garbage = b"certainly no database, however long one looks at it" * 100
    (rig.folder / "rotwatch.db").write_bytes(garbage)
    for command in (["status"], ["add", str(EXAMPLE)], ["run"]):
        is_one_sentence(await rig.rotwatch(*command), 3, "backup")
    assert (rig.folder / "rotwatch.db").read_bytes() == garbage


async def test_a_database_damaged_in_the_middle_is_one_sentence(rig: Rig) -> None:
    await rig.given("add", str(EXAMPLE))
    file = rig.folder / "rotwatch.db"
    data = bytearray(file.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    file.write_bytes(data)
    is_one_sentence(await rig.rotwatch("status"), 3, "backup")


async def test_a_database_that_can_only_be_read_is_one_sentence(rig: Rig) -> None:
    await rig.given("add", str(EXAMPLE))
    assert rig.config.exists()
    for path in rig.folder.glob("rotwatch.db*"):
        path.chmod(0o444)
    if os.geteuid() == 0:  # nothing is read-only for root, as long as it keeps its privilege
        rig.prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    is_one_sentence(await rig.rotwatch("add", "https://a.example/"), 3, "writable")


async def test_a_database_in_a_folder_that_cannot_be_is_one_sentence(rig: Rig) -> None:
    (rig.folder / "file").write_text("no folder", encoding="utf-8")
    rig.settings["database"] = {"url": f"sqlite:///{rig.folder}/file/rotwatch.db"}
    is_one_sentence(await rig.rotwatch("add", str(EXAMPLE)), 3, "cannot be created")


async def test_a_database_of_another_kind_is_one_sentence(rig: Rig) -> None:
    rig.settings["database"] = {"url": "mysql://localhost/rot"}
    is_one_sentence(await rig.rotwatch("status"), 2, "not supported")


async def test_a_variable_that_is_no_json_is_one_sentence(rig: Rig) -> None:
    rig.variables = {"ROTWATCH_NETWORK__ANCHORS": "www.baidu.com"}
    is_one_sentence(await rig.rotwatch("status"), 2, "JSON")


async def test_offline_probe_says_so_and_judges_nothing(rig: Rig, world: World) -> None:
    rig.settings["network"] = {"anchors": ["https://www.baidu.com"]}
    world.unplug()
    answer = await rig.rotwatch("probe", "https://a.example/x")
    assert (answer.code, answer.out) == (3, "")
    assert "Offline" in answer.err


async def test_a_url_that_cannot_be_watched_is_one_sentence(rig: Rig) -> None:
    is_one_sentence(await rig.rotwatch("add", "http://"), 2, "cannot be watched")


async def test_two_forms_at_once_are_a_usage_error(rig: Rig) -> None:
    await rig.given("add", str(EXAMPLE))
    assert (await rig.rotwatch("status", "--json", "--csv")).code == 2
    assert (await rig.rotwatch("status", "--platform", "wechta")).code == 2


async def test_a_mail_server_that_cannot_be_reached_is_one_sentence(rig: Rig, world: World) -> None:
    await rig.given("add", str(EXAMPLE))
    await world.mail_server.refuse()
    is_one_sentence(await rig.rotwatch("report", "--send"), 3, "localhost")


async def test_a_wrong_mail_password_is_one_sentence_without_it(rig: Rig) -> None:
    await rig.given("add", str(EXAMPLE))
    rig.settings["report"]["email"] |= {"password": "hunter2"}
    answer = await rig.rotwatch("report", "--send")
    is_one_sentence(answer, 3, "refuses the login")
    assert "hunter2" not in answer.out + answer.err


async def test_wrong_archive_keys_are_told_by_doctor_without_them(rig: Rig) -> None:
    await rig.given("add", str(EXAMPLE))
    rig.settings["archives"] = {"wayback": {"secret_key": "hunter2"}}
    answer = await rig.rotwatch("doctor", "--json")
    found = {check["name"]: check for check in answer.json["checks"]}
    assert answer.code == 1
    assert found["archive.org"]["level"] == "failed"
    assert "s3.php" in found["archive.org"]["mend"]
    assert "hunter2" not in answer.out + answer.err


async def test_an_archive_that_cannot_be_reached_is_told_by_doctor(rig: Rig, world: World) -> None:
    await rig.given("add", str(EXAMPLE))
    world.unplug()
    rig.settings["network"] = {"anchors": []}
    found = {check["name"]: check for check in (await rig.rotwatch("doctor", "--json")).json["checks"]}
    assert found["archive.org"]["level"] == "warning"
    assert found["mail"]["level"] == "ok"


async def test_doctor_tells_of_being_offline_once_and_asks_nobody_else(rig: Rig, world: World) -> None:
    await rig.given("add", str(EXAMPLE))
    world.unplug()
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    rig.settings["report"] = {"email": {"host": "127.0.0.1", "port": port, "recipients": ["a@example.org"]}}
    answer = await rig.rotwatch("doctor", "--json")
    found = {check["name"]: (check["level"], check["found"]) for check in answer.json["checks"]}
    assert [name for name, (level, _) in found.items() if level == "failed"] == ["network"]
    assert found["archive.org"] == found["clock"] == ("warning", "not asked: offline")
    assert found["mail"] == ("warning", f"127.0.0.1:{port} does not answer: offline")
    assert answer.code == 1
    assert not [look for look in world.log if look.host.endswith("archive.org")]


async def test_doctor_finds_a_healthy_machine_healthy(rig: Rig, world: World) -> None:
    await rig.given("add", str(EXAMPLE))
    rig.settings["network"] = {"anchors": ["https://www.baidu.com", "https://www.qq.com"]}
    answer = await rig.rotwatch("doctor", "--json")
    levels = {check["name"]: check["level"] for check in answer.json["checks"]}
    assert {
        name: levels[name] for name in ("config", "database", "migrations", "network", "archive.org", "mail")
    } == (dict.fromkeys(("config", "database", "migrations", "network", "archive.org", "mail"), "ok"))
    assert answer.code == 0


async def test_an_unknown_command_and_option_are_usage_errors(rig: Rig) -> None:
    assert (await rig.rotwatch("dance")).code == 2
    assert (await rig.rotwatch("status", "--status", "undead")).code == 2
    assert (await rig.rotwatch("status", "--fail-on", "undead")).code == 2
    assert (await rig.rotwatch()).code == 2


async def test_a_reader_that_goes_away_is_no_error(rig: Rig) -> None:
    await rig.given("add", str(EXAMPLE))
    process = await rig.start("status", "--json")
    assert process.stdout is not None
    process.stdout._transport.close()  # type: ignore[attr-defined]
    assert process.stderr is not None
    err = await process.stderr.read()
    assert await process.wait() == 141  # as the shell counts SIGPIPE
    assert b"Error" not in err


async def test_a_backup_is_whole_and_never_written_over_something(rig: Rig, tmp_path: Path) -> None:
    await rig.given("add", str(EXAMPLE))
    copy = tmp_path / "copy.db"
    assert (await rig.rotwatch("db", "backup", str(copy))).code == 0
    with sqlite3.connect(copy) as db:
        assert db.execute("SELECT count(*) FROM link").fetchone() == (81,)
    db.close()
    assert copy.stat().st_mode & 0o077 == 0
    assert (await rig.rotwatch("db", "backup", str(copy))).code == 2
