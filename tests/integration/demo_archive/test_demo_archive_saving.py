from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from waybackpy import WaybackMachineSaveAPI
from waybackpy.exceptions import MaximumSaveRetriesExceeded, TooManyRequestsError

from monitor.demo import DrivenClock, State, World, trouble
from monitor.demo.archive_records import Limits
from tests.integration.demo_archive.client import ARCHIVE, LIVE, NOW, WECHAT, Client


async def test_a_submitted_page_is_captured_after_a_while_and_found_and_replayed(
    world: World, archive: Client, clock: DrivenClock
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


async def test_several_jobs_are_asked_for_at_once(world: World, archive: Client, clock: DrivenClock) -> None:
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


async def test_a_capture_of_a_walled_page_is_the_wall(
    world: World, archive: Client, clock: DrivenClock
) -> None:
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


async def test_a_capture_has_the_state_of_its_moment(
    world: World, archive: Client, clock: DrivenClock
) -> None:
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
    world: World, archive: Client, clock: DrivenClock, state: State, code: str | None
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
    world: World, archive: Client, clock: DrivenClock
) -> None:
    job_id = (await archive.save("https://gone.example/"))["job_id"]
    clock.move(seconds=2)
    assert (await archive.job(job_id))["status_ext"] == "error:invalid-host-resolution"


async def test_the_archive_can_see_what_we_cannot(world: World, archive: Client, clock: DrivenClock) -> None:
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
    world: World, archive: Client, clock: DrivenClock
) -> None:
    world.archive_sees("mp.weixin.qq.com", State.WECHAT_CAPTCHA)
    assert world.seen_state(WECHAT) is State.LIVE
    job_id = (await archive.save(WECHAT))["job_id"]
    clock.move(seconds=2)
    assert "wappoc_appmsgcaptcha" in (await archive.job(job_id))["original_url"]


async def test_the_same_page_within_an_hour_is_the_same_job(
    world: World, archive: Client, clock: DrivenClock
) -> None:
    first = await archive.save(LIVE)
    clock.move(minutes=30)
    again = await archive.save(LIVE)
    assert again["job_id"] == first["job_id"]
    assert "same snapshot had been made 30 minutes ago" in again["message"]
    clock.move(minutes=31)
    assert (await archive.save(LIVE))["job_id"] != first["job_id"]


async def test_a_status_is_forgotten_after_an_hour(world: World, archive: Client, clock: DrivenClock) -> None:
    job_id = (await archive.save(LIVE))["job_id"]
    clock.move(minutes=61)
    assert (await archive.job(job_id))["status"] == "pending"
    assert (await archive.job("spn2-invented"))["status"] == "pending"
    assert (await archive.get(f"/web/{LIVE}"))[0] == 302, "the capture is there all the same"


async def test_the_user_status_counts_what_runs_and_what_was_taken_today(
    world: World, archive: Client, clock: DrivenClock
) -> None:
    await archive.save(LIVE)
    user = json.loads((await archive.get("/save/status/user?_t=1"))[2])
    assert user == {"processing": 1, "available": 2, "daily_captures": 1, "daily_captures_limit": 30_000}
    clock.move(days=1)
    user = json.loads((await archive.get("/save/status/user?_t=2"))[2])
    assert user == {"processing": 0, "available": 3, "daily_captures": 0, "daily_captures_limit": 30_000}


async def test_the_published_limits_are_kept(world: World, archive: Client, clock: DrivenClock) -> None:
    answers = [await archive.save(f"https://zhuanlan.zhihu.com/p/{number}") for number in range(4)]
    assert [answer.get("status_ext") for answer in answers] == [None, None, None, "error:user-session-limit"]
    for number in range(4, 7):
        clock.move(seconds=3)
        await archive.save(f"https://zhuanlan.zhihu.com/p/{number}")
    assert (await archive.post("/save", url=LIVE))[0] == 429
    assert [one.in_progress for one in world.archive.submissions] == [0, 1, 2, 3, 0, 0, 0, 1]
    clock.move(minutes=1)
    assert "job_id" in await archive.save(LIVE)


async def test_a_page_is_saved_five_times_a_day_at_most(
    world: World, archive: Client, clock: DrivenClock
) -> None:
    for _ in range(5):
        assert "job_id" in await archive.save(LIVE)
        clock.move(minutes=61)
    assert (await archive.save(LIVE))["status_ext"] == "error:too-many-daily-captures"
    clock.move(days=1)
    assert "job_id" in await archive.save(LIVE)


async def test_the_budget_of_a_day_ends(world: World, archive: Client, clock: DrivenClock) -> None:
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
    world: World, archive: Client, clock: DrivenClock, status: int
) -> None:
    world.archive.trouble(trouble.gateway(status, saves=True))
    assert (await archive.post("/save", url=LIVE))[0] == status
    assert (await archive.get(f"/web/{LIVE}"))[0] == 302
    assert not world.archive.jobs


async def test_a_delayed_job_starts_late(world: World, archive: Client, clock: DrivenClock) -> None:
    world.archive.trouble(trouble.delayed(0, 40))
    answer = await archive.save(LIVE)
    assert "~0 hours, 40 minutes" in answer["message"]
    clock.move(minutes=39)
    assert (await archive.job(answer["job_id"]))["status"] == "pending"
    clock.move(minutes=2)
    assert (await archive.job(answer["job_id"]))["timestamp"] == "20261101084002"


async def test_a_job_can_stay_pending_fail_or_land_elsewhere(
    world: World, archive: Client, clock: DrivenClock
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


async def test_trouble_for_a_time_ends_with_it(world: World, archive: Client, clock: DrivenClock) -> None:
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


def test_trouble_on_an_unknown_endpoint_is_refused(clock: DrivenClock) -> None:
    with pytest.raises(ValueError, match="submit, save_get"):
        World(clock).archive.trouble(trouble.html(), on="sumbit")


async def test_archive_org_can_refuse_connections(world: World, archive: Client) -> None:
    world.host_state("web.archive.org", State.REFUSED)
    with pytest.raises(aiohttp.ClientConnectorError, match="Connect call failed"):
        await archive.get("/")
    world.host_state("web.archive.org", None)
    assert (await archive.get("/"))[0] == 200


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
