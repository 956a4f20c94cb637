"""Alembic's entry: runs the migrations on the connection that rotwatch hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from monitor.store.schema import tables_in

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=tables_in(connection.dialect.name),
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
