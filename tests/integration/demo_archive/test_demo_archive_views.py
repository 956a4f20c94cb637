from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.demo import DrivenClock, State, World, trouble
from tests.integration.demo_archive.client import ARCHIVE, LIVE, NOW, WECHAT, Client


async def test_a_fresh_capture_is_opened_and_found_late(
    world: World, archive: Client, clock: DrivenClock
) -> None:
    old = world.plant(LIVE, NOW - timedelta(days=400), State.LIVE)
    world.archive.index_delay = timedelta(hours=12)
    world.archive.playback_delay = timedelta(minutes=10)
    job_id = (await archive.save(LIVE))["job_id"]
    clock.move(seconds=2)
    stamp = (await archive.job(job_id))["timestamp"]
    status, headers, _ = await archive.get(f"/web/{stamp}id_/{LIVE}")
    assert (status, headers["Location"]) == (302, f"{ARCHIVE}/web/{old.timestamp}id_/{LIVE}")
    assert "Memento-Datetime" not in headers
    clock.move(minutes=10)
    assert (await archive.get(f"/web/{stamp}id_/{LIVE}"))[0] == 200
    assert old.timestamp in (await archive.get(f"/web/{LIVE}"))[1]["Location"]
    assert len(await archive.cdx(f"url={LIVE}")) == 2
    clock.move(hours=12)
    assert stamp in (await archive.get(f"/web/{LIVE}"))[1]["Location"]
    assert len(await archive.cdx(f"url={LIVE}")) == 3


@pytest.fixture
def years(world: World) -> World:
    """Captures of one page: alive in 2021 and 2023, a revisit in 2024, its notice in 2025, a 404 in 2026."""
    for year, state in (
        (2021, State.LIVE),
        (2023, State.LIVE),
        (2025, State.ZHIHU_NOT_FOUND_200),
        (2026, State.NOT_FOUND),
    ):
        world.plant(LIVE, datetime(year, 6, 1, tzinfo=UTC), state)
    world.archive.plant(LIVE.replace("https:", "http:"), datetime(2024, 6, 1, tzinfo=UTC), revisit=True)
    return world


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("fl=timestamp", ["2021", "2023", "2024", "2025", "2026"]),
        ("fl=timestamp&filter=statuscode:200", ["2021", "2023", "2025"]),
        ("fl=timestamp&filter=!statuscode:200", ["2024", "2026"]),
        ("fl=timestamp&limit=-1&fastLatest=true&filter=statuscode:200", ["2025"]),
        ("fl=timestamp&limit=2", ["2021", "2023"]),
        ("fl=timestamp&from=2023&to=2024", ["2023", "2024"]),
        ("fl=timestamp&closest=20230101&sort=closest&limit=1&filter=statuscode:200", ["2023"]),
        ("fl=timestamp&filter=original:http:.*", ["2024"]),
    ],
)
async def test_cdx_answers_queries(years: World, archive: Client, query: str, found: list[str]) -> None:
    header, *rows = await archive.cdx(f"url={LIVE}&{query}")
    assert header == ["timestamp"]
    assert [row[0][:4] for row in rows] == found


async def test_cdx_has_a_dash_for_a_revisit_and_nothing_for_an_unknown_page(
    years: World, archive: Client
) -> None:
    rows = await archive.cdx(f"url={LIVE}&from=2024&to=2024")
    assert rows[0] == ["urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length"]
    assert rows[1][:5] == [
        "com,zhihu,zhuanlan)/p/294698838",
        "20240601000000",
        "http://zhuanlan.zhihu.com/p/294698838",
        "warc/revisit",
        "-",
    ]
    assert await archive.cdx("url=https://nobody.example/") == []
    years.archive.trouble(trouble.header_only(), on="cdx")
    assert await archive.cdx(f"url={LIVE}") == [rows[0]]


async def test_cdx_finds_a_host_a_domain_and_a_prefix(years: World, archive: Client) -> None:
    years.plant(WECHAT, NOW, State.LIVE)
    for query, count in (("zhihu.com&matchType=domain", 5), ("zhihu.com&matchType=host", 0)):
        assert len(await archive.cdx(f"url={query}")) == (count + 1 if count else 0)
    assert len(await archive.cdx("url=zhuanlan.zhihu.com/p/2&matchType=prefix&collapse=timestamp:2")) == 2


@pytest.mark.parametrize(
    "query", ["limit=many", "filter=statuscode:(", "filter=colour:red", "fl=colour", "matchType=no"]
)
async def test_cdx_refuses_what_it_does_not_understand(years: World, archive: Client, query: str) -> None:
    assert (await archive.get(f"/cdx/search/cdx?url={LIVE}&{query}"))[0] == 400


async def test_cdx_allows_thirty_looks_a_minute(world: World, archive: Client, clock: DrivenClock) -> None:
    statuses = [(await archive.get(f"/cdx/search/cdx?url={LIVE}"))[0] for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    clock.move(minutes=1)
    assert (await archive.get(f"/cdx/search/cdx?url={LIVE}"))[0] == 200


async def test_the_availability_api_names_the_closest_capture_and_its_status(
    years: World, archive: Client
) -> None:
    async def closest(query: str) -> Any:
        return json.loads((await archive.get(f"/wayback/available?{query}"))[2])["archived_snapshots"]

    assert (await closest(f"url={LIVE}&timestamp=20210101"))["closest"]["timestamp"] == "20210601000000"
    assert (await closest(f"url={LIVE}"))["closest"]["status"] == "404"
    assert await closest("url=https://nobody.example/") == {}
    years.archive.trouble(trouble.nothing_known(), on="available")
    assert await closest(f"url={LIVE}") == {}


async def test_a_time_gate_and_a_time_map_lead_to_all_captures(years: World, archive: Client) -> None:
    wanted = {"Accept-Datetime": "Sat, 01 Jul 2023 00:00:00 GMT"}
    assert "/web/20230601000000/" in (await archive.get(f"/web/{LIVE}", **wanted))[1]["Location"]
    body = (await archive.get(f"/web/timemap/link/{LIVE}"))[2].decode()
    assert body.count('rel="memento"') == 5


async def test_the_nearest_capture_is_shown_for_a_time_without_one(years: World, archive: Client) -> None:
    status, headers, _ = await archive.get(f"/web/2022id_/{LIVE}")
    assert (status, headers["Location"]) == (302, f"{ARCHIVE}/web/20210601000000id_/{LIVE}")


async def test_an_archived_404_is_replayed_as_one(years: World, archive: Client) -> None:
    status, headers, _ = await archive.get(f"/web/20260601000000id_/{LIVE}")
    assert status == 404
    assert "Memento-Datetime" in headers
    status, headers, _ = await archive.get("/web/20260601000000id_/https://nobody.example/")
    assert status == 404
    assert "Memento-Datetime" not in headers


async def test_an_excluded_site_is_neither_saved_nor_shown(years: World, archive: Client) -> None:
    years.archive.excluded.add("zhuanlan.zhihu.com")
    assert (await archive.save(LIVE))["status_ext"] == "error:blocked-url"
    status, headers, body = await archive.get(f"/web/20210601000000id_/{LIVE}")
    assert status == 403
    assert "X-Archive-Wayback-Runtime-Error" in headers
    assert b"has been excluded" in body
    status, _, body = await archive.get(f"/cdx/search/cdx?url={LIVE}")
    assert status == 403
    assert b"AdministrativeAccessControlException" in body


async def test_a_system_in_trouble_says_so(world: World, archive: Client) -> None:
    assert json.loads((await archive.get("/save/status/system"))[2])["status"] == "ok"
    world.archive.overloaded = True
    assert "overloaded" in json.loads((await archive.get("/save/status/system"))[2])["status"]


async def test_playback_can_answer_without_being_a_memento(years: World, archive: Client) -> None:
    years.archive.trouble(trouble.no_memento(), on="playback")
    status, headers, _ = await archive.get(f"/web/20210601000000id_/{LIVE}")
    assert status == 200
    assert "Memento-Datetime" not in headers
