from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from monitor.store import Store, StoreError, overview, schema, service, tally
from monitor.store.overview import Filter
from tests.integration.test_store_checks import NOW, add

pytestmark = pytest.mark.both_engines


@pytest.fixture
async def direct(store: Store) -> AsyncIterator[Store]:
    """The same database, asked without a thread or a wait between."""
    direct = Store(store.url, direct=True)
    yield direct
    await direct.close()


async def test_both_ways_give_the_same_answers(store: Store, direct: Store) -> None:
    await add(store, 1200)
    found = []
    for way in (store, direct):
        assert await schema.problem(way) is None
        async with way.read() as db, aclosing(overview.stream(db, Filter())) as links:
            found.append(([link async for link in links], await tally.count(db)))
    assert found[0] == found[1]
    assert found[0][1].links == 1200


async def test_what_is_written_directly_is_there_for_all_and_a_failure_leaves_nothing(
    store: Store, direct: Store
) -> None:
    async with direct.write() as db:
        await service.put(db, "one", now=NOW, note="kept")
    with pytest.raises(LookupError):
        await _fail_in_the_middle(direct)
    async with store.read() as db:
        assert [row.name for row in await service.named(db, "")] == ["one"]


async def _fail_in_the_middle(direct: Store) -> None:
    async with direct.write() as db:
        await service.put(db, "two", now=NOW)
        raise LookupError


async def test_a_stream_may_be_left_in_the_middle(store: Store, direct: Store) -> None:
    await add(store, 1200)
    async with direct.read() as db:
        async with aclosing(overview.stream(db, Filter(), limit=700)) as links:
            first = await anext(links)
        assert first["status"] == "pending"
        assert (await tally.count(db)).links == 1200


async def test_an_error_is_one_sentence(direct: Store) -> None:
    from sqlalchemy import text

    with pytest.raises(StoreError, match="cannot be used"):
        async with direct.read() as db:
            await db.execute(text("SELECT * FROM nowhere"))


def test_the_summary_needs_neither_the_orm_nor_what_other_commands_need() -> None:
    """Half a second is soon spent: each of these is a tenth of it."""
    program = (
        "import sys, asyncio, pathlib; import monitor.cli.status, monitor.cli.listing; from monitor.store import *; "
        "from monitor.store import overview, service, tally, workers; "
        "Store(database_url('sqlite:////nowhere', pathlib.Path('/')), direct=True); "
        "print(*{'sqlalchemy.orm', 'sqlalchemy.dialects.postgresql', 'rich.console', 'aiohttp', 'alembic', 'jinja2'}"
        " & sys.modules.keys())"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
