"""Alembic's entry: runs the migrations on the connection that rotwatch hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from monitor.store.tables import WHERE, metadata

connection: Connection = context.config.attributes["connection"]
for index in (index for table in metadata.tables.values() for index in table.indexes if WHERE in index.info):
    index.dialect_options[connection.dialect.name]["where"] = text(index.info[WHERE])
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
