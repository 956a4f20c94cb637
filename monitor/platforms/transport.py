"""What can be said when no page came, or only a status: network failures and bare HTTP statuses. Pure."""

from __future__ import annotations

import re

from monitor.model import Failure, FailureKind, Outcome, Reason, Verdict
from monitor.platforms.base import found
from monitor.platforms.html import Document

_FAILURES = {
    FailureKind.NO_SUCH_HOST: (Outcome.GONE, Reason.NO_SUCH_HOST),
    FailureKind.DNS: (Outcome.FAILED, Reason.DNS),
    FailureKind.REFUSED: (Outcome.FAILED, Reason.CONNECTION),
    FailureKind.RESET: (Outcome.FAILED, Reason.CONNECTION),
    FailureKind.UNREACHABLE: (Outcome.FAILED, Reason.CONNECTION),
    FailureKind.PROXY: (Outcome.FAILED, Reason.CONNECTION),
    FailureKind.TIMEOUT: (Outcome.FAILED, Reason.TIMEOUT),
    FailureKind.TLS: (Outcome.FAILED, Reason.TLS),
    FailureKind.EXPIRED: (Outcome.FAILED, Reason.TLS),
    FailureKind.REDIRECTS: (Outcome.FAILED, Reason.PROTOCOL),
    FailureKind.PROTOCOL: (Outcome.FAILED, Reason.PROTOCOL),
    FailureKind.GUARD: (Outcome.FAILED, Reason.REFUSED_ADDRESS),
}
CERTIFICATE_EXPIRED = f"transport.{Outcome.FAILED}.{FailureKind.EXPIRED}"
_MAINTENANCE = re.compile(
    r"(?i)\b(?:maintenance|upgrading|be back (?:soon|shortly))\b|维护|維護|(?:系统|网站|系統)升[级級]|升级中"
)


def from_failure(failure: Failure) -> Verdict:
    """The verdict on a look that brought no whole answer."""
    outcome, reason = _FAILURES[failure.kind]
    return found(outcome, reason, f"transport.{outcome}.{failure.kind}", failure.detail)


def from_status(document: Document) -> Verdict | None:
    """The verdict on a status that says all by itself; None for 2xx, for unknown and for statuses that say nothing.

    A refusal is a wall: ordinary sites use 403 for removed pages too, and nobody can tell.
    """
    status = document.page.http_status
    if status is None or status < 300 or status == 304:
        return None
    evidence = f"HTTP {status}" + (f": {document.title}" if document.title else "")
    outcome, reason, rule = _meaning(status, document)
    return found(outcome, reason, f"transport.{outcome}.{rule}", evidence, title=document.title)


def _meaning(status: int, document: Document) -> tuple[Outcome, Reason, str]:
    match status:
        case 404 | 410:
            return Outcome.GONE, Reason.NOT_FOUND, str(status)
        case 401 | 407:
            return Outcome.WALLED, Reason.LOGIN, str(status)
        case 403:
            return Outcome.WALLED, Reason.FORBIDDEN, "403"
        case 429:
            return Outcome.WALLED, Reason.RATE_LIMITED, "429"
        case 451:
            return Outcome.WALLED, Reason.BLOCKED, "451"
        case _ if status >= 500:
            if is_maintenance(document) or (status == 503 and document.page.headers.get("retry-after")):
                return Outcome.FAILED, Reason.MAINTENANCE, "maintenance"
            return Outcome.FAILED, Reason.SERVER_ERROR, str(status)
        case _ if status >= 400:
            return Outcome.FAILED, Reason.BAD_LINK, str(status)
        case _:  # a redirect that leads nowhere
            return Outcome.FAILED, Reason.PROTOCOL, str(status)


def is_maintenance(document: Document) -> bool:
    """Whether title or headings of the page speak of maintenance."""
    return any(_MAINTENANCE.search(text) and len(text) <= 60 for text in document.headings)
