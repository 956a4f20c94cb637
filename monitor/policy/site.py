"""What is known of the site that a page stands on, and the signs that it may end. Pure.

At its end most registries renew a domain by themselves; in redemption its name must not resolve any more (ICANN's
Expired Registration Recovery Policy, 3.2), and what is pending deletion is free for others within days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from monitor.config import Shutdown

EXPIRY_FACTOR = 2
ENDING_FACTOR = 30
CERTIFICATE_FACTOR = 5
EXPIRES_SOON = timedelta(days=30)
STALE = timedelta(days=90)  # older answers of a registry say nothing, nor does an end longer past
CERTIFICATE_FORGOTTEN = timedelta(days=7)
ENDING = ("pending delete", "redemption period")  # the worst first
KEPT_STATUSES = frozenset({*ENDING, "client hold"})
BELIEVED_AFTER = timedelta(days=30)  # a shutdown that has not come by then was put off
SHORTEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Registration:
    """What the registry told of a domain at ``answered_at``; of its statuses (RFC 8056) :data:`KEPT_STATUSES`."""

    answered_at: datetime
    expires_at: datetime | None = None
    statuses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Site:
    """Everything optional.

    :ivar certificate_expired_since: the first of an unbroken row of looks that found the certificate expired. When
        it ran out nobody tells us: a failed handshake hides its dates.
    :ivar closes: its shutdown, where one was announced.
    """

    registration: Registration | None = None
    certificate_expired_since: datetime | None = None
    closes: Shutdown | None = None


def announced(host: str, shutdowns: Iterable[Shutdown]) -> Shutdown | None:
    """The announcement that is about ``host``: of several the closest one."""
    about = [one for one in shutdowns if host == one.host or host.endswith(f".{one.host}")]
    return max(about, key=lambda one: len(one.host), default=None)


def signs(site: Site, now: datetime) -> list[Mapping[str, Any]]:
    """The signs of a site's end that multiply the risk, each ``{"code", "factor", …}``."""
    found = _of_registration(site.registration, now) if site.registration else []
    expired = site.certificate_expired_since
    if expired and now - expired > CERTIFICATE_FORGOTTEN:
        since = expired.date().isoformat()
        found.append({"code": "certificate_expired", "factor": CERTIFICATE_FACTOR, "date": since})
    return found


def _of_registration(known: Registration, now: datetime) -> list[Mapping[str, Any]]:
    if now - known.answered_at > STALE:
        return []
    if ending := next((status for status in ENDING if status in known.statuses), None):
        return [{"code": "domain_ending", "factor": ENDING_FACTOR, "status": ending}]
    if known.expires_at and -STALE < known.expires_at - now < EXPIRES_SOON:
        until = known.expires_at.date().isoformat()
        return [{"code": "domain_expires", "factor": EXPIRY_FACTOR, "date": until}]
    return []


def time_left(day: date, now: datetime) -> timedelta | None:
    """Until a site that was to close on ``day``, a day at least; None when it is long past."""
    left = datetime(day.year, day.month, day.day, tzinfo=now.tzinfo) - now
    return max(left, SHORTEST) if left >= -BELIEVED_AFTER else None
