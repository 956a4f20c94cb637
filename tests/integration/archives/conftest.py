from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.demo import World
from monitor.store import Store
from tests.integration.archives.local_rig import LocalRig, fetcher_for
from tests.integration.archives.rig import Rig, Time


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def rig(store: Store, tmp_path: Path, time: Time) -> AsyncIterator[Rig]:
    async with World(time, page_kb=40) as world:
        made = Rig(world, store, time, tmp_path)
        await made.start()
        yield made
        await made.fetcher.__aexit__(None, None, None)


@pytest.fixture
async def keyless(rig: Rig) -> Rig:
    await rig.start(access_key="", secret_key="")
    return rig


@pytest.fixture
async def local(store: Store, tmp_path: Path, time: Time) -> AsyncIterator[LocalRig]:
    async with World(time, page_kb=40) as world:
        world.site("blog.example.com")
        fetcher = await fetcher_for(world, tmp_path)
        made = LocalRig(world, store, time, tmp_path, fetcher)
        yield made
        made.check()
        await fetcher.__aexit__(None, None, None)
