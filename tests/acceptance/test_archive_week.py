"""A driven week beside an archive.org that is down, slow, rate-limiting and lying in turns; the daemon, a real process,
is killed five times. ``python -m bench.archive_week`` lives the same week with 500 links."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from warcio.cli import main as warcio

from bench.archive_week import truth
from bench.archive_week.fates import TRUTH, VERIFIED, Fate, Link
from bench.archive_week.week import Week, week
from monitor.config_file import load
from monitor.store import Store, database_url
from monitor.web import serving
from tests.acceptance.rig import ROTWATCH
from tests.ports import free_port

LINKS = 30


@pytest.fixture
async def lived(tmp_path: Path, empty_database: Path) -> AsyncIterator[Week]:
    shutil.copy(empty_database, tmp_path / "rotwatch.db")
    async with week(tmp_path, LINKS) as lived:
        await lived.live()
        yield lived


@pytest.mark.timeout(900)
async def test_every_page_ends_with_its_copy_or_its_true_reason_and_all_outputs_say_so(lived: Week) -> None:
    truth.at_the_end(lived)
    _the_local_archive_is_clean(lived.folder)
    status = json.loads(await rotwatch(lived, "status", "--json"))
    assert status["preservation"] == truth.numbers(lived)
    _each_link_stands_in_its_bucket(lived, status)
    report = json.loads(await rotwatch(lived, "report", "--json"))
    assert {name: report["now"][name] for name in truth.BUCKETS} == truth.numbers(lived)
    async with served(lived) as http:
        assert (await get(http, "/api/status"))["preservation"] == truth.numbers(lived)
        for one in lived.links:
            _is_shown_as_it_is(await get(http, "/api/link", url=one.url), one)
    rescued = next(one for one in lived.links if one.fate is Fate.RESCUED)
    _is_shown_as_it_is(json.loads(await rotwatch(lived, "show", rescued.url, "--json")), rescued)


def _each_link_stands_in_its_bucket(lived: Week, status: Any) -> None:
    found = {one["url"]: one for one in status["links"]}
    for one in lived.links:
        bucket, link = TRUTH[one.fate].bucket, found[one.url]
        assert (link["status"] == "dead") is (bucket in ("rescued", "lost")), one
        copied = link["snapshot"] is not None and link["snapshot"]["verified"]
        assert copied is (bucket in ("safe", "rescued")), one


def _the_local_archive_is_clean(folder: Path) -> None:
    files = sorted(map(str, (folder / "archive").glob("*.warc.gz")))
    assert files
    said = io.StringIO()
    with redirect_stdout(said), pytest.raises(SystemExit) as done:
        warcio(["check", *files])
    assert done.value.code == 0, said.getvalue()


async def rotwatch(lived: Week, *arguments: str) -> str:
    """What the real command says of the week."""
    process = await asyncio.create_subprocess_exec(
        *(str(ROTWATCH), "--config", str(lived.folder / "config.toml"), *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


@asynccontextmanager
async def served(lived: Week) -> AsyncIterator[aiohttp.ClientSession]:
    """The web page of the week."""
    settings = load(str(lived.folder / "config.toml"))
    listen = f"127.0.0.1:{free_port()}"
    settings = settings.model_copy(update={"web": settings.web.model_copy(update={"listen": listen})})
    store = Store(database_url(settings.database.url, lived.folder))
    try:
        async with serving(store, settings, lived.clock) as address, aiohttp.ClientSession(address) as http:
            yield http
    finally:
        await store.close()


async def get(http: aiohttp.ClientSession, path: str, **parameters: str) -> Any:
    async with http.get(path, params=parameters) as answer:
        assert answer.status == 200
        return await answer.json()


def _is_shown_as_it_is(shown: Any, link: Link) -> None:
    """Its job ended as it must, and a copy counts where there is one."""
    jobs = [(job["state"], job["code"]) for job in shown["archive_jobs"]]
    expected = TRUTH[link.fate].job
    assert expected in jobs if expected else not jobs, link
    verified = Counter(copy["archive"] for copy in shown["snapshots"] if copy["verified"])
    assert bool(verified["wayback"]) is (expected == VERIFIED), link
