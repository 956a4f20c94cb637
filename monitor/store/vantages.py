"""What each vantage saw last of a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from monitor.model import Outcome
from monitor.policy.vantage import Sighting
from monitor.store.tables import span

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


async def sightings(db: AsyncConnection, link_id: int) -> tuple[Sighting, ...]:
    """The last look from each vantage that ever looked, in the order of their names."""
    newest = select(func.max(span.c.id)).where(span.c.link_id == link_id).group_by(span.c.vantage)
    statement = select(span.c.vantage, span.c.outcome, span.c.ended_at).where(span.c.id.in_(newest))
    rows = await db.execute(statement.order_by(span.c.vantage))
    return tuple(Sighting(row.vantage, Outcome(row.outcome), row.ended_at) for row in rows)
