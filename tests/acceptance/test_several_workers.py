"""Any number of daemons on one PostgreSQL share the work, whoever dies and however often the database goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from monitor.demo import World
from tests import postgres
from tests.acceptance.crowd import PLAIN, Crowd, make_list, seen, share
from tests.acceptance.rig import Rig, merged

PACE_S = 2.5
LATE_S = 1.7  # between taking the turn and asking, on a busy machine
POLITE = {"polite.example": 6, "slow.example": 6}


@pytest.fixture
def crowd(rig: Rig, postgresql: postgres.Server) -> Iterator[Crowd]:
    url = postgresql.make("crowd")
    pace = {"default_s": 0, "jitter": 0, "hosts": dict.fromkeys(POLITE, PACE_S)}
    rig.settings = merged(rig.settings, PLAIN, {"database": {"url": url}, "pace": pace})
    yield Crowd(rig, postgresql, "crowd")
    postgresql.drop("crowd")


@pytest.mark.timeout(600)
async def test_three_workers_lose_nothing_whoever_is_killed_and_however_often_the_database_goes(
    crowd: Crowd, world: World
) -> None:
    async def disturb(crowd: Crowd) -> None:
        for _ in range(2):
            await asyncio.sleep(1)
            await crowd.kill_one()
            await asyncio.sleep(1)
            await crowd.restart_database(away_s=0.5)

    urls = make_list(world, crowd.rig, links=240, hosts=30, polite=POLITE)
    await share(crowd, disturb=disturb, within_s=300)

    assert crowd.ask("SELECT looks, status, count(*) FROM link GROUP BY 1, 2") == [(1, "alive", len(urls))]
    assert crowd.ask("SELECT sum(checks) FROM span") == [(len(urls),)]
    found = seen(world, urls, set(POLITE))
    assert found.doubles <= crowd.held, "looked at twice, and nobody who held it was killed"
    assert set(found.in_flight.values()) == {1}
    assert min(found.gaps.values()) > PACE_S - LATE_S, found.gaps
    assert len(world.mails) == 1
    assert crowd.ask("SELECT count(*) FROM outbox WHERE state = 'sent'") == [(1,)]
    assert crowd.ask("SELECT count(*) FROM worker") == [(0,)]
