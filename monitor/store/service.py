"""What is known of services that all workers share: our own network, archive.org."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Insert, Row, bindparam, select

from monitor.store.sql import insert_in
from monitor.store.tables import service

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

NETWORK = "network"
_GET = select(service).where(service.c.name == bindparam("wanted"))  # built once: read with every request


async def get(db: AsyncConnection, name: str) -> Row[Any] | None:
    return (await db.execute(_GET, {"wanted": name})).first()


async def put(
    db: AsyncConnection,
    name: str,
    *,
    now: datetime,
    not_before: datetime | None = None,
    failures: int = 0,
    note: str | None = None,
    data: Any = None,
) -> None:
    values = {"not_before": not_before, "failures": failures, "note": note, "data": data, "updated_at": now}
    await db.execute(_put(db.dialect.name), {"name": name, **values})


@cache
def _put(dialect: str) -> Insert:
    statement = insert_in(dialect, service)
    news = {
        name: statement.excluded[name] for name in ("not_before", "failures", "note", "data", "updated_at")
    }
    put: Insert = statement.on_conflict_do_update(index_elements=[service.c.name], set_=news)
    return put


async def named(db: AsyncConnection, prefix: str) -> Sequence[Row[Any]]:
    """The services whose name begins so."""
    wanted = service.c.name.startswith(prefix, autoescape=True)
    return (await db.execute(select(service).where(wanted))).all()
