"""The acted Wayback Machine: its captures, its jobs, its limits, its lies. The HTTP side is ``archive_http``.

A capture is made by really looking at the acted world at the time the job comes to it, so a page that is
walled then gives a capture of the wall. Traps and limits are those of docs/archives.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

from monitor.demo.archive_records import Accepted, Capture, Job, Limits, Submission, urlkey
from monitor.demo.reply import Manner, Reply, Visit
from monitor.demo.text import token
from monitor.demo.trouble import Fate, Script, Trouble
from monitor.model import Clock

STATUS_KEPT = timedelta(hours=1)
_SAME_WITHIN = timedelta(hours=1)
_CODES = {
    401: "unauthorized",
    403: "no-access",
    404: "not-found",
    405: "method-not-allowed",
    410: "not-found",
    429: "too-many-requests",
    502: "bad-gateway",
    503: "service-unavailable",
    504: "gateway-timeout",
}
_WIRE_CODES = {
    Manner.HANG: "read-timeout",
    Manner.HANG_MID_BODY: "read-timeout",
    Manner.DRIP: "soft-time-limit-exceeded",
    Manner.ENDLESS: "filesize-limit",
    Manner.RESET: "cannot-fetch",
    Manner.RESET_MID_BODY: "protocol-error",
    Manner.RAW: "invalid-server-response",
}


@dataclass(kw_only=True)
class Archive:
    """The acted archive.org.

    ``look`` answers a visit to the acted web. ``capture_delay`` passes between a submission and the capture,
    ``index_delay`` until look-ups and CDX know it, ``playback_delay`` until it can be opened. ``enforces`` the
    published limits. ``excluded`` hosts are neither saved nor shown. ``submissions`` is the log.
    """

    clock: Clock
    look: Callable[[Visit], Reply]
    seed: int = 0
    access_key: str = "demo-access"
    secret_key: str = "demo-secret"  # noqa: S105 - a key to nothing
    capture_delay: timedelta = timedelta(seconds=2)
    index_delay: timedelta = timedelta()
    playback_delay: timedelta = timedelta()
    limits: Limits = field(default_factory=Limits)
    enforces: bool = True
    overloaded: bool = False
    excluded: set[str] = field(default_factory=set)
    submissions: list[Submission] = field(default_factory=list)
    script: Script = field(default_factory=Script)

    def __post_init__(self) -> None:
        self._captures: dict[str, list[Capture]] = {}
        self._jobs: dict[str, Job] = {}
        self._running: list[Job] = []
        self._saves: list[datetime] = []

    # writing

    def trouble(self, trouble: Trouble, *, times: int = 1, on: str = "submit") -> None:
        """Answer the next ``times`` requests ``on`` an endpoint so; ``on`` may be ``any`` (see :data:`ENDPOINTS`)."""
        self.script.queue(trouble, times, on)

    def trouble_between(self, start: datetime, end: datetime, trouble: Trouble, *, on: str = "any") -> None:
        """Answer every request ``on`` an endpoint so from ``start`` until ``end``."""
        self.script.span(start, end, trouble, on)

    def next_job(self, fate: Fate, *, times: int = 1) -> None:
        """The next ``times`` accepted jobs end so, whatever the page is like."""
        self.script.fate(fate, times)

    def plant(
        self, url: str, when: datetime, *, reply: Reply | None = None, revisit: bool = False
    ) -> Capture:
        """A capture of ``url`` made at ``when``: of what the world answered then, or of ``reply``."""
        found = reply or self.look(Visit(url=url, now=when, nonce=token(16, "plant", url, when)))
        status = None if revisit else found.status
        return self._keep(
            Capture(url=url, at=when.replace(microsecond=0), reply=found, status=status, visible_from=when)
        )

    # saving

    def submit(
        self, url: str, parameters: dict[str, str], *, late_by: timedelta = timedelta()
    ) -> Accepted | str:
        """Queue a capture, to begin ``late_by`` after the usual delay; or the code of a refusal."""
        now = self.clock()
        self._work(now)
        refusal = self._refusal(url, now)
        if refusal:
            self._note(url, parameters, refusal)
            return refusal
        same = self._same_within_the_hour(url, now)
        if same:
            self._note(url, parameters, "same")
            return Accepted(same, again=True)
        job_id = f"spn2-{hashlib.sha1(f'{self.seed}{url}{now}'.encode(), usedforsecurity=False).hexdigest()}"
        due = now + late_by + self.capture_delay
        job = Job(job_id=job_id, url=url, submitted=now, due=due, fate=self.script.next_fate())
        self._note(url, parameters, "queued")
        self._jobs[job_id] = job
        self._running.append(job)
        self._saves.append(now)
        return Accepted(job)

    def save_now(self, url: str) -> Capture | str:
        """What the old address without keys does: capture while the client waits; or the code of a failure."""
        now = self.clock()
        self._work(now)
        code, capture = self._capture(url, now)
        self._note(url, {}, code or "saved", anonymous=True)
        return capture or code

    def save_quietly(self, url: str, parameters: dict[str, str]) -> None:
        """Capture without telling the client: what may lie behind a 520."""
        self._note(url, parameters, "saved, but not told")
        self._capture(url, self.clock())

    def refuse(self, url: str, parameters: dict[str, str], why: str, *, anonymous: bool = False) -> None:
        """Log a submission that scripted trouble answered."""
        self._note(url, parameters, why, anonymous=anonymous)

    def _note(self, url: str, parameters: dict[str, str], answer: str, *, anonymous: bool = False) -> None:
        now = self.clock()
        self.submissions.append(
            Submission(
                at=now,
                url=url,
                parameters=parameters,
                anonymous=anonymous,
                answer=answer,
                in_progress=self.processing,
            )
        )

    def _refusal(self, url: str, now: datetime) -> str:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            return "error:invalid-url-syntax"
        if self.is_excluded(url):
            return "error:blocked-url"
        if not self.enforces:
            return ""
        if self.minute_is_full(now):
            return "429"
        if self.processing >= self.limits.at_once:
            return "error:user-session-limit"
        if self.daily_captures >= self.limits.per_day:
            return "error:max-daily-captures"
        today = [capture for capture in self.captures_of(url) if capture.at.date() == now.date()]
        return "error:too-many-daily-captures" if len(today) >= self.limits.per_url_and_day else ""

    def minute_is_full(self, now: datetime, *, anonymous: bool = False) -> bool:
        """Whether the submissions of the last minute are as many as are allowed."""
        recent = [
            s for s in self.submissions if s.anonymous == anonymous and now - s.at < timedelta(minutes=1)
        ]
        return len(recent) >= (self.limits.anonymous_per_minute if anonymous else self.limits.per_minute)

    def _same_within_the_hour(self, url: str, now: datetime) -> Job | None:
        for job in reversed(self._jobs.values()):
            if job.url == url and now - job.submitted < _SAME_WITHIN and not (job.done and job.code):
                return job
        return None

    # jobs

    @property
    def processing(self) -> int:
        """How many jobs run now; one that is to start late does not yet."""
        now = self.clock()
        return sum(1 for job in self._running if job.due - self.capture_delay <= now < job.due)

    @property
    def daily_captures(self) -> int:
        """Jobs accepted since 00:00 UTC."""
        today = self.clock().date()
        return sum(1 for at in self._saves if at.date() == today)

    def user_status(self) -> dict[str, int]:
        """What ``/save/status/user`` tells the owner of the keys."""
        running = self.processing
        return {
            "processing": running,
            "available": max(0, self.limits.at_once - running),
            "daily_captures": self.daily_captures,
            "daily_captures_limit": self.limits.per_day,
        }

    @property
    def jobs(self) -> list[Job]:
        return list(self._jobs.values())

    def job(self, job_id: str) -> Job | None:
        """A job as far as it is now; None for invented ids and those older than an hour."""
        now = self.clock()
        self._work(now)
        job = self._jobs.get(job_id)
        return job if job and now - job.submitted <= STATUS_KEPT else None

    def _work(self, now: datetime) -> None:
        for job in self._running:
            if job.due <= now and not job.fate.pending:
                self._finish(job)
        self._running = [job for job in self._running if job.due > now]

    def _finish(self, job: Job) -> None:
        job.done = True
        if job.fate.code or job.fate.message:
            job.code, job.message = job.fate.code, job.fate.message
            return
        job.code, job.capture = self._capture(job.fate.lands_on or job.url, job.due)
        if job.code.startswith("HTTP"):
            job.message, job.code = f"The page could not be captured ({job.code}).", ""

    def _capture(self, url: str, when: datetime) -> tuple[str, Capture | None]:
        """Look at a page and keep what came: an error code, or the capture of the last page."""
        address, seen = url, list[Capture]()
        for _ in range(4):  # at most three redirects
            host = urlsplit(address).hostname or ""
            if urlsplit(address).scheme not in {"http", "https"} or not host:
                return "error:invalid-url-syntax", None
            try:
                reply = self.look(Visit(url=address, now=when, nonce=token(16, "capture", address, when)))
            except LookupError:
                return "error:invalid-host-resolution", None
            if reply.manner in _WIRE_CODES:
                return f"error:{_WIRE_CODES[reply.manner]}", None
            if reply.status >= 400:
                code = _CODES.get(reply.status)
                return (f"error:{code}" if code else f"HTTP status={reply.status}"), None
            stamp, visible = when.replace(microsecond=0), when + self.index_delay
            seen.append(
                Capture(url=address, at=stamp, reply=reply, status=reply.status, visible_from=visible)
            )
            if not reply.location:
                return "", [self._keep(capture) for capture in seen][-1]
            address = urljoin(address, reply.location)
        return "error:too-many-redirects", None

    def _keep(self, capture: Capture) -> Capture:
        kept = self._captures.setdefault(urlkey(capture.url), [])
        kept.append(capture)
        kept.sort(key=lambda one: one.at)
        return capture

    # what is known

    def is_excluded(self, url: str) -> bool:
        return (urlsplit(url).hostname or "") in self.excluded

    def captures_of(self, url: str) -> list[Capture]:
        """All captures of a page, indexed or not, oldest first."""
        return list(self._captures.get(urlkey(url), ()))

    def indexed(self, url: str | None = None) -> list[Capture]:
        """The captures that look-ups know by now, of one page or of all, by key and time."""
        now = self.clock()
        self._work(now)
        keys = sorted(self._captures) if url is None else [urlkey(url)]
        return [one for key in keys for one in self._captures.get(key, ()) if one.visible_from <= now]

    def playable(self, url: str, timestamp: str) -> Capture | None:
        """The capture of exactly that second, once it can be opened."""
        now = self.clock()
        self._work(now)
        for one in self._captures.get(urlkey(url), ()):
            if one.timestamp == timestamp and one.at + self.playback_delay <= now:
                return one
        return None
