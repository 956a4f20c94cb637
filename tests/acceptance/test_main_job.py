"""The main job, whole: from a reading list to history, archive requests, a weekly mail and a status dump."""

from __future__ import annotations

import csv
import io
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.demo import TRUTH, State, World
from monitor.demo.example import act_all
from monitor.model import Outcome
from monitor.sources import read_file
from tests.acceptance.rig import EXAMPLE, Daemon, Rig

ACTED = [
    *(State.WECHAT_DELETED, State.WECHAT_VIOLATION, State.WECHAT_ACCOUNT_CLOSED, State.WECHAT_COMPLAINTS),
    *(State.WECHAT_UNAVAILABLE, State.WECHAT_SYSTEM_ERROR, State.WECHAT_CAPTCHA, State.WECHAT_RATE_LIMITED),
    *(State.WECHAT_ARTICLE_2018, State.WECHAT_IMAGE, State.WECHAT_VIDEO, State.WECHAT_TEXT),
    *(State.ZHIHU_NOT_FOUND, State.ZHIHU_NOT_FOUND_200, State.ZHIHU_CHALLENGE, State.ZHIHU_UNHUMAN),
    *(State.ZHIHU_LOGIN, State.ZHIHU_JSON_40362, State.ZHIHU_LOGIN_MODAL, State.CSDN_PROMPTS),
]
STATUS = {
    Outcome.OK: "alive",
    Outcome.REMOVED: "dead",
    Outcome.GONE: "dead",
    Outcome.FAILED: "suspect",
    Outcome.WALLED: "blind",
}


def reading_list() -> list[tuple[str, str]]:
    return [(reference.url, reference.title) for reference in read_file(str(EXAMPLE))]


def soon_to_report(rig: Rig, seconds: int) -> datetime:
    """Set the weekly report to the first full minute at least so many seconds away."""
    moment = (datetime.now(UTC) + timedelta(seconds=seconds + 60)).replace(second=0, microsecond=0)
    rig.settings["report"]["schedule"] = f"{moment:%a %H:%M}".lower()
    return moment


def owe_a_report(rig: Rig) -> None:
    """Make the list older than the last scheduled moment, so that its report was missed and is due at once."""
    with closing(sqlite3.connect(rig.database)) as db, db:
        db.execute(
            "UPDATE link SET added_at = ?", (f"{datetime.now(UTC) - timedelta(days=30):%F %T}.000000",)
        )


def unsettled(rig: Rig, expected: dict[str, str]) -> dict[str, str]:
    found = dict(rig.ask("SELECT url, status FROM link"))
    return {url: found[url] for url, status in expected.items() if found[url] != status}


def open_jobs(rig: Rig, *, besides: str = "") -> int:
    jobs = rig.ask(f"SELECT count(*) FROM archive_job WHERE finished_at IS NULL AND state <> '{besides}'")
    return int(jobs[0][0])


def spare_the_wait(rig: Rig) -> None:
    """For jobs whose save was cut off: the minutes until archive.org shows what it has, and until it is asked again."""
    with closing(sqlite3.connect(rig.database, timeout=60)) as db, db:
        now, soon = (f"{datetime.now(UTC) + timedelta(seconds=wait):%F %T}.000000" for wait in (0, 20))
        db.execute(
            "UPDATE archive_job SET not_before = ?"
            " WHERE finished_at IS NULL AND lease_until IS NULL AND not_before > ?",
            (now, soon),
        )


def all_done(rig: Rig) -> bool:
    if open_jobs(rig):
        spare_the_wait(rig)
    return not open_jobs(rig)


@pytest.mark.timeout(900)
async def test_the_whole_job_once_through(rig: Rig, world: World) -> None:
    dealt = act_all(world, reading_list(), ACTED)
    expected = {url: STATUS[TRUTH[state].outcome] for url, state in dealt.items()}
    rescued = next(url for url, state in dealt.items() if state is State.WECHAT_DELETED)
    world.plant(rescued, datetime.now(UTC) - timedelta(days=300), State.LIVE)
    wayback: dict[str, Any] = {"enabled": False, "poll_every_s": 0.1}
    rig.settings |= {"policy": {"failed_looks": 1000}, "archives": {"wayback": wayback}}
    world.archive.capture_delay = timedelta(seconds=0.05)
    rig.warm = None  # here each command is started as a shell starts it

    added = await rig.rotwatch("add", "--json", str(EXAMPLE))
    assert added.json == {"references": 81, "links_added": 81, "links_known": 0, "skipped": []}
    daemon = await Daemon.started(rig)
    await daemon.until("every status", lambda: not unsettled(rig, expected))
    wayback["enabled"] = True
    soon_to_report(rig, 5)
    assert rig.config.exists()  # and is written anew
    daemon.process.send_signal(signal.SIGHUP)
    await daemon.until("every archive job", lambda: bool(world.archive.submissions) and not open_jobs(rig))
    await daemon.until("the weekly mail", lambda: bool(world.mails))
    assert await daemon.end() == 0

    _history_is_what_was_acted(rig, dealt)
    _archive_org_was_asked(rig, world, dealt, rescued)
    await _every_output_agrees(rig, world, dealt, expected, rescued)


def _history_is_what_was_acted(rig: Rig, dealt: dict[str, State]) -> None:
    spans = rig.ask(
        "SELECT url, span.outcome, span.reason, span.rule FROM span JOIN link ON link.id = link_id"
    )
    assert {url for url, *_ in spans} == set(dealt)
    for url, outcome, reason, rule in spans:
        truth = TRUTH[dealt[url]]
        assert outcome == truth.outcome, (dealt[url], outcome, rule)
        assert truth.reason in (None, reason), (dealt[url], reason, rule)
    assert len(spans) == len(dealt)  # an answer that does not change is one row


def _archive_org_was_asked(rig: Rig, world: World, dealt: dict[str, State], rescued: str) -> None:
    submitted = Counter(
        submission.url for submission in world.archive.submissions if submission.answer == "queued"
    )
    dead = {url for url, state in dealt.items() if TRUTH[state].outcome in (Outcome.REMOVED, Outcome.GONE)}
    alive = {url for url, state in dealt.items() if TRUTH[state].outcome is Outcome.OK}
    assert dead - {rescued} <= set(submitted)
    assert alive <= set(submitted)
    assert rescued not in submitted  # a good capture was there already
    assert all(submitted[url] == 1 for url in alive)  # nothing saved twice
    assert max(submitted.values()) <= 2  # a page that turned from suspect to dead may be tried once more
    copies = rig.ask(
        "SELECT link.url FROM link JOIN snapshot ON snapshot.link_id = link.id"
        " WHERE archive = 'wayback' AND grade IN ('A', 'B')"
    )
    assert {url for (url,) in copies} == alive | {rescued}


async def _every_output_agrees(
    rig: Rig, world: World, dealt: dict[str, State], expected: dict[str, str], rescued: str
) -> None:
    totals = Counter(expected.values())
    status = await rig.status()
    assert {link["url"]: link["status"] for link in status["links"]} == expected
    assert {name: status["totals"][name] for name in totals} == dict(totals)
    assert status["totals"]["links"] == 81
    not_copied = totals["suspect"] + totals["blind"]
    assert status["preservation"] == {
        "safe": totals["alive"],
        "exposed": not_copied,
        "rescued": 1,
        "lost": totals["dead"] - 1,
    }

    table = list(csv.DictReader(io.StringIO((await rig.rotwatch("status", "--csv")).out)))
    assert {row["url"]: row["status"] for row in table} == expected
    text = (await rig.rotwatch("status")).out
    assert f"{totals['alive']} safe" in text
    assert f"{totals['dead'] - 1} lost" in text
    assert (await rig.rotwatch("status", "--fail-on", "lost")).code == 1
    assert (await rig.rotwatch("status", "--fail-on", "pending")).code == 0

    shown = (await rig.rotwatch("show", rescued, "--json")).json
    assert (shown["status"], shown["history"][0]["rule"]) == ("dead", shown["history"][-1]["rule"])
    assert shown["history"][0]["checks"] >= 2
    assert shown["snapshot"]["verified"]
    assert shown["why"].startswith("Dead since ")
    assert [flip["to"] for flip in shown["flips"]] == ["suspect", "dead"]
    assert "Dead since" in (await rig.rotwatch("show", rescued)).out

    [mail] = world.mails
    parts: Any = mail.get_body(("plain",)), mail.get_body(("html",))
    assert mail["To"] == "reader@example.org"
    for part in parts:
        assert dict(reading_list())[rescued][:10] in part.get_content()


@pytest.mark.timeout(900)
async def test_a_daemon_killed_in_mid_sweep_and_mid_capture_loses_nothing(rig: Rig, world: World) -> None:
    dealt = act_all(world, reading_list(), [State.WECHAT_DELETED] * 5)
    await rig.given("add", str(EXAMPLE))
    rig.settings["pace"] = {"default_s": 0.1}  # slow enough to be killed in the middle
    rig.settings["archives"] = {"wayback": {"poll_every_s": 0.1}}
    daemon = await Daemon.started(rig)
    await daemon.until("the middle of the sweep", lambda: rig.ask("SELECT count(*) FROM span")[0][0] > 10)
    await daemon.end(signal.SIGKILL)
    seen_before = Counter(dict(rig.ask("SELECT link_id, sum(checks) FROM span GROUP BY link_id")))

    world.archive.capture_delay = timedelta(seconds=3)
    daemon = await Daemon.started(rig)
    await daemon.until(
        "the middle of a capture",
        lambda: rig.ask("SELECT count(*) FROM archive_job WHERE state = 'submitted'")[0][0] > 0,
        within_s=100,
    )
    await daemon.end(signal.SIGKILL)
    submitted = [submission.url for submission in world.archive.submissions]

    world.archive.capture_delay = timedelta(seconds=0.05)
    rig.settings["pace"] = {"default_s": 0}
    owe_a_report(rig)
    daemon = await Daemon.started(rig)
    await daemon.until("every link looked at", lambda: not rig.ask("SELECT 1 FROM link WHERE looks = 0"))
    await daemon.until("the weekly mail", lambda: bool(world.mails))
    await daemon.end(signal.SIGKILL)
    daemon = await Daemon.started(rig)
    # a save that was cut off has an unknown outcome
    await daemon.until("the others", lambda: not open_jobs(rig, besides="outcome_unknown"))
    await daemon.until("every archive job", lambda: all_done(rig))
    assert await daemon.end() == 0

    checks = dict(rig.ask("SELECT link_id, sum(checks) FROM span GROUP BY link_id"))
    assert len(checks) == 81
    assert all(checks[link_id] >= count for link_id, count in seen_before.items())
    looks = dict(rig.ask("SELECT id, looks FROM link"))
    assert checks == looks  # no answer stands in the history twice
    spans = rig.ask("SELECT link_id, outcome, count(*) FROM span GROUP BY link_id, outcome")
    assert {count for *_, count in spans} == {1}
    assert len(world.mails) == 1
    for url in submitted:
        job = rig.ask(f"SELECT state FROM archive_job JOIN link ON link.id = link_id WHERE url = '{url}'")
        assert job == [("verified",)] or dealt[url] is not State.LIVE
    queued = Counter(
        submission.url for submission in world.archive.submissions if submission.answer == "queued"
    )
    assert all(count == 1 for url, count in queued.items() if dealt[url] is State.LIVE)
