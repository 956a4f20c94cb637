"""Processes of the command that are forked from one that has loaded its modules: loading is nine tenths of a command.

Each is a process of its own with its own arguments, folder, environment and exit code, as one that a shell starts.
``python -m tests.acceptance.warm SOCKET`` is the process that they are forked from.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

REPOSITORY = Path(__file__).parents[2]
LONGEST = 100_000  # bytes of a request: arguments and environment
# what commands load when they need it; whatever starts threads of its own (numpy) cannot be forked
LATER = (
    "aiosqlite",
    "alembic.command",
    "rich.table",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
)


def die_with_parent() -> None:
    """A test that is killed leaves no process behind (Linux: PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Warm:
    """Asks the loaded process at ``address`` for others."""

    def __init__(self, address: str) -> None:
        self._address = address

    def run(
        self, words: list[str], *, folder: Path, environment: Mapping[str, str], within_s: float
    ) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of ``rotwatch`` with these arguments. TimeoutError: killed, it took too long."""
        asked = json.dumps({"words": words, "folder": str(folder), "environment": dict(environment)})
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door,
        ):
            door.settimeout(within_s)
            door.connect(self._address)
            socket.send_fds(door, [asked.encode()], [out.fileno(), err.fileno()])
            pid = int(door.recv(100))
            try:
                code = int(door.recv(100))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise
            out.seek(0)
            err.seek(0)
            return code, out.read().decode(), err.read().decode()


@contextmanager
def running(environment: Mapping[str, str]) -> Iterator[Warm]:
    """A loaded process for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="rotwatch-warm-") as folder:
        address = f"{folder}/door"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.warm", address],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
        )
        with process:
            assert process.stdout
            assert process.stdout.readline() == b"loaded\n"
            yield Warm(address)
            process.kill()


def _load() -> None:
    import monitor

    for module in pkgutil.walk_packages(monitor.__path__, "monitor."):
        if not module.name.startswith(("monitor.demo", "monitor.migrations", "monitor.cli.demo")):
            importlib.import_module(module.name)
    for name in LATER:
        importlib.import_module(name)


def _serve(address: str) -> NoReturn:
    """Fork one process for each request, which watches over the command."""
    die_with_parent()
    _load()
    gc.freeze()  # else each process would copy all that was loaded
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        print("loaded", flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch
        while True:
            door, _ = listener.accept()
            if os.fork():
                door.close()
                continue
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _attend(door)


def _attend(door: socket.socket) -> NoReturn:
    die_with_parent()
    asked, (out, err), *_ = socket.recv_fds(door, LONGEST, 2)
    pid = os.fork()
    if not pid:
        door.close()
        _become(json.loads(asked), out, err)
    door.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    door.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(asked: dict[str, object], out: int, err: int) -> NoReturn:
    """The command itself: from here on all is as in a process that a shell started."""
    from monitor.cli import main

    die_with_parent()
    with open(os.devnull) as nothing:  # noqa: PTH123 -- as a shell does it
        os.dup2(nothing.fileno(), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    words, folder, environment = asked["words"], asked["folder"], asked["environment"]
    assert isinstance(words, list)
    assert isinstance(folder, str)
    assert isinstance(environment, dict)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["rotwatch", *words]
    code: Any = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    gc.collect()  # so that it is told what was left open
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # to take the loaded modules down would cost more than the command


if __name__ == "__main__":
    _serve(sys.argv[1])
