"""The registries of domains: IANA's list of who answers for which ending, and one registry that answers for all."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import urlsplit

from monitor.demo.reply import Reply, Visit, json_reply
from monitor.model import Clock

LIST_HOST = "data.iana.org"
HOST = "rdap.registry.example"
HOSTS = (LIST_HOST, HOST)
ENDINGS = ("com", "net", "org")  # many real ones have no registry that could be asked either
_NOT_FOUND = {"errorCode": 404, "title": "Not Found", "description": ["The domain is not registered here."]}


class Registries:
    """What registries answer (RFC 9083), by domain."""

    list_url = f"https://{LIST_HOST}/rdap/dns.json"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._replies: dict[str, Reply] = {}
        self.list_reply = json_reply(
            json.dumps(
                {
                    "version": "1.0",
                    "publication": "2026-01-01T00:00:00Z",
                    "services": [
                        [["example"], ["http://unsafe.example/"]],
                        [list(ENDINGS), [f"https://{HOST}/v1/"]],
                    ],
                }
            )
        )

    def register(self, domain: str, expires: datetime, *statuses: str) -> None:
        """From now on ``domain`` is known, expires then and is in these statuses (RFC 8056)."""
        said = {
            "objectClassName": "domain",
            "ldhName": domain.upper(),
            "status": list(statuses) or ["active"],
            "events": [
                {"eventAction": "registration", "eventDate": "2010-03-01T10:00:00Z"},
                {"eventAction": "expiration", "eventDate": f"{expires:%Y-%m-%dT%H:%M:%S.0Z}"},
                {
                    "eventAction": "last update of RDAP database",
                    "eventDate": f"{self._clock():%Y-%m-%dT%H:%M:%SZ}",
                },
            ],
        }
        self.answer_with(domain, json_reply(json.dumps(said)))

    def answer_with(self, domain: str, reply: Reply) -> None:
        """From now on this is the answer about ``domain``, whatever it is."""
        self._replies[domain] = reply

    def answer(self, visit: Visit) -> Reply:
        """The answer to a question."""
        parts = urlsplit(visit.url)
        if parts.hostname == LIST_HOST:
            return self.list_reply
        domain = parts.path.removeprefix("/v1/domain/")
        return self._replies.get(domain) or json_reply(json.dumps(_NOT_FOUND), 404)
