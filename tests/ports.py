"""Ports that no other process of the tests is given."""

from __future__ import annotations

import itertools
import os
import socket

# below those that the system hands out (net.ipv4.ip_local_port_range), and a range for each process of pytest-xdist:
# a port that was found free by binding it and letting it go may be somebody else's a moment later
FIRST, EACH = 20_000, 400
_number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.cycle(range(FIRST + EACH * _number, FIRST + EACH * (_number + 1)))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that is given to nobody else soon."""
    for port in itertools.islice(_ports, EACH):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port from {FIRST} on")
