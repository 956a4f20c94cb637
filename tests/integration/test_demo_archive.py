from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from waybackpy import WaybackMachineSaveAPI
from waybackpy.exceptions import MaximumSaveRetriesExceeded, TooManyRequestsError
from yarl import URL

from monitor.demo import State, World, trouble
from monitor.demo.archive_records import Limits
from monitor.demo.client import session

LIVE = "https://zhuanlan.zhihu.com/p/294698838"
WECHAT = "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q"
ARCHIVE = "https://web.archive.org"
NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


class Ticker:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **how: float) -> None:
        self.now += timedelta(**how)


class Client:
    """Speaks to the acted archive.org, with keys."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self._http = http
        self.keys = {"Authorization": f"LOW {world.archive.access_key}:{world.archive.secret_key}"}

    async def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        url = URL(ARCHIVE + path, encoded=True)
        async with self._http.get(url, headers={**self.keys, **headers}, allow_redirects=False) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    async def post(self, path: str, **form: str) -> tuple[int, bytes]:
        async with self._http.post(
            ARCHIVE + path, data=form, headers=self.keys, allow_redirects=False
        ) as answer:
            return answer.status, await answer.read()

    async def save(self, url: str) -> Any:
        return json.loads((await self.post("/save", url=url))[1])

    async def job(self, job_id: str) -> Any:
        return json.loads((await self.get(f"/save/status/{job_id}"))[2])

    async def cdx(self, query: str) -> Any:
        return json.loads((await self.get(f"/cdx/search/cdx?output=json&{query}"))[2])


@pytest.fixture
def clock() -> Ticker:
    return Ticker()


@pytest.fixture
async def world(clock: Ticker) -> AsyncIterator[World]:
    async with World(clock, page_kb=64) as made:
        made.article(LIVE, title="图神经网络综述")
        made.article(WECHAT)
        yield made


@pytest.fixture
async def archive(world: World) -> AsyncIterator[Client]:
    async with session(world) as http:
        yield Client(world, http)


async def test_a_submitted_page_is_captured_after_a_while_and_found_and_replayed(
    world: World, archive: Client, clock: Ticker
) -> None:
    job_id = (await archive.save(LIVE))["job_id"]
    assert job_id.startswith("spn2-")
    assert (await archive.job(job_id))["status"] == "pending"
    assert (await archive.get(f"/web/{LIVE}"))[0] == 404
    clock.move(seconds=2)
    done = await archive.job(job_id)
    assert (done["status"], done["timestamp"], done["original_url"]) == ("success", "20261101080002", LIVE)
    status, headers, _ = await archive.get(f"/web/{LIVE}")
    assert (status, headers["Location"]) == (302, f"{ARCHIVE}/web/20261101080002/{LIVE}")
    status, headers, body = await archive.get(f"/web/20261101080002id_/{LIVE}")
    assert (status, headers["Memento-Datetime"]) == (200, "Sun, 01 Nov 2026 08:00:02 GMT")
    assert "图神经网络综述" in body.decode()
    assert not body.startswith(b"<!-- BEGIN WAYBACK")
    assert (await archive.get(f"/web/20261101080002/{LIVE}"))[2].startswith(b"<!-- BEGIN WAYBACK")


async def test_several_jobs_are_asked_for_at_once(world: World, archive: Client, clock: Ticker) -> None:
    ids = [(await archive.save(url))["job_id"] for url in (LIVE, WECHAT)]
    clock.move(seconds=2)
    answers = json.loads((await archive.post("/save/status", job_ids=",".join(ids)))[1])
    assert [(one["status"], one["original_url"]) for one in answers] == [
        ("success", LIVE),
        ("success", WECHAT),
    ]


async def test_without_keys_nothing_is_taken(world: World, archive: Client) -> None:
    for keys in ({}, {"Authorization": "LOW wrong:keys"}):
        archive.keys = keys
        assert (await archive.post("/save", url=LIVE))[0] == 401
        assert (await archive.get("/save/status/user"))[0] == 401
    assert not world.archive.jobs
    assert [one.answer for one in world.archive.submissions] == ["401", "401"]


async def test_a_capture_of_a_walled_page_is_the_wall(world: World, archive: Client, clock: Ticker) -> None:
    world.set(WECHAT, State.WECHAT_CAPTCHA)
    job_id = (await archive.save(WECHAT))["job_id"]
    clock.move(seconds=2)
    done = await archive.job(job_id)
    assert done["status"] == "success"
    assert done["original_url"].startswith("https://mp.weixin.qq.com/mp/wappoc_appmsgcaptcha?poc_token=")
    status, headers, _ = await archive.get(f"/web/{done['timestamp']}id_/{WECHAT}")
    assert status == 302
    assert headers["Memento-Datetime"]
    status, _, body = await archive.get(headers["Location"].removeprefix(ARCHIVE))
    assert status == 200
    assert b"secitptpage/verify.html" in body


async def test_a_capture_has_the_state_of_its_moment(world: World, archive: Client, clock: Ticker) -> None:
    world.archive.capture_delay = timedelta(minutes=1)
    world.at(NOW + timedelta(seconds=30), WECHAT, State.WECHAT_DELETED)
    job_id = (await archive.save(WECHAT))["job_id"]
    clock.move(hours=0.5)
    stamp = (await archive.job(job_id))["timestamp"]
    assert stamp == "20261101080100"
    assert "该内容已被发布者删除" in (await archive.get(f"/web/{stamp}id_/{WECHAT}"))[2].decode()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.NOT_FOUND, "error:not-found"),
        (State.FORBIDDEN, "error:no-access"),
        (State.RATE_LIMITED, "error:too-many-requests"),
        (State.BAD_GATEWAY, "error:bad-gateway"),
        (State.HANG, "error:read-timeout"),
        (State.REDIRECT_LOOP, "error:too-many-redirects"),
        (State.RESET, "error:cannot-fetch"),
        (State.SERVER_ERROR, None),
    ],
)
async def test_a_page_that_fails_fails_its_job(
    world: World, archive: Client, clock: Ticker, state: State, code: str | None
) -> None:
    world.set(LIVE, state)
    job_id = (await archive.save(LIVE))["job_id"]
    clock.move(seconds=2)
    done = await archive.job(job_id)
    assert done["status"] == "error"
    assert done.get("status_ext") == code
    assert code or "(HTTP status=500)" in done["message"]
    assert (await archive.get(f"/web/{LIVE}"))[0] == 404


async def test_a_host_that_does_not_exist_cannot_be_resolved(
    world: World, archive: Client, clock: Ticker
) -> None:
    job_id = (await archive.save("https://gone.example/"))["job_id"]
    clock.move(seconds=2)
    assert (await archive.job(job_id))["status_ext"] == "error:invalid-host-resolution"


async def test_the_archive_can_see_what_we_cannot(world: World, archive: Client, clock: Ticker) -> None:
    world.host_state("zhuanlan.zhihu.com", State.ZHIHU_CHALLENGE)
    world.archive_sees("zhuanlan.zhihu.com", State.LIVE)
    world.set(WECHAT, State.WECHAT_DELETED)
    world.archive_sees(WECHAT, State.LIVE)
    for url, mark in ((LIVE, "图神经网络综述"), (WECHAT, 'id="js_article"')):
        job_id = (await archive.save(url))["job_id"]
        clock.move(seconds=2)
        stamp = (await archive.job(job_id))["timestamp"]
        assert mark in (await archive.get(f"/web/{stamp}id_/{url}"))[2].decode()


async def test_the_archive_can_meet_a_wall_that_we_do_not(
    world: World, archive: Client, clock: Ticker
) -> None:
    world.archive_sees("mp.weixin.qq.com", State.WECHAT_CAPTCHA)
    assert world.seen_state(WECHAT) is State.LIVE
    job_id = (await archive.save(WECHAT))["job_id"]
    clock.move(seconds=2)
    assert "wappoc_appmsgcaptcha" in (await archive.job(job_id))["original_url"]


async def test_the_same_page_within_an_hour_is_the_same_job(
    world: World, archive: Client, clock: Ticker
) -> None:
    first = await archive.save(LIVE)
    clock.move(minutes=30)
    again = await archive.save(LIVE)
    assert again["job_id"] == first["job_id"]
    assert "same snapshot had been made 30 minutes ago" in again["message"]
    clock.move(minutes=31)
    assert (await archive.save(LIVE))["job_id"] != first["job_id"]


async def test_a_status_is_forgotten_after_an_hour(world: World, archive: Client, clock: Ticker) -> None:
    job_id = (await archive.save(LIVE))["job_id"]
    clock.move(minutes=61)
    assert (await archive.job(job_id))["status"] == "pending"
    assert (await archive.job("spn2-invented"))["status"] == "pending"
    assert (await archive.get(f"/web/{LIVE}"))[0] == 302, "the capture is there all the same"


async def test_the_user_status_counts_what_runs_and_what_was_taken_today(
    world: World, archive: Client, clock: Ticker
) -> None:
    await archive.save(LIVE)
    user = json.loads((await archive.get("/save/status/user?_t=1"))[2])
    assert user == {"processing": 1, "available": 2, "daily_captures": 1, "daily_captures_limit": 30_000}
    clock.move(days=1)
    user = json.loads((await archive.get("/save/status/user?_t=2"))[2])
    assert user == {"processing": 0, "available": 3, "daily_captures": 0, "daily_captures_limit": 30_000}


async def test_the_published_limits_are_kept(world: World, archive: Client, clock: Ticker) -> None:
    answers = [await archive.save(f"https://zhuanlan.zhihu.com/p/{number}") for number in range(4)]
    assert [answer.get("status_ext") for answer in answers] == [None, None, None, "error:user-session-limit"]
    for number in range(4, 7):
        clock.move(seconds=3)
        await archive.save(f"https://zhuanlan.zhihu.com/p/{number}")
    assert (await archive.post("/save", url=LIVE))[0] == 429
    assert [one.in_progress for one in world.archive.submissions] == [0, 1, 2, 3, 0, 0, 0, 1]
    clock.move(minutes=1)
    assert "job_id" in await archive.save(LIVE)


async def test_a_page_is_saved_five_times_a_day_at_most(world: World, archive: Client, clock: Ticker) -> None:
    for _ in range(5):
        assert "job_id" in await archive.save(LIVE)
        clock.move(minutes=61)
    assert (await archive.save(LIVE))["status_ext"] == "error:too-many-daily-captures"
    clock.move(days=1)
    assert "job_id" in await archive.save(LIVE)


async def test_the_budget_of_a_day_ends(world: World, archive: Client, clock: Ticker) -> None:
    world.archive.limits = Limits(per_day=1)
    await archive.save(LIVE)
    clock.move(minutes=1)
    refused = await archive.save(WECHAT)
    assert refused["status"] == "error"
    assert "captures limit" in refused["message"]


@pytest.mark.parametrize(
    ("made", "status", "part"),
    [
        (trouble.error_body("celery"), 200, '"status_ext": "error:celery"'),
        (trouble.error_body("never-heard-of"), 200, "error:never-heard-of"),
        (trouble.message("Crawling this host is paused for 45 seconds."), 200, "is paused"),
        (trouble.no_job(LIVE), 200, '"job_id": null'),
        (trouble.html(), 200, "<!DOCTYPE html>"),
        (trouble.empty(), 200, ""),
        (trouble.too_many(), 429, "429"),
        (trouble.gateway(520), 520, "520"),
        (trouble.unauthorized(), 401, "logged in"),
    ],
)
async def test_a_submission_can_be_answered_wrongly_once(
    world: World, archive: Client, made: trouble.Trouble, status: int, part: str
) -> None:
    world.archive.trouble(made)
    got, body = await archive.post("/save", url=LIVE)
    assert got == status
    assert part in body.decode()
    assert not world.archive.jobs
    assert "job_id" in await archive.save(LIVE)


@pytest.mark.parametrize("status", [520, 523])
async def test_a_gateway_error_can_hide_a_capture(
    world: World, archive: Client, clock: Ticker, status: int
) -> None:
    world.archive.trouble(trouble.gateway(status, saves=True))
    assert (await archive.post("/save", url=LIVE))[0] == status
    assert (await archive.get(f"/web/{LIVE}"))[0] == 302
    assert not world.archive.jobs


async def test_a_delayed_job_starts_late(world: World, archive: Client, clock: Ticker) -> None:
    world.archive.trouble(trouble.delayed(0, 40))
    answer = await archive.save(LIVE)
    assert "~0 hours, 40 minutes" in answer["message"]
    clock.move(minutes=39)
    assert (await archive.job(answer["job_id"]))["status"] == "pending"
    clock.move(minutes=2)
    assert (await archive.job(answer["job_id"]))["timestamp"] == "20261101084002"


async def test_a_job_can_stay_pending_fail_or_land_elsewhere(
    world: World, archive: Client, clock: Ticker
) -> None:
    captcha = "https://mp.weixin.qq.com/mp/wappoc_appmsgcaptcha?poc_token=x"
    fates = [
        trouble.Fate(pending=True),
        trouble.Fate(code="error:soft-time-limit-exceeded", message="The capture took too long."),
        trouble.Fate(lands_on=captcha),
    ]
    for fate in fates:
        world.archive.next_job(fate)
    ids = [(await archive.save(url))["job_id"] for url in (LIVE, WECHAT, WECHAT + "x")]
    clock.move(minutes=5)
    pending, failed, landed = [await archive.job(job_id) for job_id in ids]
    assert pending["status"] == "pending"
    assert (failed["status_ext"], failed["message"]) == (
        "error:soft-time-limit-exceeded",
        "The capture took too long.",
    )
    assert (landed["status"], landed["original_url"]) == ("success", captcha)


async def test_trouble_for_a_time_ends_with_it(world: World, archive: Client, clock: Ticker) -> None:
    world.archive.trouble_between(NOW, NOW + timedelta(hours=1), trouble.gateway(503))
    assert (await archive.get(f"/web/{LIVE}"))[0] == 503
    assert (await archive.get("/save/status/user"))[0] == 503
    clock.move(hours=1)
    assert (await archive.get("/save/status/user"))[0] == 200


async def test_a_slow_answer_is_right_in_the_end(world: World, archive: Client) -> None:
    world.archive.trouble(trouble.slow(0.05), on="user")
    assert (await archive.get("/save/status/user"))[0] == 200
    assert world.log[-1].ended is not None
    assert world.log[-1].ended - world.log[-1].started >= 0.05


def test_trouble_on_an_unknown_endpoint_is_refused(clock: Ticker) -> None:
    with pytest.raises(ValueError, match="submit, save_get"):
        World(clock).archive.trouble(trouble.html(), on="sumbit")


async def test_archive_org_can_refuse_connections(world: World, archive: Client) -> None:
    world.host_state("web.archive.org", State.REFUSED)
    with pytest.raises(aiohttp.ClientConnectorError, match="Connect call failed"):
        await archive.get("/")
    world.host_state("web.archive.org", None)
    assert (await archive.get("/"))[0] == 200


async def test_a_fresh_capture_is_opened_and_found_late(world: World, archive: Client, clock: Ticker) -> None:
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


async def test_cdx_allows_thirty_looks_a_minute(world: World, archive: Client, clock: Ticker) -> None:
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


@pytest.fixture
def waybackpy(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Coroutine[Any, Any, str]]:
    """waybackpy as it is, led into the world by a proxy."""
    monkeypatch.setenv("HTTPS_PROXY", world.proxy_url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(world.ca_file))

    async def save(url: str) -> str:
        return await asyncio.to_thread(WaybackMachineSaveAPI(url, "rotwatch-test", max_tries=1).save)

    return save


Waybackpy = Callable[[str], Coroutine[Any, Any, str]]


async def test_waybackpy_saves_without_keys(world: World, waybackpy: Waybackpy) -> None:
    saved = await waybackpy(LIVE)
    assert saved.endswith(f"/web/20261101080000/{LIVE}")
    assert [(one.url, one.anonymous, one.answer) for one in world.archive.submissions] == [
        (LIVE, True, "saved")
    ]
    assert len(world.archive.captures_of(LIVE)) == 1


async def test_waybackpy_meets_the_limits_of_the_nameless(world: World, waybackpy: Waybackpy) -> None:
    world.archive.trouble(trouble.too_many(), on="save_get")
    with pytest.raises(TooManyRequestsError):
        await waybackpy(LIVE)
    world.archive.trouble(trouble.gateway(520, saves=True), on="save_get")
    with pytest.raises(MaximumSaveRetriesExceeded):
        await waybackpy(LIVE)
    assert len(world.archive.captures_of(LIVE)) == 1
