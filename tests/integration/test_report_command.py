"""``rotwatch report`` as a process, against a real database and a real mail server."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import insert, select

from monitor.demo.smtp import MailServer
from monitor.store import Store, database_url, schema
from monitor.store.tables import flip, link, outbox

CONFIG = """
[database]
url = "sqlite:///test.db"
[network]
ca_file = "ca.pem"
[report]
language = "en"
[report.email]
host = "localhost"
port = {port}
username = "rotwatch"
password = "demo-password"
sender = "rotwatch@example.org"
recipients = ["me@example.org"]
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MailServer]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    made = MailServer(context)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def store(tmp_path: Path, server: MailServer) -> AsyncIterator[Store]:
    """A reading list with one death of yesterday and one of three weeks ago."""
    (tmp_path / "config.toml").write_text(CONFIG.format(port=server.port))
    made = Store(database_url("sqlite:///test.db", tmp_path))
    await schema.upgrade(made)
    now = datetime.now(UTC)
    async with made.write() as db:
        for number, days in enumerate((1, 21), start=1):
            at = now - timedelta(days=days)
            row = {"platform": "generic", "host": "e.org", "added_at": at, "since": at, "status": "dead"}
            await db.execute(
                insert(link).values(id=number, url=f"https://e.org/{number}", title=f"Post {number}", **row)
            )
            death = {"link_id": number, "at": at, "old": "suspect", "new": "dead", "reason": "not_found"}
            await db.execute(insert(flip).values(death))
    yield made
    await made.close()


async def rotwatch(folder: Path, *arguments: str) -> tuple[int, str, str]:
    ours = ("ROTWATCH_", "PYTHONDONTWRITEBYTECODE")  # modules are compiled once, not at each start
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from monitor.cli import main; main()",
        *("--config", str(folder / "config.toml"), "report", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment, "PYTHONPATH": str(Path.cwd())},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in err
    return process.returncode, out.decode(), err.decode()


async def test_it_prints_the_last_week(store: Store, tmp_path: Path) -> None:
    code, out, _ = await rotwatch(tmp_path)
    assert code == 0
    assert "Post 1" in out
    assert "Post 2" not in out


async def test_it_looks_back_as_far_as_asked(store: Store, tmp_path: Path) -> None:
    assert "Post 2" in (await rotwatch(tmp_path, "--since", "4w"))[1]
    assert "Post 1" not in (await rotwatch(tmp_path, "--since", "12h"))[1]


async def test_json_has_whole_values_and_utc_times(store: Store, tmp_path: Path) -> None:
    _, out, _ = await rotwatch(tmp_path, "--json")
    report: dict[str, Any] = json.loads(out)
    assert report["now"]["lost"] == 2
    assert [change["url"] for change in report["died"]] == ["https://e.org/1"]
    assert report["died"][0]["at"].endswith("Z")


async def test_it_writes_each_kind_of_file(store: Store, tmp_path: Path) -> None:
    for name in ("report.html", "report.txt", "report.eml"):
        code, out, err = await rotwatch(tmp_path, "--out", str(tmp_path / name))
        assert (code, out) == (0, "")
        assert name in err
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert "Post 1" in (tmp_path / "report.txt").read_text()
    mail = message_from_bytes((tmp_path / "report.eml").read_bytes(), policy=default)
    assert mail["Subject"] == "rotwatch: “Post 1” died, 1 lost without a copy"


async def test_it_sends_one_mail_now(store: Store, tmp_path: Path, server: MailServer) -> None:
    code, out, err = await rotwatch(tmp_path, "--send")
    assert (code, out) == (0, "")
    assert "me@example.org" in err
    assert len(server.mails) == 1
    async with store.read() as db:
        states = [(row.kind, row.state) for row in await db.execute(select(outbox))]
    assert states == [("once", "sent")]


async def test_what_cannot_be_sent_is_one_sentence_and_code_3(
    store: Store, tmp_path: Path, server: MailServer
) -> None:
    await server.refuse()
    code, out, err = await rotwatch(tmp_path, "--send")
    assert (code, out) == (3, "")
    assert err.startswith(f"Error: localhost:{server.port} cannot be used")
    assert err.count("\n") == 1


async def test_nobody_to_send_to_is_a_matter_of_configuration(store: Store, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[database]\nurl = "sqlite:///test.db"\n')
    code, _, err = await rotwatch(tmp_path, "--send")
    assert code == 2
    assert "report.email.recipients" in err
    assert (await rotwatch(tmp_path, "--out", str(tmp_path / "lonely.eml")))[0] == 0


@pytest.mark.parametrize(
    "wrong", [("--since", "soon"), ("--json", "--send"), ("--out", "x.pdf"), ("--out", "/no/such/x.txt")]
)
async def test_wrong_usage_is_one_sentence_and_code_2(
    store: Store, tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    code, out, err = await rotwatch(tmp_path, *wrong)
    assert (code, out) == (2, "")
    assert "Error: " in err
