"""The store: tables, and the named operations on them."""

from __future__ import annotations

from monitor.store.engine import Store, StoreError, database_url

__all__ = ["Store", "StoreError", "database_url"]
