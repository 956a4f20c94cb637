"""Telling systemd how the service does (the protocol of sd_notify): READY, STATUS, WATCHDOG, STOPPING."""

from __future__ import annotations

import os
import socket

WATCHDOG_SHARE = 0.4  # of the time systemd gives, when it is told that all is well


def notify(*lines: str) -> bool:
    """Send ``lines`` (``READY=1``, ``STATUS=…``) to systemd; false when it is not listening."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.sendto("\n".join(lines).encode(), address.replace("@", "\0", 1))
    return True


def watchdog_every_s() -> float | None:
    """How often systemd wants a sign of life, in seconds; None when it does not watch this process."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 * WATCHDOG_SHARE if microseconds.isdigit() else None
