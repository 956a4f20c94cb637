from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.archives.answers import (
    Accepted,
    Budget,
    Class,
    Pending,
    Refused,
    Rest,
    Saved,
    Unanswered,
    budget,
    polled,
    refusal,
    rest_ends,
    submitted,
    trouble,
)
from monitor.archives.capture import Capture
from monitor.model import Failure, FailureKind, Page

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def answer(said: Any, status: int = 200) -> Page:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Page(url="https://web.archive.org/save", final_url="", http_status=status, body=body)


def lost() -> Page:
    failure = Failure(FailureKind.TIMEOUT, "no whole answer came in time")
    return Page(url="https://web.archive.org/save", final_url="", failure=failure)


def test_a_job_id_is_an_acceptance_whatever_its_form() -> None:
    assert submitted(answer({"url": "u", "job_id": "spn2-abc"})) == Accepted("spn2-abc")
    assert submitted(answer({"job_id": "another_form"})) == Accepted("another_form")


def test_a_reused_snapshot_is_an_acceptance() -> None:
    message = (
        "The same snapshot had been made 3 minutes ago. You can make new capture of this URL after 1 hour."
    )
    assert submitted(answer({"job_id": "spn2-abc", "message": message})) == Accepted("spn2-abc")


@pytest.mark.parametrize(
    ("message", "wait"),
    [
        (
            "The capture will start in ~2 hours, 5 minutes because of our limits.",
            timedelta(hours=2, minutes=5),
        ),
        ("Your capture will start in ~12 minutes.", timedelta(minutes=12)),
        ("Your capture will start in ~1 hour", timedelta(hours=1)),
        ("Your capture has begun.", timedelta(0)),
    ],
)
def test_a_delayed_capture_tells_when_it_starts(message: str, wait: timedelta) -> None:
    assert submitted(answer({"job_id": "spn2-abc", "message": message})) == Accepted("spn2-abc", wait)


def test_no_job_id_means_that_a_younger_capture_is_to_be_looked_up() -> None:
    said = submitted(answer({"url": "u", "job_id": None, "message": "The same snapshot…"}))
    assert isinstance(said, Refused)
    assert said.kind is Class.LOOK_UP


def test_an_error_with_http_200_is_an_error() -> None:
    said = submitted(answer({"status": "error", "status_ext": "error:blocked-url", "message": "no"}))
    assert said == Refused("blocked-url", Class.PERMANENT, "no")


@pytest.mark.parametrize(
    ("code", "kind", "rest"),
    [
        ("bad-gateway", Class.TRANSIENT, None),
        ("soft-time-limit-exceeded", Class.TRANSIENT, None),
        ("invalid-server-response", Class.ODD, None),
        ("capture-location-error", Class.LOOK_UP, None),
        ("too-many-daily-captures", Class.ALREADY, None),
        ("too-many-requests", Class.HOST, Rest.SHORT),
        ("max-daily-bandwidth-host", Class.HOST, Rest.MIDNIGHT),
        ("bandwidth-limit-exceeded", Class.HOST, Rest.DAY),
        ("user-session-limit", Class.ACCOUNT, Rest.MOMENT),
        ("max-daily-bandwidth-from-ip", Class.ACCOUNT, Rest.MIDNIGHT),
        ("blocked-client-ip", Class.OPERATOR, None),
        ("not-found", Class.PERMANENT, None),
        ("made-up-yesterday", Class.ODD, None),
    ],
)
def test_each_code_has_its_class(code: str, kind: Class, rest: Rest | None) -> None:
    said = refusal({"status": "error", "status_ext": f"error:{code}"})
    assert (said.code, said.kind, said.rest) == (code, kind, rest)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("You have already reached the limit of active Save Page Now sessions.", Class.ACCOUNT),
        ("Cannot start capture", Class.TRANSIENT),
        ("Save Page Now has encountered an internal error", Class.TRANSIENT),
        ("Crawling this host is paused for 20 s", Class.HOST),
        ("Cannot load chrome-error://chromewebdata/", Class.TRANSIENT),
        ("The server didn't respond in time.", Class.TRANSIENT),
        ("You have already reached your daily Save Page Now captures limit.", Class.ACCOUNT),
        ("You cannot make more than 100,000 captures per day.", Class.ACCOUNT),
        ("Couldn't capture it (HTTP status=503).", Class.TRANSIENT),
        ("Couldn't capture it (HTTP status=451).", Class.PERMANENT),
        ("Something nobody has seen before", Class.ODD),
    ],
)
def test_an_answer_that_has_only_text_is_told_by_its_text(message: str, kind: Class) -> None:
    assert refusal({"status": "error", "message": message}).kind is kind


@pytest.mark.parametrize(
    "page", [lost(), answer(b"", 520), answer(b"<html>", 502), answer(b"<html>oops"), answer([])]
)
def test_what_cannot_be_read_is_an_unknown_outcome_and_no_failure(page: Page) -> None:
    assert isinstance(submitted(page), Unanswered)


def test_json_inside_a_server_error_is_not_believed() -> None:
    assert isinstance(
        submitted(answer({"status": "error", "status_ext": "error:not-found"}, 503)), Unanswered
    )


def test_wrong_keys_are_a_matter_for_the_operator() -> None:
    page = answer({"message": "You need to be logged in to use Save Page Now."}, 401)
    for said in (submitted(page), polled(page, ["a"])["a"], budget(page)):
        assert isinstance(said, Refused)
        assert said.kind is Class.OPERATOR


def test_several_jobs_are_told_apart_in_one_answer() -> None:
    page = answer(
        [
            {"status": "pending", "job_id": "a"},
            {
                "status": "success",
                "job_id": "b",
                "timestamp": "20261124115900",
                "original_url": "https://example.com/",
                "http_status": 200,
            },
        ]
    )
    capture = Capture(datetime(2026, 11, 24, 11, 59, tzinfo=UTC), "https://example.com/")
    assert polled(page, ["a", "b", "c"]) == {"a": Pending(), "b": Saved(capture, 200), "c": Pending()}


@pytest.mark.parametrize("timestamp", ["2026", "20261324115900", None, "２０２６１１２４１１５９００"])
def test_a_success_without_a_true_time_is_not_believed(timestamp: str | None) -> None:
    page = answer({"status": "success", "timestamp": timestamp, "original_url": "https://example.com/"})
    assert isinstance(polled(page, ["a"])["a"], Unanswered)


@pytest.mark.parametrize("said", [[1, 2], "text", None, {"status": ["pending"]}, b"[" * 100_000])
def test_nonsense_about_a_job_says_nothing(said: Any) -> None:
    assert isinstance(polled(answer(said), ["a"])["a"], Unanswered | Pending)


def test_the_accounts_numbers_are_read() -> None:
    said = {"processing": 0, "available": 3, "daily_captures": 49, "daily_captures_limit": 30000}
    assert budget(answer(said)) == Budget(used=49, limit=30000, available=3)
    assert isinstance(budget(answer({**said, "available": "many"})), Unanswered)


def test_rests_end_when_archive_org_says() -> None:
    assert rest_ends(Rest.MOMENT, NOON) == NOON + timedelta(seconds=90)
    assert rest_ends(Rest.SHORT, NOON) == NOON + timedelta(minutes=10)
    assert rest_ends(Rest.MIDNIGHT, NOON) == datetime(2026, 11, 25, tzinfo=UTC)
    assert rest_ends(Rest.DAY, NOON) == NOON + timedelta(days=1)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (answer({"status": "ok", "recent_captures": 12}), None),
        (answer({"status": "Temporarily overloaded."}), "archive.org says: Temporarily overloaded."),
        (answer({"status": "Temporarily overloaded."}, 502), "archive.org says: Temporarily overloaded."),
        (answer(b"<html>", 502), "archive.org does not answer how it is."),
        (lost(), "archive.org does not answer how it is."),
        (answer(b"<html>", 404), None),
        (answer([1]), None),
        (answer({"status": 7}), None),
    ],
)
def test_the_whole_system_is_in_trouble_only_when_it_says_so_or_does_not_answer(
    page: Page, said: str | None
) -> None:
    assert trouble(page) == said
