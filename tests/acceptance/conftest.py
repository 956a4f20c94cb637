from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.demo import World
from tests.acceptance.rig import NOT_OURS, Rig
from tests.acceptance.warm import Warm, running


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """The acted web in real time, with small pages and an archive.org that does not dawdle."""
    async with World(lambda: datetime.now(UTC), page_kb=40) as world:
        world.archive.enforces = False
        world.archive.capture_delay = timedelta(seconds=0.3)
        yield world


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    with running(ours | {"PYTHONWARNINGS": "error"}) as warm:
        yield warm


@pytest.fixture
async def rig(tmp_path: Path, world: World, empty_database: Path, warm: Warm) -> AsyncIterator[Rig]:
    mail = {"sender": "rotwatch@example.org", "recipients": ["reader@example.org"]}
    settings = {"report": {"timezone": "UTC", "email": mail}}
    rig = Rig(tmp_path, world, settings, empty=empty_database, warm=warm)
    yield rig
    await rig.end()
