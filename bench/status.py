"""How long ``rotwatch status`` takes to its summary, to its list and to the whole of 25,000 links.

    python bench/status.py [--links 25000] [--runs 7]

Each run is a process of its own on a database of its own; medians. "to the summary" is from the start of the process
to the line below the four numbers. The first line is what a process costs that does nothing, to compare machines.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from monitor.store import Store, database_url, schema, tally
from monitor.store.tables import flip, link, reference, snapshot, source, span

NOW = datetime.now(UTC)
LOOKS = 6  # rows of history a link
CHUNK = 1000
MEMORY_EVERY = 500  # lines of output


@dataclass(frozen=True)
class Run:
    summary_s: float
    whole_s: float
    cpu_s: float
    peak_mb: float


def links(count: int) -> Iterator[dict[str, Any]]:
    """The shape of a real list: more than half on WeChat, a quarter on Zhihu, the rest everywhere."""
    dice = random.Random(0)
    for number in range(1, count + 1):
        host, platform = dice.choices(
            (
                ("mp.weixin.qq.com", "wechat"),
                ("www.zhihu.com", "zhihu"),
                (f"site{number % 1900}.example", "generic"),
            ),
            (55, 25, 20),
        )[0]
        status = dice.choices(("alive", "suspect", "dead", "blind"), (94, 2, 3, 1))[0]
        yield {
            "id": number,
            "url": f"https://{host}/s/{dice.getrandbits(128):032x}",
            "platform": platform,
            "host": host,
            "title": f"第 {number} 篇：分布式训练与模型压缩 reading {number}",
            "added_at": NOW - timedelta(days=200),
            "status": status,
            "since": NOW - timedelta(days=dice.uniform(0, 180)),
            "last_checked_at": NOW - timedelta(days=dice.uniform(0, 30)),
            "outcome": "ok" if status == "alive" else "gone",
            "reason": "article" if status == "alive" else "not_found",
            "rule": "generic.article",
            "evidence": "<title>分布式训练</title>",
            "looks": LOOKS,
            "next_check_at": NOW + timedelta(days=dice.uniform(0, 30)),
            "chance_90d": dice.random() / 10,
            "at_risk": dice.random() < 0.05,
            "risk_reasons": [{"code": "age", "yearly": 0.05}],
            "copy_id": number if dice.random() < 0.6 else None,
        }


def history(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for look in range(LOOKS):
        at = NOW - timedelta(days=30 * (LOOKS - look))
        yield {
            "link_id": row["id"],
            "vantage": "here",
            "started_at": at,
            "ended_at": at + timedelta(days=29),
            "outcome": row["outcome"],
            "reason": row["reason"],
            "rule": row["rule"],
            "evidence": row["evidence"],
            "checks": 3,
        }


async def fill(file: Path, count: int) -> None:
    store = Store(database_url(f"sqlite:///{file}", file.parent), direct=True)
    await schema.upgrade(store)
    rows = list(links(count))
    async with store.write() as db:
        await db.execute(insert(source).values(id=1, path="posts/list.md"))
        for start in range(0, count, CHUNK):
            part = rows[start : start + CHUNK]
            ids = [row["id"] for row in part]
            await db.execute(insert(link), part)
            await db.execute(
                insert(reference), [{"source_id": 1, "link_id": one, "line": one * 3} for one in ids]
            )
            await db.execute(insert(span), [one for row in part for one in history(row)])
            turned = [
                {"link_id": one, "at": NOW, "old": "pending", "new": "alive", "reason": "article"}
                for one in ids
            ]
            await db.execute(insert(flip), turned)
            await db.execute(insert(snapshot), [copy(row) for row in part if row["copy_id"]])
        await tally.record(db, await tally.count(db), NOW - timedelta(days=7))
    await store.close()


def copy(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["copy_id"],
        "link_id": row["id"],
        "archive": "wayback",
        "url": f"https://web.archive.org/web/2026/{row['url']}",
        "original_url": row["url"],
        "captured_at": NOW - timedelta(days=90),
        "origin": "made",
        "grade": "A",
    }


def run(command: list[str]) -> Run:
    started, summary, peak = time.perf_counter(), None, 0.0
    environment = os.environ | {"COLUMNS": "120", "NO_COLOR": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # with it each start would compile all anew
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout):
            if summary is None and b" links: " in line:
                summary = time.perf_counter() - started
            if number % MEMORY_EVERY == 0:
                peak = max(peak, peak_mb(process.pid))
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    whole = time.perf_counter() - started
    return Run(whole if summary is None else summary, whole, used.ru_utime + used.ru_stime, peak)


def peak_mb(pid: int) -> float:
    """As the kernel has it; 0 when the process has just ended. (ru_maxrss would count what it was forked from.)"""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = next((line.split() for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--links", type=int, default=25_000)
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    rotwatch = str(Path(sys.executable).with_name("rotwatch"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rotwatch.db"
        asyncio.run(fill(file, given.links))
        base = [rotwatch, "--database", f"sqlite:///{file}"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "rotwatch --version": [rotwatch, "--version"],
            "rotwatch status": [*base, "status"],
            "rotwatch status --at-risk": [*base, "status", "--at-risk"],
            "rotwatch status --all": [*base, "status", "--all"],
            "rotwatch status --json": [*base, "status", "--json"],
        }
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(given.runs):  # in turns: a busy moment of the machine meets all alike
            for name, command in commands.items():
                runs[name].append(run(command))
    print(f"{given.links:,} links, medians of {given.runs} runs\n")
    print("| | to the summary | whole | CPU | peak memory |\n|---|--:|--:|--:|--:|")
    for name, found in runs.items():
        summary, whole, cpu, peak = (
            statistics.median(getattr(one, what) for one in found)
            for what in ("summary_s", "whole_s", "cpu_s", "peak_mb")
        )
        times = " | ".join(f"{seconds * 1000:.0f} ms" for seconds in (summary, whole, cpu))
        print(f"| {name} | {times} | {peak:.0f} MB |")


if __name__ == "__main__":
    main()
