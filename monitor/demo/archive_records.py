"""What the acted archive.org keeps: captures, jobs, the log of submissions, and its published limits."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from monitor.demo.reply import Reply
from monitor.demo.trouble import Fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is published of Save Page Now with keys and of the CDX server (docs/archives.md, "One gate"); a UTC day."""

    per_minute: int = 7
    at_once: int = 3
    per_day: int = 30_000
    per_url_and_day: int = 5
    anonymous_per_minute: int = 15
    cdx_per_minute: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One capture. ``status`` is None for a revisit record, which CDX shows as ``-``."""

    url: str
    at: datetime
    reply: Reply
    status: int | None
    visible_from: datetime

    @property
    def timestamp(self) -> str:
        return self.at.strftime("%Y%m%d%H%M%S")

    @property
    def digest(self) -> str:
        return b32encode(hashlib.sha1(self.reply.body, usedforsecurity=False).digest()).decode()

    @property
    def mimetype(self) -> str:
        return "warc/revisit" if self.status is None else self.reply.content_type.partition(";")[0] or "unk"


@dataclass(slots=True, kw_only=True)
class Job:
    """One capture job: ``due`` is when it looks at the page; then it has a result, or an error."""

    job_id: str
    url: str
    submitted: datetime
    due: datetime
    fate: Fate
    capture: Capture | None = None
    code: str = ""
    message: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submission that has a job; ``again`` when it is one of the last hour, of the same page."""

    job: Job
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One request to save a page, as it arrived: ``answer`` says in a word what was made of it."""

    at: datetime
    url: str
    parameters: dict[str, str]
    anonymous: bool
    answer: str
    in_progress: int  # jobs that ran when it came


def urlkey(url: str) -> str:
    """The key under which captures are filed: http and https, ``www.``, case and parameter order are one."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    host = (parts.hostname or "").lower().removeprefix("www.")
    query = "&".join(
        sorted(f"{name}={value}" for name, value in parse_qsl(parts.query, keep_blank_values=True))
    )
    path = (parts.path.rstrip("/") or "/").lower()
    return f"{','.join(reversed(host.split('.')))}){path}{'?' + query.lower() if query else ''}"
