"""The daemon for minutes in the acted world with faults at random: does its memory grow, does it lose anything open?

    python -m bench.soak [MINUTES]          # 20 by default

The daemon is a process of its own that does what ``rotwatch run`` does, and counts its tasks besides. The faults come
from here: the network goes, hosts hang, drip, reset, send bombs, show captchas and wrong certificates, the database is
held by another program, lists change, the configuration is read again. After a warm-up the first and the last quarter
of the samples are compared: the median of the memory, and the most tasks, sockets, files and threads at once. Twice it
is put to rest, reloaded without a network: then it must have exactly as much open the second time as the first. Ends
with 1 when something grew.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import logging
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from monitor.cli.app import App
from monitor.cli.run import _run
from monitor.demo import State, World
from monitor.demo.trouble import gateway
from tests.acceptance.rig import HURRIED, as_toml, merged

HOSTS, POSTS = 40, 3
SAMPLE_S, CALM_S = 1.0, (1.0, 5.0)
WARM_UP = 0.25  # of the run: caches fill, connections open, the list is read
MAX_GROWTH = 0.10
MAX_PEAK = 0.25  # chance decides how many looks hang at once
ENDS_WITHIN_S = 60
REST_S = 10.0  # after a reload without a network
COUNTED = ("tasks", "sockets", "files", "threads")
SECOND_H = 1 / 3600
SETTINGS = {
    "network": {"timeout_s": 3, "max_body_mb": 2, "concurrency": 16},
    "policy": {
        "base_interval_h": 8 * SECOND_H,
        "min_interval_h": 4 * SECOND_H,
        "max_interval_h": 16 * SECOND_H,
    },
    "daemon": {"grace_s": 2, "vantage": "soak"},
}
WRONG = (
    State.RESET,
    State.RESET_MID_BODY,
    State.HANG,
    State.HANG_MID_BODY,
    State.SLOW_DRIP,
    State.REDIRECT_LOOP,
    State.TOO_LARGE,
    State.BAD_GZIP,
    State.GZIP_BOMB,
    State.HUGE_HEADER,
    State.NOT_HTTP,
    State.NOT_FOUND,
    State.SERVER_ERROR,
    State.FORBIDDEN,
)
WRONG_HOSTS = (State.TLS_EXPIRED, State.TLS_UNKNOWN_CA, State.TLS_WRONG_NAME)


@dataclass(frozen=True)
class Sample:
    """What the daemon has at one moment; memory in MB."""

    memory: float
    tasks: int
    sockets: int
    files: int
    threads: int


@dataclass(frozen=True)
class Row:
    """One line of the table; ``allowed`` growth as a share."""

    name: str
    before: float
    after: float
    allowed: float

    @property
    def growth(self) -> float:
        return self.after / self.before - 1

    @property
    def is_fine(self) -> bool:
        return self.growth <= self.allowed


@dataclass
class Soak:
    """One run: the world, the daemon's process, the faults thrown so far."""

    world: World
    folder: Path
    random: random.Random
    thrown: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    rests: list[list[Sample]] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None

    @property
    def urls(self) -> list[str]:
        return [f"https://s{host}.example/post/{post}" for host in range(HOSTS) for post in range(POSTS)]

    def write(self) -> None:
        for number, url in enumerate(self.urls):
            self.world.article(url, title=f"Title {number}")
        self.write_list(self.urls)
        settings = merged(self.world.settings(), HURRIED, SETTINGS)
        text = as_toml(settings) + '[[sources]]\npath = "list.md"\n'
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    def write_list(self, urls: Sequence[str]) -> None:
        (self.folder / "list.md").write_text("\n\n".join(urls), encoding="utf-8")

    async def run(self, minutes: float) -> None:
        with (self.folder / "log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.soak", "--daemon", str(self.folder)), stderr=log
            )
            sampling = asyncio.create_task(self.sample())
            try:
                for share in (WARM_UP, 1 - WARM_UP):
                    ends = time.monotonic() + share * minutes * 60
                    while time.monotonic() < ends:
                        await self.throw_one()
                        await asyncio.sleep(self.random.uniform(*CALM_S))
                    await self.rest()
            finally:
                sampling.cancel()
                if self.process.returncode is None:
                    self.process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(self.process.wait(), ENDS_WITHIN_S)
                except TimeoutError:  # where it hangs stands in its log
                    self.process.send_signal(signal.SIGABRT)
                    await self.process.wait()

    async def sample(self) -> None:
        assert self.process
        while self.process.returncode is None:
            await asyncio.sleep(SAMPLE_S)
            if found := sampled(self.process.pid, self.folder / "tasks"):
                self.samples.append(found)

    async def rest(self) -> None:
        """Nothing to do and nobody to ask: what it has open now, it needs."""
        self.world.unplug()
        await self.reloaded()
        aside, self.samples = self.samples, []
        await asyncio.sleep(REST_S)
        self.rests.append(self.samples)
        # what came before the first rest was the warm-up
        self.samples = aside if len(self.rests) > 1 else []
        self.world.plug_in()

    async def throw_one(self) -> None:
        faults: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self.wrong_pages,) * 6,
            *(self.wrong_certificate,) * 2,
            self.network_gone,
            self.database_held,
            self.list_changed,
            self.archive_troubled,
            self.reloaded,
        )
        fault = self.random.choice(faults)
        self.thrown[fault.__name__.replace("_", " ")] += 1
        await fault()

    async def wrong_pages(self) -> None:
        for url in self.random.sample(self.urls, 20):
            self.world.set(url, self.random.choice((*WRONG, *(State.LIVE,) * len(WRONG))))

    async def wrong_certificate(self) -> None:
        host = f"s{self.random.randrange(HOSTS)}.example"
        self.world.host_state(host, self.random.choice(WRONG_HOSTS))
        await asyncio.sleep(3)
        self.world.host_state(host, None)

    async def network_gone(self) -> None:
        self.world.unplug()
        await asyncio.sleep(self.random.uniform(1, 6))
        self.world.plug_in()

    async def database_held(self) -> None:
        with closing(sqlite3.connect(self.folder / "rotwatch.db", isolation_level=None, timeout=10)) as db:
            db.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(self.random.uniform(0.5, 3))
            db.execute("ROLLBACK")

    async def list_changed(self) -> None:
        self.write_list(
            self.random.sample(self.urls, self.random.randint(len(self.urls) // 2, len(self.urls)))
        )

    async def archive_troubled(self) -> None:
        now = datetime.now(UTC)
        self.world.archive.trouble_between(now, now + timedelta(seconds=5), gateway(502))

    async def reloaded(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGHUP)


def sampled(pid: int, tasks: Path) -> Sample | None:
    """Read what the kernel and the daemon itself say; None while it starts or when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        numbers = {
            line.split(":")[0]: line.split()[1] for line in status if line.startswith(("VmRSS", "Threads"))
        }
        opened = Counter(_kind(link) for link in Path(f"/proc/{pid}/fd").iterdir())
        return Sample(
            memory=int(numbers["VmRSS"]) / 1024,
            tasks=int(tasks.read_text()),
            sockets=opened["socket"],
            files=opened["file"],
            threads=int(numbers["Threads"]),
        )
    except (OSError, KeyError, ValueError):
        return None


def _kind(link: Path) -> str:
    try:
        target = str(link.readlink())
    except OSError:  # closed meanwhile
        return "gone"
    return "socket" if target.startswith("socket:") else "file" if target.startswith("/") else "other"


async def daemon(folder: Path) -> int:
    """``rotwatch run``, and the number of its tasks in a file."""

    async def count() -> None:
        partial = folder / "tasks.partial"
        while True:
            partial.write_text(str(len(asyncio.all_tasks())))
            partial.replace(folder / "tasks")
            await asyncio.sleep(SAMPLE_S / 2)

    faulthandler.enable()
    counting = asyncio.create_task(count())
    try:
        return await _run(App(str(folder / "config.toml"), None, verbose=False))
    finally:
        counting.cancel()


def verdict(soak: Soak, looks: int, seconds: float) -> bool:
    """Print the table; true when nothing grew and the daemon ended as it should."""
    quarter = max(1, len(soak.samples) // 4)
    first, last = soak.samples[:quarter], soak.samples[-quarter:]
    before, after = (median(sample.memory for sample in part) for part in (first, last))
    rows = [Row("memory, MB (median)", before, after, MAX_GROWTH)]
    for name in COUNTED:
        before, after = (max(getattr(sample, name) for sample in part) for part in (first, last))
        rows.append(Row(f"{name} (most)", before, after, MAX_PEAK))
    for name in COUNTED:
        before, after = (min(getattr(sample, name) for sample in part[-3:]) for part in soak.rests)
        rows.append(Row(f"{name} (at rest)", before, after, 0))
    print(f"{looks} looks in {seconds:.0f} s, {sum(soak.thrown.values())} faults thrown:")
    print("  " + ", ".join(f"{what} {times}" for what, times in soak.thrown.most_common()))
    print(f"\n{'':22}{'first quarter':>15}{'last quarter':>15}{'change':>10}")
    for row in rows:
        print(
            f"{row.name:22}{row.before:>15.4g}{row.after:>15.4g}{row.growth:>+10.1%}  {'' if row.is_fine else 'GREW'}"
        )
    part = max(1, len(soak.samples) // 8)
    course = [median(one.memory for one in soak.samples[at : at + part]) for at in range(0, 8 * part, part)]
    print(f"\nmemory, eighth by eighth: {' '.join(f'{value:.0f}' for value in course)} MB")
    ended = soak.process.returncode if soak.process else None
    print(f"ended with {ended}; {traces(soak.folder)} tracebacks in its log")
    return ended == 0 and not traces(soak.folder) and all(row.is_fine for row in rows)


def traces(folder: Path) -> int:
    return (
        (folder / "log")
        .read_text(encoding="utf-8", errors="replace")
        .count("Traceback (most recent call last)")
    )


def keep_log(run: Soak) -> None:
    """Where it can be read when the folder of the run is gone."""
    kept = Path(tempfile.gettempdir()) / "rotwatch-soak.log"
    kept.write_bytes((run.folder / "log").read_bytes())
    kept.with_suffix(".json").write_text(json.dumps([vars(sample) for sample in run.samples]))
    print(f"its log: {kept}; the samples: {kept.with_suffix('.json')}")


async def soak(minutes: float, seed: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="rotwatch-soak-") as name:
        async with World(lambda: datetime.now(UTC), page_kb=60, seed=seed) as world:
            world.archive.enforces = False
            world.archive.capture_delay = timedelta(seconds=0.5)
            run = Soak(world, Path(name), random.Random(seed))
            run.write()
            started = time.monotonic()
            try:
                await run.run(minutes)
            except Exception:
                keep_log(run)
                raise
            looks = sum("/post/" in look.url for look in world.log)
            is_fine = verdict(run, looks, time.monotonic() - started)
            if not is_fine:
                keep_log(run)
            return is_fine


def main() -> int:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # the acted servers' visitors leave early
    parser = argparse.ArgumentParser(description="Soak the daemon; see the head of this file.")
    parser.add_argument("minutes", nargs="?", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--daemon", metavar="FOLDER", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.daemon:
        return asyncio.run(daemon(given.daemon))
    return 0 if asyncio.run(soak(given.minutes, given.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
