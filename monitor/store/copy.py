"""A whole list moved from one database to another, history and all: SQLite to PostgreSQL, or back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Column, Integer, Row, Table, func, insert, select, text

from monitor.store.engine import Store, StoreError
from monitor.store.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

BATCH = 1000  # rows carried at a time
OF_PROCESSES = ("turn", "worker")  # what runs now, there: it does not move
LEASE = ("leased_by", "lease_until")


@dataclass(frozen=True, slots=True)
class Copied:
    """How many rows were carried, by table."""

    rows: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def _moved() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name not in OF_PROCESSES]


async def count(store: Store) -> int:
    """How many rows there are to move."""
    async with store.read() as db:
        return sum([await _size(db, table) for table in _moved()])


async def copy(source: Store, target: Store, *, carried: Callable[[int], None] = lambda rows: None) -> Copied:
    """Carry all rows over, in one transaction: the target has all of them afterwards, or none.

    Leases stay behind: they are of processes that know the source. Ids are kept, and new ones go on after them.

    :param source: with the newest schema; read as it is at one moment, whatever goes on meanwhile.
    :param target: with the newest schema and nothing in it.
    :param carried: called with the number of rows of each batch.
    :raises StoreError: the target is not empty, or one of the two fails.
    """
    rows: dict[str, int] = {}
    async with source.read() as old, target.write() as new:
        await _refuse_unless_empty(new, target)
        for table in _moved():
            rows[table.name] = 0
            async for batch in _batches(old, table):
                await new.execute(insert(table), [_values(row) for row in batch])
                rows[table.name] += len(batch)
                carried(len(batch))
            await _go_on_counting(new, table)
    return Copied(rows)


async def _size(db: AsyncConnection, table: Table) -> int:
    return int((await db.execute(select(func.count()).select_from(table))).scalar_one())


async def _refuse_unless_empty(db: AsyncConnection, target: Store) -> None:
    for table in _moved():
        if (await db.execute(select(table).limit(1))).first() is not None:
            raise StoreError(f"The database {target.name} is not empty: copy into a new one.")


async def _batches(db: AsyncConnection, table: Table) -> AsyncIterator[list[Row[tuple[object, ...]]]]:
    keys = list(table.primary_key)
    async with db.stream(select(table).order_by(*keys)) as rows:
        async for batch in rows.partitions(BATCH):
            yield list(batch)


def _values(row: Row[tuple[object, ...]]) -> dict[str, object]:
    values = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's public name for it)
    return values | {name: None for name in LEASE if name in values}


async def _go_on_counting(db: AsyncConnection, table: Table) -> None:
    """PostgreSQL counts ids in a sequence, which rows that bring their own do not move; SQLite looks at the rows."""
    if db.dialect.name != "postgresql":
        return
    for column in table.primary_key:
        if _counts(column):
            highest = (await db.execute(select(func.max(column)))).scalar()
            if highest is not None:
                sequence = func.pg_get_serial_sequence(text(f"'\"{table.name}\"'"), column.name)
                await db.execute(select(func.setval(sequence, highest)))


def _counts(column: Column[object]) -> bool:
    return isinstance(column.type, Integer) and column.autoincrement is not False
