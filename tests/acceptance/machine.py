"""A machine of our own with a real systemd, inside this one: see ``machine.sh``."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance.rig import ROTWATCH
from tests.acceptance.warm import die_with_parent

SCRIPT = Path(__file__).with_name("machine.sh")
NEEDED = ("systemctl", "unshare", "nsenter", "setpriv", "pivot_root", "timeout")
REFUSED = 77
LIFE_S = 500


@dataclass
class Machine:
    """A booted machine. Its network is ours; its processes, files, name and mounts are its own."""

    init: int
    said: list[str] = field(default_factory=list)

    async def run(self, *words: str, stdin: str = "", ok: bool = True) -> str:
        """What a command says there, stdout and stderr together."""
        process = await asyncio.create_subprocess_exec(
            *("nsenter", "--target", str(self.init), "--all", *words),
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "NO_COLOR": "1",
                "HOME": "/root",
                "LANG": "C.UTF-8",
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(stdin.encode()), 180)
        said = out.decode()
        self.said.append(f"$ {' '.join(words)}\n{said}")
        if ok and process.returncode:
            journal = await self.run("journalctl", "--no-pager", "--lines=40", ok=False)
            raise AssertionError(f"{self.said[-2]}\n{journal}")
        return said

    async def write(self, path: str, text: str) -> None:
        await self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "sh", path, stdin=text)

    async def copy(self, file: Path, path: str) -> None:
        """Copy a file of ours into the machine."""
        await self.run("mkdir", "-p", str(Path(path).parent))
        shutil.copyfile(file, f"/proc/{self.init}/root{path}")

    async def show(self, *names: str) -> dict[str, str]:
        """Properties of the unit, as ``systemctl show`` gives them."""
        said = await self.run("systemctl", "show", "rotwatch", f"--property={','.join(names)}")
        return dict(line.split("=", 1) for line in said.splitlines())

    async def until(
        self, what: str, true: Callable[[dict[str, str]], bool], *, within_s: float = 120
    ) -> dict[str, str]:
        """Wait until the unit's properties are so; the journal tells why when they are not."""
        deadline = asyncio.get_running_loop().time() + within_s
        while True:
            shown = await self.show("ActiveState", "MainPID", "NRestarts", "Result", "StatusText")
            if true(shown):
                return shown
            if asyncio.get_running_loop().time() > deadline:
                journal = await self.run("journalctl", "--no-pager", "--lines=60", ok=False)
                raise AssertionError(f"{what}: not within {within_s} s: {shown}\n{journal}")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def booted(folder: Path) -> AsyncIterator[Machine]:
    """Boot, and be sure that nothing of it is left. Skips the test where the system does not allow it."""
    if os.geteuid() != 0:
        pytest.skip("a machine of our own needs root")
    if missing := [name for name in NEEDED if not shutil.which(name)]:
        pytest.skip(f"a machine of our own needs {', '.join(missing)}")
    if ROTWATCH.is_relative_to("/tmp") or ROTWATCH.is_relative_to("/var/tmp"):
        pytest.skip(f"a service has a /tmp of its own and cannot start {ROTWATCH}")
    if not Path("/lib/systemd/systemd").exists():
        pytest.skip("there is no systemd on this machine")
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--mount", "--propagation", "private", "sh", str(SCRIPT), str(folder), str(LIFE_S)),
        preexec_fn=die_with_parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    init = None
    try:
        while init is None and process.returncode is None:
            await asyncio.sleep(0.05)
            init = _systemd_below(process.pid)
        if init is None:
            said = (await process.stdout.read()).decode()
            if process.returncode == REFUSED:
                pytest.skip(f"namespaces are refused here: {said.strip()}")
            raise AssertionError(said)
        machine = Machine(init)
        while "running" not in await machine.run("systemctl", "is-system-running", "--wait", ok=False):
            assert process.returncode is None, machine.said
            await asyncio.sleep(0.1)
        for path in _closed_on_the_way():
            await machine.run("chmod", "a+rx", path)
        yield machine
    finally:
        if init is not None and process.returncode is None:
            os.kill(init, 9)
        try:
            await asyncio.wait_for(process.communicate(), 60)
        except TimeoutError:
            process.kill()
            await process.communicate()


def _systemd_below(pid: int) -> int | None:
    """The machine's first process, once it is systemd."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
            return pid
    except OSError:
        return None
    return next((found for child in children if (found := _systemd_below(int(child)))), None)


def _closed_on_the_way() -> list[str]:
    """Folders that only their owner may enter between / and our program: opened inside the machine only."""
    ends = (ROTWATCH, ROTWATCH.resolve(), Path(sys.executable).resolve(), Path(__file__))
    return sorted({str(folder) for end in ends for folder in end.parents if not folder.stat().st_mode & 1})
