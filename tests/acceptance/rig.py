"""A user's machine: the real command, a configuration, a database, in the acted world."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.cli import cli
from monitor.demo import World
from tests.acceptance.warm import Warm, die_with_parent

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "reading-list.md"
ROTWATCH = Path(sys.executable).with_name("rotwatch")

ENDS_WITHIN_S = 180  # a bound against hanging on the slowest machine, as all the times to wait are

# what a user's shell has not set: an installed program's modules are compiled once, not at each start
NOT_OURS = ("ROTWATCH_", "PYTHONDONTWRITEBYTECODE")

# a policy for a hurried test: the rules of the shipped one, seconds for days
SECOND_H = 1 / 3600
HURRIED: dict[str, Any] = {
    "pace": {"default_s": 0, "hosts": {}, "wall_pause_s": 0, "outage_pause_s": 0},
    "policy": {
        "removed_span_h": SECOND_H,
        "gone_span_h": 2 * SECOND_H,
        "failed_looks": 4,
        "failed_days": 1,
        "failed_span_h": 2 * SECOND_H,
        "blind_looks": 4,
        "blind_span_h": 2 * SECOND_H,
        "suspect_retry_h": [0.7 * SECOND_H],
        "walled_retry_h": [0.7 * SECOND_H],
    },
    "daemon": {"tick_s": 0.2, "archive_tick_s": 0.2, "sync_s": 1, "deliver_s": 1},
    "web": {"listen": "127.0.0.1:0"},
    "archives": {
        "wayback": {
            "save_every_s": 0,
            "look_up_every_s": 0,
            "poll_every_s": 0.2,
            "playback_every_s": 0,
            "verify_after_s": 1,
        }
    },
}


def merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Settings laid over each other, the last strongest."""
    result: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            below = result.get(key)
            both = isinstance(below, dict) and isinstance(value, Mapping) and key != "hosts"
            result[key] = merged(below, value) if both and isinstance(below, dict) else value
    return result


def as_toml(settings: Mapping[str, Any], section: str = "") -> str:
    plain = {key: value for key, value in settings.items() if not isinstance(value, Mapping)}
    lines = [f"[{section}]"] if section else []
    lines += [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in plain.items()]
    for key, value in settings.items():
        if isinstance(value, Mapping):
            lines.append(as_toml(value, f"{section}.{key}" if section else key))
    return "\n".join(lines) + "\n"


@dataclass
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Rig:
    """``settings`` may be changed before each command: the configuration is written anew.

    ``prefix``: a command that runs the command; ``variables``: more of the environment. ``empty``: a database with
    nothing in it, to begin with where its making is not the matter. ``warm``: what commands are forked from; without
    it each is started as a shell does it, which takes ten times as long.
    """

    folder: Path
    world: World
    settings: dict[str, Any] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    empty: Path | None = None
    warm: Warm | None = None
    _started: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def config(self) -> Path:
        """The configuration, as ``settings`` are now."""
        file = self.folder / "config.toml"
        file.write_text(as_toml(merged(self.world.settings(), HURRIED, self.settings)), encoding="utf-8")
        file.chmod(0o600)  # secrets stand in it
        return file

    @property
    def database(self) -> Path:
        return self.folder / "rotwatch.db"

    @property
    def environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        return ours | {"PYTHONWARNINGS": "error", "NO_COLOR": "1", "COLUMNS": "200"} | self.variables

    def command(self, *arguments: str) -> list[str]:
        return [*self.prefix, str(ROTWATCH), "--config", str(self.config), *arguments]

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await self.run(*self.command(*arguments))

    async def run(self, *words: str) -> asyncio.subprocess.Process:
        """Start a program in the environment of the command; it ends with the test."""
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=self.folder,
            env=self.environment,
            preexec_fn=die_with_parent,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._started.append(process)
        return process

    async def end(self) -> None:
        """Kill what a test that failed has left running, so that it disturbs no other."""
        for process in self._started:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def rotwatch(self, *arguments: str) -> Answer:
        """What the command says, in a process of its own."""
        if self.warm and not self.prefix:
            words = self.command(*arguments)[1:]
            environment = self.environment
            said = await asyncio.to_thread(
                self.warm.run, words, folder=self.folder, environment=environment, within_s=ENDS_WITHIN_S
            )
            return Answer(*said)
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), ENDS_WITHIN_S)
        assert process.returncode is not None
        return Answer(process.returncode, out.decode(), err.decode())

    async def given(self, *arguments: str) -> None:
        """What a test begins with: the command is done in this process, which costs a tenth of its start."""
        if self.empty and not self.database.exists():
            shutil.copy(self.empty, self.database)
        words = ["--config", str(self.config), *arguments]
        code = await asyncio.to_thread(cli, words, standalone_mode=False)
        assert not code, words

    async def status(self) -> Any:
        answer = await self.rotwatch("status", "--json")
        assert answer.code == 0, answer.err
        return answer.json

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Read the database as it lies on disk."""
        with closing(sqlite3.connect(self.database)) as db:
            return db.execute(query).fetchall()


@dataclass
class Daemon:
    """``rotwatch run`` as a process; its log is kept for when a test fails."""

    rig: Rig
    process: asyncio.subprocess.Process
    log: list[str] = field(default_factory=list)
    _reader: asyncio.Task[None] | None = None

    @classmethod
    async def started(cls, rig: Rig, *options: str) -> Daemon:
        daemon = cls(rig, await rig.start(*options, "run"))
        daemon._reader = asyncio.create_task(daemon._read())
        await daemon.until("its first words", lambda: bool(daemon.log))
        return daemon

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(line.decode().rstrip())

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(how)
        code = await asyncio.wait_for(self.process.wait(), ENDS_WITHIN_S)
        assert self._reader is not None
        await self._reader
        return code

    async def until(self, what: str, true: Callable[[], bool], *, within_s: float = ENDS_WITHIN_S) -> None:
        """Wait for something to come true; the log tells why when it does not."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not true():
            assert self.process.returncode is None, f"ended while waiting for {what}:\n" + "\n".join(self.log)
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"{what}: not within {within_s} s:\n" + "\n".join(self.log[-60:]))
            await asyncio.sleep(0.1)


def clock() -> datetime:
    return datetime.now(UTC)
