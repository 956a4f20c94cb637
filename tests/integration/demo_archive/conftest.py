from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from monitor.demo import DrivenClock, World
from monitor.demo.client import session
from tests.integration.demo_archive.client import LIVE, WECHAT, Client


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock()


@pytest.fixture
async def world(clock: DrivenClock) -> AsyncIterator[World]:
    async with World(clock, page_kb=64) as made:
        made.article(LIVE, title="图神经网络综述")
        made.article(WECHAT)
        yield made


@pytest.fixture
async def archive(world: World) -> AsyncIterator[Client]:
    async with session(world) as http:
        yield Client(world, http)
