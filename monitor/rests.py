"""Rests of hosts whose worker broke: without one it would be begun anew at every tick, and break, and be logged."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=15)


class Rests:
    """Each failure in a row makes a host's rest twice as long, from :data:`FIRST` to :data:`LONGEST`."""

    def __init__(self) -> None:
        self._by_host: dict[str, tuple[datetime, timedelta]] = {}

    def broke(self, host: str, now: datetime) -> None:
        """Its worker ended in an error."""
        _, last = self._by_host.get(host, (now, FIRST / 2))
        rest = min(2 * last, LONGEST)
        self._by_host[host] = now + rest, rest

    def worked(self, host: str) -> None:
        """Its worker ended well."""
        self._by_host.pop(host, None)

    def at(self, now: datetime) -> set[str]:
        """The hosts that rest at this moment."""
        return {host for host, (until, _) in self._by_host.items() if until > now}
