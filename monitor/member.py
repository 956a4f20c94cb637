"""This daemon as one of those that share a database: it tells that it lives, and takes turns at what one does."""

from __future__ import annotations

import logging
import socket
from datetime import timedelta

from monitor import __version__
from monitor.model import Clock
from monitor.store import Store, leases, workers
from monitor.store.workers import Worker

log = logging.getLogger(__name__)

TELLS_EVERY_S = 20
ARCHIVE_TURN = "archive.org"  # one process at a time asks it: its limits are for all of us together
TURN = timedelta(minutes=2)  # what a dead holder's turn still lasts


def host_name() -> str:
    return socket.gethostname()[:64]


class Member:
    """:param name: as in leases. :param roles: what this daemon does."""

    def __init__(self, store: Store, clock: Clock, *, name: str, vantage: str, roles: frozenset[str]) -> None:
        self.store, self.clock, self.roles = store, clock, roles
        self.me = Worker(
            name=name,
            machine=host_name(),
            vantage=vantage,
            roles=",".join(sorted(roles)),
            version=__version__,
            started_at=clock(),
        )

    async def notice_others(self) -> None:
        """Say in the log who else uses this database: it is meant to be shared, but may be so by mistake."""
        async with self.store.read() as db:
            others = [one for one in await workers.live(db, self.clock()) if one.name != self.me.name]
        if others:
            log.info(
                "%s already: %s; the work is shared.",
                "Another daemon uses this database"
                if len(others) == 1
                else "Other daemons use this database",
                ", ".join(
                    f"{one.vantage} on {one.machine} since {one.started_at:%Y-%m-%d %H:%M}Z" for one in others
                ),
                extra={"action": "start"},
            )

    async def tell(self) -> frozenset[str]:
        """Say that this daemon lives, keep the turns that it has; the other vantages that live."""
        now = self.clock()
        async with self.store.write() as db:
            await workers.tell(db, self.me, now)
            await leases.keep_turns(db, self.me.name, now=now, until=now + TURN)
            return await workers.other_vantages(db, self.me.vantage, now)

    async def has_turn(self, name: str) -> bool:
        """Whether it is this daemon that does ``name`` for all, from now on or still."""
        now = self.clock()
        return await leases.take_turn(self.store, name, holder=self.me.name, now=now, until=now + TURN)

    async def leave(self) -> None:
        """End in order: others need not wait for the end of our turns."""
        async with self.store.write() as db:
            await leases.end_turns(db, self.me.name)
            await workers.leave(db, self.me.name)
