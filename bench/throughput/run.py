"""Running a measured program: what it took of the machine, and the server beside it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of the process and its children, wall seconds, peak resident megabytes."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s, max(self.peak_mb, other.peak_mb))


def measured(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> tuple[Cost, int, str]:
    """Run a command to its end; what it cost, its exit code, and the end of what it said."""
    with (cwd / "said.txt").open("w+b") as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)  # it is reaped already
        wall_s = time.perf_counter() - started
        said.seek(max(0, said.tell() - 2000))
        text = said.read().decode(errors="replace")
    return Cost(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / 1024), process.returncode, text


@contextmanager
def server(*options: str) -> Iterator[int]:
    """The loopback server in a process of its own; gives its port."""
    command = [sys.executable, "-m", "bench.throughput.server", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("the pipes were asked for")
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def children_cpu_s() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
