"""``rotwatch db backup``, and the restore as docs/machines.md shows it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from monitor.cli import cli
from monitor.store import Store, database_url
from tests import postgres
from tests.integration.test_db_copy import content, lived, status


def restored(engine: str, backup: Path, folder: Path, server: postgres.Server | None) -> str:
    """The URL of a new database that was made from the backup by the engine's own means."""
    if server is None:
        shutil.copy(backup, folder / "restored.db")
        return f"sqlite:///{folder / 'restored.db'}"
    url = server.make("restored")
    command = [server.tool("pg_restore"), f"--dbname={url}", str(backup)]
    subprocess.run(command, check=True, capture_output=True)
    return url


@pytest.mark.both_engines
async def test_a_backup_that_is_restored_is_the_same_list(
    engine: str,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    server = request.getfixturevalue("postgresql") if engine == "postgresql" else None
    if server:
        monkeypatch.setenv("PATH", f"{Path(server.tool('pg_dump')).parent}{os.pathsep}{os.environ['PATH']}")
    await lived(store)
    rows = await content(store)
    file = tmp_path / "backup"
    command = ["--database", str(store.url), "db", "backup", str(file)]
    async with store.write():  # the daemon is at work
        result = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert result.exit_code == 0, result.output
    assert file.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob("*.partial"))
    again = Store(database_url(await asyncio.to_thread(restored, engine, file, tmp_path, server), tmp_path))
    try:
        assert (await status(again), await content(again)) == (await status(store), rows)
    finally:
        await again.close()
        if server:
            server.drop("restored")


RECORDING = """#!/bin/sh
printf '%s\\n' "$*" >"$0.words"
printf '%s' "$PGPASSWORD" >"$0.password"
exec {real} "$@"
"""


@pytest.mark.parametrize("place", ["before the host", "as a parameter"])
@pytest.mark.usefixtures("upgraded_server")
async def test_the_password_is_in_no_process_list_wherever_it_stands_in_the_url(
    place: str, postgresql: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(RECORDING.format(real=postgresql.tool("pg_dump")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    url = make_url(postgresql.url("newest"))
    secret = "hunter 2&%"
    given = {
        "before the host": url.set(password=secret),
        "as a parameter": url.update_query_dict({"password": secret}),
    }[place]
    command = [
        "--database",
        given.render_as_string(hide_password=False),
        "db",
        "backup",
        str(tmp_path / "backup"),
    ]
    result = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "backup").stat().st_size > 1000
    assert "hunter" not in (tmp_path / "pg_dump.words").read_text()
    assert (tmp_path / "pg_dump.password").read_text() == secret
    name = Store(database_url(given.render_as_string(hide_password=False), tmp_path)).name  # what errors say
    assert ("hunter" in name, "***" in name) == (False, True)


@pytest.mark.usefixtures("upgraded_server")
async def test_without_pg_dump_it_says_how_to_get_it(
    postgresql: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    command = ["--database", postgresql.url("newest"), "db", "backup", str(tmp_path / "backup")]
    result = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert "apt install postgresql-client" in str(result.exception)
    assert not (tmp_path / "backup").exists()
