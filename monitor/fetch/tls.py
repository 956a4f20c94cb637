"""How the other side of an encrypted connection is checked: as a browser does."""

from __future__ import annotations

import asyncio.sslproto
import ssl
from pathlib import Path

from monitor.config_file import ConfigError

# asyncio sets aside 256 kB for every encrypted connection, idle ones too: 128 MB for five hundred hosts. A record of
# TLS has 16 kB at most. There is no other place to say it.
BUFFER_BYTES = 16 * 1024
asyncio.sslproto.SSLProtocol.max_size = BUFFER_BYTES

_OP_LEGACY_SERVER_CONNECT = 0x4  # ssl.OP_LEGACY_SERVER_CONNECT from Python 3.12 on


def context(ca_file: Path | None) -> ssl.SSLContext:
    """The system's certificate authorities, and those of ``ca_file`` (PEM) besides.

    :raises ConfigError: ``ca_file`` cannot be used.
    """
    made = ssl.create_default_context()
    # Browsers still talk to servers without secure renegotiation (RFC 5746) and to certificates that are sloppy
    # in form; an article behind one is not dead.
    made.options |= _OP_LEGACY_SERVER_CONNECT
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    made.set_alpn_protocols(["http/1.1"])
    if ca_file:
        try:
            made.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise ConfigError(
                f"network.ca_file {ca_file} cannot be used ({error.strerror or error}): name a PEM file."
            ) from None
    return made
