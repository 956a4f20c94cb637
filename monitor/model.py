"""The vocabulary of rotwatch as values: what a link, a page, a verdict, a status, a flip and a snapshot are.

Everything here is plain data. Nothing reads a clock, a socket or a database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Clock = Callable[[], datetime]
"""Tells the time, aware and in UTC. Only the daemon and the command line read the real one."""


class Outcome(StrEnum):
    """What one look at a link means; five and no more."""

    OK = "ok"
    REMOVED = "removed"
    GONE = "gone"
    FAILED = "failed"
    WALLED = "walled"


class Reason(StrEnum):
    """Why a verdict has its outcome: a stable code that programs may match on."""

    # ok
    ARTICLE = "article"  # the platform's article structure is there
    PAGE = "page"  # an ordinary page without any sign of trouble
    SAME_TEXT = "same_text"  # likeness to the last good copy
    SAME_TITLE = "same_title"  # its title is the title in the list
    # removed: the platform's own removal notice
    DELETED_BY_AUTHOR = "deleted_by_author"
    DELETED = "deleted"  # removed, the notice does not say by whom
    VIOLATION = "violation"
    ACCOUNT_GONE = "account_gone"
    LOST_IN_MIGRATION = "lost_in_migration"
    # gone
    NOT_FOUND = "not_found"
    NO_SUCH_HOST = "no_such_host"
    SOFT_404 = "soft_404"
    PARKED = "parked"
    SITE_GONE = "site_gone"  # the hosting or the account of the whole site was given up
    # failed
    TIMEOUT = "timeout"
    DNS = "dns"  # the name service itself failed: says nothing about the name
    TLS = "tls"
    CONNECTION = "connection"  # refused, reset, unreachable
    PROTOCOL = "protocol"  # an answer that is no HTTP, or an endless redirect
    REFUSED_ADDRESS = "refused_address"  # our own guard: a private address, or no http(s)
    SERVER_ERROR = "server_error"
    MAINTENANCE = "maintenance"
    HOME_PAGE = "home_page"
    OTHER_PAGE = "other_page"  # answers with another article
    EXPIRED_LINK = "expired_link"  # a temporary address ran out: says nothing about the article
    BAD_LINK = "bad_link"  # the platform cannot read this address
    UNAVAILABLE = "unavailable"  # "cannot be shown at the moment", no reason given
    UNDER_REVIEW = "under_review"
    PRIVATE = "private"
    MIGRATED = "migrated"  # moved to another account; ``Verdict.moved_to`` has the new address
    MIGRATING = "migrating"
    WITHHELD = "withheld"  # hidden until its author changes it
    EMPTY = "empty"
    SITE_SUSPENDED = "site_suspended"
    ICP_BLOCK = "icp_block"  # blocked at a Chinese host for want of registration
    # walled
    CAPTCHA = "captcha"
    CHALLENGE = "challenge"
    LOGIN = "login"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    CLIENT_ONLY = "client_only"  # opens only inside the platform's own app
    BLOCKED = "blocked"  # a firewall refuses us
    UNKNOWN_LAYOUT = "unknown_layout"  # a platform's page that is built as no rule knows
    # no look at all
    MARKED = "marked"  # a person said so


class Status(StrEnum):
    """Where a link stands, decided from its checks by :mod:`monitor.policy`."""

    PENDING = "pending"
    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"
    BLIND = "blind"


COUNTS = ("A", "B")
"""Grades of a snapshot that really is the article; the others are C and X (docs/archives.md)."""


class FailureKind(StrEnum):
    """Why no whole answer came back: every network error is one of these."""

    NO_SUCH_HOST = "no_such_host"  # NXDOMAIN, said by a resolver that works
    DNS = "dns"
    REFUSED = "refused"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    EXPIRED = "certificate_expired"
    REDIRECTS = "redirects"
    GUARD = "guard"  # the address guard said no
    PROTOCOL = "protocol"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why no whole answer came back. ``detail`` is one short sentence for people."""

    kind: FailureKind
    detail: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """One hop: ``http_status`` of the answer at ``url`` that pointed elsewhere."""

    url: str
    http_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What came back from one look.

    ``headers`` has lower-case names. ``body`` has its content encoding undone and may be a prefix:
    then ``complete`` is false. ``http_status`` is None when nothing answered; ``failure`` says why.
    A failure may follow a status (reset in the middle of the body). ``elapsed_ms`` and ``bytes_read``
    (bytes taken from the network for the body) are None for a page judged offline.
    """

    url: str
    final_url: str
    http_status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = True
    redirects: tuple[Redirect, ...] = ()
    failure: Failure | None = None
    elapsed_ms: int | None = None
    bytes_read: int | None = None


@dataclass(frozen=True, slots=True)
class Sketch:
    """The fingerprint of a text, for likeness (``monitor.platforms.likeness``).

    ``hashes``: the smallest 64-bit hashes of its character 4-grams, ascending; ``total``: how many distinct
    4-grams the text has; ``sha256``: of the normalised text, hex.
    """

    hashes: tuple[int, ...]
    total: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a link before it is looked at; everything optional."""

    title: str | None = None  # as the reading list has it
    sketch: Sketch | None = None  # of the last good copy
    probe: Page | None = None  # what a made-up neighbour of the address answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a page means, and how that is known.

    ``rule`` is the stable id of the rule that fired (``wechat.removed.by_author``); ``evidence`` the text
    it saw, at most 300 characters; ``title`` the page's own title where it has one. ``moved_to`` is the
    article's new or permanent address where the page tells it (redirect, migration notice, wall parameter).
    ``likeness`` (0..1) is None when there was nothing to compare.
    """

    outcome: Outcome
    reason: Reason
    rule: str
    evidence: str = ""
    title: str | None = None
    moved_to: str | None = None
    likeness: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What a living page holds: its readable text and what it says about itself."""

    text: str
    title: str | None = None
    account: str | None = None  # who published it: ``__biz``, author slug, else the host
    published_at: datetime | None = None
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """One page to watch: its canonical URL, which platform judges it, the host it is fetched from.

    ``account`` is known here only where the URL tells it.
    """

    url: str
    platform: str
    host: str
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """One mention of a link: the URL as written (personal parameters and all: never store it), its title,
    the source that has it (a path or URL) and the line, counted from 1."""

    url: str
    title: str
    source: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One change of status."""

    at: datetime
    old: Status
    new: Status
    reason: str
