"""A loopback world for tests and ``rotwatch demo``: sites, archive.org and a mail server with real TLS.

Needs the ``demo`` extra (trustme, aiosmtpd). It knows nothing of the judges in :mod:`monitor.platforms`.
"""

from __future__ import annotations

from monitor.demo.clock import DrivenClock
from monitor.demo.state import TRUTH, Setting, State
from monitor.demo.world import World

__all__ = ["TRUTH", "DrivenClock", "Setting", "State", "World"]
