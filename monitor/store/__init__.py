"""The store: tables, and the named operations on them."""

from __future__ import annotations

from monitor.store.engine import DatabaseUrlError, Store, StoreError, database_url

__all__ = ["DatabaseUrlError", "Store", "StoreError", "database_url"]
