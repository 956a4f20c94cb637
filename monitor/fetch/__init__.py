"""Looking at pages: a guarded client, and whether our own network works."""

from __future__ import annotations

from monitor.fetch.client import Fetcher
from monitor.fetch.connectivity import Connectivity, Reach
from monitor.fetch.errors import OutOfResourcesError

__all__ = ["Connectivity", "Fetcher", "OutOfResourcesError", "Reach"]
