"""The read-only window on the store: status page, JSON, Atom feed, badge, Prometheus metrics, health."""

from __future__ import annotations

from monitor.web.app import WebError, serving

__all__ = ["WebError", "serving"]
