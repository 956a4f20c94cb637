"""Scripted misbehaviour of the acted archive.org: whole answers to give, and how jobs end."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.demo.reply import HTML, Manner

ENDPOINTS = (
    "submit",
    "save_get",
    "status",
    "user",
    "system",
    "lookup",
    "cdx",
    "available",
    "playback",
    "any",
)
_JSON = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One answer given instead of the right one.

    ``saves``: the page is captured all the same. ``job``: the job is made, to begin ``late_by`` after the usual
    delay, and its id is added to the JSON. ``delay_s``: real seconds to wait before; with ``after`` the right
    answer is given then.
    """

    name: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (HTML,)
    body: bytes = b""
    manner: Manner = Manner.WHOLE
    saves: bool = False
    job: bool = False
    late_by: timedelta = timedelta()
    delay_s: float = 0.0
    after: bool = False


def too_many(retry_after: str = "") -> Trouble:
    """429: this address asked too often."""
    headers = (HTML, ("Retry-After", retry_after)) if retry_after else (HTML,)
    body = b"<html><head><title>429 Too Many Requests</title></head><body><h1>429 Too Many Requests</h1></body></html>"
    return Trouble(name="429", status=429, headers=headers, body=body)


def unauthorized() -> Trouble:
    """401, as with a wrong key."""
    body = json.dumps({"message": "You need to be logged in to use Save Page Now."}).encode()
    return Trouble(name="401", status=401, headers=(_JSON,), body=body)


def gateway(status: int = 502, *, saves: bool = False) -> Trouble:
    """502, 503, 504, 520 or 523 from the front end; with ``saves`` the page is captured behind it."""
    body = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>".encode()
    return Trouble(name=str(status), status=status, body=body, saves=saves)


def html() -> Trouble:
    """An HTML page with status 200 where JSON was due."""
    return Trouble(
        name="html",
        body=b"<!DOCTYPE html><html><head><title>Wayback Machine</title></head><body></body></html>",
    )


def empty() -> Trouble:
    """Status 200 and no body."""
    return Trouble(name="empty")


def error_body(code: str, message: str = "") -> Trouble:
    """200 with an error in the JSON. ``code`` without its ``error:``; empty for an answer that has only text."""
    data = {"status": "error", "message": message or f"Save Page Now refused: {code}."}
    if code:
        data["status_ext"] = f"error:{code}"
    return Trouble(name=code or "message", headers=(_JSON,), body=json.dumps(data).encode())


def message(text: str) -> Trouble:
    """200 with an error that has only a text: the daily limit, a paused host, too many sessions."""
    return error_body("", text)


def no_job(url: str = "") -> Trouble:
    """200 with ``job_id: null``: a younger capture exists."""
    body = json.dumps(
        {"url": url, "job_id": None, "message": "The same snapshot had been made 12 minutes ago."}
    )
    return Trouble(name="no job", headers=(_JSON,), body=body.encode())


def delayed(hours: int, minutes: int) -> Trouble:
    """The job is queued, and will start late."""
    text = f"The capture will start in ~{hours} hours, {minutes} minutes because our service is currently overloaded."
    body, late_by = json.dumps({"message": text}).encode(), timedelta(hours=hours, minutes=minutes)
    return Trouble(name="delayed", headers=(_JSON,), body=body, job=True, late_by=late_by)


def slow(seconds: float) -> Trouble:
    """The right answer, real ``seconds`` late."""
    return Trouble(name="slow", delay_s=seconds, after=True)


def hang(*, saves: bool = False) -> Trouble:
    """No answer ever."""
    return Trouble(name="hang", manner=Manner.HANG, saves=saves)


def cut_off(*, saves: bool = False) -> Trouble:
    """The connection is reset before an answer."""
    return Trouble(name="reset", manner=Manner.RESET, saves=saves)


def header_only() -> Trouble:
    """CDX: the header row and nothing under it."""
    row = [["urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length"]]
    return Trouble(name="header only", headers=(_JSON,), body=json.dumps(row).encode())


def nothing_known() -> Trouble:
    """The availability API knows nothing of a page that is archived."""
    return Trouble(name="nothing known", headers=(_JSON,), body=b'{"url": "", "archived_snapshots": {}}')


def no_memento() -> Trouble:
    """Playback: Wayback's own page with status 200, without ``Memento-Datetime``."""
    return Trouble(
        name="no memento", body=b"<html><head><title>Internet Archive Wayback Machine</title></head></html>"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """How a job ends: by itself, when nothing is set. ``pending``: never; ``code`` (with its ``error:``) and
    ``message``: it fails so; ``lands_on``: it captures that address instead and calls it ``original_url``."""

    pending: bool = False
    code: str = ""
    message: str = ""
    lands_on: str = ""


class Script:
    """What is to go wrong, in order and by time."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, deque[Trouble]] = defaultdict(deque)
        self._spans: list[tuple[datetime, datetime, Trouble, str]] = []
        self._fates: deque[Fate] = deque()

    def queue(self, trouble: Trouble, times: int, on: str) -> None:
        self._queues[_known(on)].extend([trouble] * times)

    def span(self, start: datetime, end: datetime, trouble: Trouble, on: str) -> None:
        self._spans.append((start, end, trouble, _known(on)))

    def fate(self, fate: Fate, times: int) -> None:
        self._fates.extend([fate] * times)

    def next_fate(self) -> Fate:
        return self._fates.popleft() if self._fates else Fate()

    def next_trouble(self, endpoint: str, now: datetime) -> Trouble | None:
        """What goes wrong with this request, if anything: the queue first, then the time spans."""
        for name in (endpoint, "any"):
            if self._queues[name]:
                return self._queues[name].popleft()
        for start, end, trouble, on in self._spans:
            if start <= now < end and on in {endpoint, "any"}:
                return trouble
        return None


def _known(endpoint: str) -> str:
    if endpoint not in ENDPOINTS:
        raise ValueError(f"archive.org has no endpoint {endpoint!r}: take one of {', '.join(ENDPOINTS)}.")
    return endpoint
