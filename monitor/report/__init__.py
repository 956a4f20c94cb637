"""The weekly report: gather → render → outbox → send."""

from __future__ import annotations
