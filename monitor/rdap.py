"""RDAP, the registries' answer to "whose is this domain and until when": what to ask whom, and what is said.

RFC 9082 (questions), 9083 (answers), 9224 (which registry answers for which ending), 8056 (statuses).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from publicsuffixlist import PublicSuffixList

from monitor.fetch.guard import internal_name
from monitor.policy.site import KEPT_STATUSES, Registration

ACCEPT = "application/rdap+json, application/json"

Servers = Mapping[str, str]
"""The address that questions about a domain begin with, by the domain's ending."""


class UnreadableError(ValueError):
    """An answer that is no proper one; the text says in a few words what is wrong."""


@cache
def _suffixes() -> PublicSuffixList:
    # names below github.io and the like are not registered by themselves: only the registries' own endings
    return PublicSuffixList(accept_unknown=False, only_icann=True)


def registrable(host: str) -> str | None:
    """The registered domain that a host stands on; None for an address, an internal name, an unknown ending."""
    host = host.rstrip(".").lower()
    if internal_name(host):
        return None
    name: str | None = _suffixes().privatesuffix(host)
    return name


def servers(body: bytes) -> dict[str, str]:
    """Who answers for which ending, from the list that IANA keeps.

    :raises UnreadableError: it is no such list.
    """
    services = _object(body).get("services")
    if not isinstance(services, list):
        raise UnreadableError("no list of services")
    found: dict[str, str] = {}
    for service in services:
        match service:
            case [[*endings], [*addresses]]:
                secure = (one for one in addresses if isinstance(one, str) and one.startswith("https://"))
                if base := next(secure, None):
                    base = base.rstrip("/") + "/"
                    found |= {one.strip(".").lower(): base for one in endings if isinstance(one, str)}
    if not found:
        raise UnreadableError("no service that could be asked")
    return found


def question(name: str, known: Servers) -> str | None:
    """The address to ask about a domain, by its longest ending that is known; None where nobody answers."""
    labels = name.split(".")
    endings = (".".join(labels[start:]) for start in range(1, len(labels)))
    base = next((known[ending] for ending in endings if ending in known), None)
    return f"{base}domain/{name}" if base else None


def answer(body: bytes, name: str, now: datetime) -> Registration:
    """What a registry says of ``name``.

    :raises UnreadableError: it is no answer about that domain.
    """
    said = _object(body)
    if said.get("objectClassName") != "domain":
        raise UnreadableError("no domain")
    if str(said.get("ldhName") or name).rstrip(".").lower() != name:
        raise UnreadableError("another domain")
    events, statuses = said.get("events"), said.get("status")
    expires = [
        moment
        for event in (events if isinstance(events, list) else ())
        if isinstance(event, dict) and event.get("eventAction") == "expiration"
        if (moment := _moment(event.get("eventDate")))
    ]
    plain = {str(one).strip().lower() for one in (statuses if isinstance(statuses, list) else ())}
    return Registration(now, max(expires, default=None), KEPT_STATUSES & plain)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise UnreadableError("no JSON") from None
    if not isinstance(found, dict):
        raise UnreadableError("no JSON object")
    return found


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
