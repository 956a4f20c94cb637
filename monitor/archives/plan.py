"""Which links get a job: those without a copy in the order of their danger, and those that changed much."""

from __future__ import annotations

from datetime import datetime

from monitor.archives.scope import why_not
from monitor.config import Wayback
from monitor.store import Store, archives
from monitor.store.archives import WAYBACK
from monitor.store.wanting import overtaken, wanting


async def plan(store: Store, settings: Wayback, now: datetime, *, limit: int | None = None) -> set[int]:
    """Queue what wants a copy and has no open job; make the jobs of links that came into danger more urgent.

    :param limit: of links that are looked at now; None for all.
    :returns: the ids of the links that have a new job.
    """
    async with store.read() as db:
        links = await wanting(db, now=now, limit=limit, exclude_hosts=settings.exclude_hosts)
        endangered = await overtaken(db)
    if not links and not endangered:
        return set()
    # excluded hosts are left out already: should the setting change, they are asked for after all
    declined = {link_id: why for link_id, url, _ in links if (why := why_not(url, exclude_hosts=()))}
    added: set[int] = set()
    async with store.write() as db:
        await archives.decline(db, declined, archive=WAYBACK, now=now)
        for danger in sorted({danger for _, _, danger in links}):
            ids = [link_id for link_id, _, own in links if own == danger and link_id not in declined]
            added |= await archives.enqueue(db, ids, archive=WAYBACK, danger=danger, now=now)
        for higher, job_ids in endangered.items():
            await archives.hurry(db, job_ids, higher)
    return added
