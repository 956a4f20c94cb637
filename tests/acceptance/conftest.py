from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.demo import World
from tests.acceptance.rig import Rig


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """The acted web in real time, with small pages and an archive.org that does not dawdle."""
    async with World(lambda: datetime.now(UTC), page_kb=40) as world:
        world.archive.enforces = False
        world.archive.capture_delay = timedelta(seconds=0.3)
        yield world


@pytest.fixture
def rig(tmp_path: Path, world: World, empty_database: Path) -> Rig:
    mail = {"sender": "rotwatch@example.org", "recipients": ["reader@example.org"]}
    settings = {"report": {"timezone": "UTC", "email": mail}}
    return Rig(tmp_path, world, settings, empty=empty_database)
