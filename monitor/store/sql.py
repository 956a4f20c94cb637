"""What the two databases spell differently, and lists cut to a size that a statement may carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import sqlite
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


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
