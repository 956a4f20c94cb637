"""What Save Page Now 2 answers, and what each answer asks us to do. Pure.

Errors come with HTTP 200: the JSON is what counts. The codes and texts are those of the published API document and
of the programs that use it; they change, so an unknown one is tried twice and then left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from monitor.archives.capture import Capture, moment
from monitor.model import Page

KEYS = (
    "Get free keys at https://archive.org/account/s3.php and set archives.wayback.access_key and secret_key."
)
KEYS_REFUSED = "unauthorized-keys"
JS_OFF = "soft-time-limit-exceeded"  # the next try runs no scripts


class Class(StrEnum):
    """What a refusal asks for."""

    TRANSIENT = "transient"  # again later, five times
    ODD = "odd"  # again later, twice
    LOOK_UP = "look_up"  # it may exist already
    ALREADY = "already"  # saved too often today: take the newest capture
    HOST = "host"  # this host rests
    ACCOUNT = "account"  # all saving rests
    OPERATOR = "operator"  # somebody has to do something
    PERMANENT = "permanent"  # not again until the link itself changes


class Rest(StrEnum):
    """How long a host or all saving rests."""

    MOMENT = "moment"  # 90 s
    SHORT = "short"  # 10 min
    MIDNIGHT = "midnight"  # until 00:00 UTC, when archive.org's day begins
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Queued there. ``starts_in``: what archive.org says it will wait before it begins."""

    job_id: str
    starts_in: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Pending:
    """Not done yet, or not known there: archive.org says the same to both."""


@dataclass(frozen=True, slots=True)
class Saved:
    capture: Capture
    http_status: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """``code`` without its ``error:``; ``message`` as archive.org puts it."""

    code: str
    kind: Class
    message: str = ""
    rest: Rest | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nothing that can be read came back: what was asked for may have been done all the same."""

    message: str


Answer = Accepted | Pending | Saved | Refused | Unanswered

_CODES: Mapping[str, Class] = {
    code: kind
    for kind, codes in {
        Class.TRANSIENT: "bad-gateway browsing-timeout cannot-fetch celery gateway-timeout internal-server-error "
        "job-failed no-browsers-available no-captures protocol-error proxy-error read-timeout redis-error "
        f"service-unavailable {JS_OFF}",
        Class.ODD: "invalid-server-response network-authentication-required",
        Class.LOOK_UP: "capture-location-error",
        Class.ALREADY: "too-many-daily-captures",
        Class.HOST: "too-many-requests max-daily-bandwidth-host bandwidth-limit-exceeded",
        Class.ACCOUNT: "user-session-limit max-daily-bandwidth max-daily-bandwidth-from-ip",
        Class.OPERATOR: "blocked-client-ip",
        Class.PERMANENT: "bad-request blocked blocked-url filesize-limit ftp-access-denied http-version-not-supported "
        "invalid-host-resolution invalid-url-syntax method-not-allowed no-access not-found not-implemented "
        "too-many-redirects unauthorized",
    }.items()
    for code in codes.split()
}
_RESTS: Mapping[str, Rest] = {
    "too-many-requests": Rest.SHORT,
    "max-daily-bandwidth-host": Rest.MIDNIGHT,
    "bandwidth-limit-exceeded": Rest.DAY,
    "user-session-limit": Rest.MOMENT,
    "max-daily-bandwidth": Rest.MIDNIGHT,
    "max-daily-bandwidth-from-ip": Rest.MIDNIGHT,
}
_TEXTS = (
    ("limit of active save page now sessions", "user-session-limit", Class.ACCOUNT, Rest.MOMENT),
    ("crawling this host is paused", "host-paused", Class.HOST, Rest.SHORT),
    ("cannot start capture", "cannot-start", Class.TRANSIENT, None),
    ("encountered an internal error", "internal-server-error", Class.TRANSIENT, None),
    ("chrome-error://chromewebdata", "browser-error", Class.TRANSIENT, None),
    ("didn't respond in time", "read-timeout", Class.TRANSIENT, None),
)
_DAILY = re.compile(r"daily\b.{0,60}\bcaptures? limit|more than [\d,. ]+ captures per day", re.IGNORECASE)
_JOB_ID = re.compile(r"[\w.:-]{1,200}", re.ASCII)  # it becomes part of an address
_STATUS = re.compile(r"\(HTTP status=(\d{3})\)")
_STATUS_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504, 507, 508})
_STARTS_IN = re.compile(
    r"will start in\s+~?\s*(?:(\d{1,3}) hours?)?,?\s*(?:(\d{1,4}) minutes?)?", re.IGNORECASE
)


def submitted(page: Page) -> Answer:
    """The answer to a submission."""
    said = _object(page)
    if said is None:
        return _no_json(page)
    if said.get("status") == "error" or "status_ext" in said:
        return refusal(said)
    job_id, message = said.get("job_id"), str(said.get("message") or "")
    if isinstance(job_id, str) and _JOB_ID.fullmatch(job_id):
        return Accepted(job_id, _starts_in(message))
    if "job_id" in said:
        return Refused("younger-capture", Class.LOOK_UP, message)
    return refusal(said) if message else Unanswered("The answer to the submission has no job id.")


def polled(page: Page, job_ids: list[str]) -> dict[str, Answer]:
    """The answers to a question for the state of several jobs, by job id; for one that is left out, Pending."""
    said = _json(page)
    if not isinstance(said, dict | list):
        return dict.fromkeys(job_ids, _no_json(page))
    entries = [entry for entry in (said if isinstance(said, list) else [said]) if isinstance(entry, dict)]
    if len(job_ids) == 1 and len(entries) == 1:
        return {job_ids[0]: _state(entries[0])}
    found = {str(entry.get("job_id")): _state(entry) for entry in entries}
    return {job_id: found.get(job_id, Pending()) for job_id in job_ids}


def _state(entry: Mapping[str, Any]) -> Answer:
    match entry.get("status"):
        case "pending":
            return Pending()
        case "success":
            when = moment(str(entry.get("timestamp")))
            original = entry.get("original_url")
            if (
                when is None
                or not isinstance(original, str)
                or not original.startswith(("http://", "https://"))
            ):
                return Unanswered("It says success, but names no capture.")
            status = entry.get("http_status")
            return Saved(Capture(when, original), status if isinstance(status, int) else None)
        case "error":
            return refusal(entry)
    return Unanswered("The answer about the job has no state.")


def refusal(said: Mapping[str, Any]) -> Refused:
    """The class of an error answer: by its code, else by its text."""
    message = str(said.get("message") or "")
    code = str(said.get("status_ext") or "").removeprefix("error:")
    if code in _CODES:
        return Refused(code, _CODES[code], message, _RESTS.get(code))
    text = message.lower()
    for phrase, name, kind, rest in _TEXTS:
        if phrase in text:
            return Refused(name, kind, message, rest)
    if _DAILY.search(message):
        return Refused("daily-limit", Class.ACCOUNT, message, Rest.MIDNIGHT)
    if match := _STATUS.search(message):
        again = int(match[1]) in _STATUS_AGAIN
        return Refused(f"http-{match[1]}", Class.TRANSIENT if again else Class.PERMANENT, message)
    return Refused(code[:60] or "no-code", Class.ODD, message)


def _starts_in(message: str) -> timedelta:
    match = _STARTS_IN.search(message)
    return timedelta(hours=int(match[1] or 0), minutes=int(match[2] or 0)) if match else timedelta(0)


def _no_json(page: Page) -> Refused | Unanswered:
    if page.http_status == 401:
        return Refused(KEYS_REFUSED, Class.OPERATOR, "archive.org does not accept the keys.")
    if page.failure:
        return Unanswered(f"archive.org did not answer: {page.failure.detail}.")
    return Unanswered(f"archive.org answered with HTTP {page.http_status} and nothing that can be read.")


def _object(page: Page) -> dict[str, Any] | None:
    said = _json(page)
    return said if isinstance(said, dict) else None


def _json(page: Page) -> Any:
    """The JSON of an answer; None where there is none, or the front end is in trouble whatever it says."""
    if page.failure or page.http_status is None or page.http_status == 401 or page.http_status >= 500:
        return None
    try:
        said = json.loads(page.body)
        # half of a surrogate pair is JSON, and no text that a database takes
        return json.loads(json.dumps(said, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def rest_ends(rest: Rest, now: datetime) -> datetime:
    match rest:
        case Rest.MOMENT:
            return now + timedelta(seconds=90)
        case Rest.SHORT:
            return now + timedelta(minutes=10)
        case Rest.DAY:
            return now + timedelta(days=1)
        case Rest.MIDNIGHT:
            return midnight_after(now)


def midnight_after(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """What the account may still do: ``used`` of ``limit`` captures of the (UTC) day; ``available`` sessions now."""

    used: int
    limit: int
    available: int


def budget(page: Page) -> Budget | Refused | Unanswered:
    """The answer to a question for the account's state."""
    said = _object(page)
    if said is None:
        return _no_json(page)
    named = (said.get(name) for name in ("daily_captures", "daily_captures_limit", "available"))
    numbers = [value for value in named if isinstance(value, int) and value >= 0]
    if len(numbers) != 3:
        return Unanswered("The answer about the account has no numbers.")
    return Budget(*numbers)


def trouble(page: Page) -> str | None:
    """The answer to a question for the state of the whole system: what is wrong with it, None when nothing is.

    It is read whatever its HTTP status is; an answer that says nothing is trouble only where the front end failed.
    """
    try:
        said = json.loads(page.body)
    except (ValueError, RecursionError):
        said = None
    status = said.get("status") if isinstance(said, dict) else None
    if isinstance(status, str) and status:
        return None if status.lower() == "ok" else f"archive.org says: {status[:200]}"
    if page.failure or page.http_status is None or page.http_status >= 500:
        return "archive.org does not answer how it is."
    return None
