"""What the two databases spell differently, and lists cut to a size that a statement may carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Double, FromClause, Insert, Select, Table, cast, extract, func, true
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
CHUNK = 500  # bound values in one IN (…)


def insert(db: AsyncConnection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the dialect of ``db``."""
    if db.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  (50 ms of start-up that most do not need)

    return postgresql.insert(table)


def insert_new(db: AsyncConnection, table: Table) -> Insert:
    """An INSERT that leaves rows alone that are there already."""
    statement: Insert = insert(db, table).on_conflict_do_nothing()
    return statement


def days(db: AsyncConnection, moment: ColumnElement[datetime]) -> ColumnElement[float]:
    """A moment as days since some day long ago, the same for all."""
    if db.dialect.name == "sqlite":
        return func.julianday(moment, type_=Double)
    return cast(extract("epoch", moment) / 86_400, Double)


def for_each(db: AsyncConnection, outer: Table, picked: Select[int], table: Table) -> FromClause:
    """``outer`` beside the rows of ``table`` whose ids ``picked`` selects for each of its rows, by which it may choose.

    With a limit in ``picked``, so many for each. Where the database can, they are locked, and locked ones left out.
    """
    if db.dialect.name == "sqlite":  # it has no LATERAL, but asks such a list anew for each row
        return outer.join(table, table.c.id.in_(picked.correlate(outer)))
    few = picked.with_for_update(skip_locked=True).lateral("few")
    return outer.join(few, true()).join(table, table.c.id == few.c.id)


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
