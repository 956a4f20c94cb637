"""What the two databases spell differently, and lists cut to a size that a statement may carry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Double,
    FromClause,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    cast,
    extract,
    func,
    true,
)
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
CHUNK = 500  # bound values in one IN (…)


def one_of(name: str) -> Any:
    """A list that is bound later, for IN: what is asked at every look is a statement made once."""
    return bindparam(name, expanding=True)


def insert(db: AsyncConnection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the dialect of ``db``."""
    return insert_in(db.dialect.name, table)


def insert_in(dialect: str, table: Table) -> Any:
    """The same by the name of the dialect, for a statement that is made once and kept."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  (50 ms of start-up that most do not need)

    return postgresql.insert(table)


def insert_new(db: AsyncConnection, table: Table) -> Insert:
    """An INSERT that leaves rows alone that are there already."""
    return _insert_new(db.dialect.name, table)


@cache
def _insert_new(dialect: str, table: Table) -> Insert:
    statement: Insert = insert_in(dialect, table).on_conflict_do_nothing()
    return statement


def days(dialect: str, moment: ColumnElement[datetime]) -> ColumnElement[float]:
    """A moment as days since some day long ago, the same for all."""
    if dialect == "sqlite":
        return func.julianday(moment, type_=Double)
    return cast(extract("epoch", moment) / 86_400, Double)


def for_each(dialect: str, outer: Table, picked: Select[int], table: Table) -> FromClause:
    """``outer`` beside the rows of ``table`` whose ids ``picked`` selects for each of its rows, by which it may choose.

    With a limit in ``picked``, so many for each. Where the database can, they are locked, and locked ones left out.
    """
    if dialect == "sqlite":  # it has no LATERAL, but asks such a list anew for each row
        return outer.join(table, table.c.id.in_(picked.correlate(outer)))
    few = picked.with_for_update(skip_locked=True).lateral("few")
    return outer.join(few, true()).join(table, table.c.id == few.c.id)


async def execute_many(
    db: AsyncConnection, statement: Update | Insert, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Execute a statement that returns nothing for each of ``rows``, which all have the same keys.

    :param statement: kept between calls, so that it is compiled once.

    For SQLite the driver's tuples are made here in one step: SQLAlchemy makes two dicts of every row before, a third of
    the price of recording a look.
    """
    if not rows:
        return
    if db.dialect.name != "sqlite":
        await db.execute(statement, rows)
        return
    text, places = _compiled(statement, tuple(rows[0]), db.dialect)
    await db.exec_driver_sql(
        text,
        [
            tuple(
                value if name is None else row[name] if bind is None else bind(row[name])
                for name, bind, value in places
            )
            for row in rows
        ],
    )


@lru_cache(maxsize=64)
def _compiled(
    statement: Update | Insert, keys: tuple[str, ...], dialect: Dialect
) -> tuple[str, list[tuple[str | None, Callable[[Any], Any] | None, Any]]]:
    """The text of a statement and what stands in each of its places: a key with how it is bound, or a value."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(keys))
    places: list[tuple[str | None, Callable[[Any], Any] | None, Any]] = []
    for name in compiled.positiontup:
        bind = compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
        value = compiled.params[name]
        places.append((name, bind, None) if name in keys else (None, None, bind(value) if bind else value))
    return str(compiled), places


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
