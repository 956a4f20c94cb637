from __future__ import annotations

import errno
import socket
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from monitor.fetch.errors import LookError, OutOfResourcesError, failure
from monitor.model import FailureKind

KEY = ConnectionKey("example.com", 443, True, True, None, None, None)


def dns(code: int) -> Exception:
    return aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(code, "said by the C library"))


def connecting(code: int) -> Exception:
    return aiohttp.ClientConnectorError(KEY, OSError(code, "said by the kernel"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (dns(socket.EAI_NONAME), FailureKind.NO_SUCH_HOST),
        (dns(socket.EAI_NODATA), FailureKind.DNS),
        (dns(socket.EAI_AGAIN), FailureKind.DNS),
        (dns(socket.EAI_FAIL), FailureKind.DNS),
        (dns(socket.EAI_ADDRFAMILY), FailureKind.DNS),
        (dns(socket.EAI_SYSTEM), FailureKind.DNS),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(None, "DNS lookup failed")), FailureKind.DNS),
        (connecting(errno.ECONNREFUSED), FailureKind.REFUSED),
        (connecting(errno.ECONNRESET), FailureKind.RESET),
        (connecting(errno.ENETUNREACH), FailureKind.UNREACHABLE),
        (connecting(errno.EHOSTUNREACH), FailureKind.UNREACHABLE),
        (connecting(errno.EADDRNOTAVAIL), FailureKind.UNREACHABLE),
        (connecting(errno.EPERM), FailureKind.UNREACHABLE),
        (connecting(errno.ETIMEDOUT), FailureKind.TIMEOUT),
        (aiohttp.ClientConnectorError(KEY, OSError("Multiple exceptions: …")), FailureKind.UNREACHABLE),
        (aiohttp.ClientConnectorError(KEY, ConnectionAbortedError("SSL handshake is …")), FailureKind.RESET),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "wrong version number")), FailureKind.TLS),
        (aiohttp.ClientProxyConnectionError(KEY, OSError(errno.ECONNREFUSED, "")), FailureKind.PROXY),
        (aiohttp.ConnectionTimeoutError(), FailureKind.TIMEOUT),
        (TimeoutError(), FailureKind.TIMEOUT),
        (aiohttp.ServerDisconnectedError(), FailureKind.RESET),
        (aiohttp.ClientOSError(errno.EPIPE, "Broken pipe"), FailureKind.RESET),
        (aiohttp.ClientConnectionResetError("Cannot write to closing transport"), FailureKind.RESET),
        (aiohttp.ClientPayloadError("Response payload is not completed"), FailureKind.RESET),
        (aiohttp.InvalidURL("http://secret"), FailureKind.GUARD),
        (aiohttp.ClientConnectionError("new in some version"), FailureKind.PROTOCOL),
        (LookError(FailureKind.REDIRECTS, "the redirects go in a circle"), FailureKind.REDIRECTS),
    ],
)
def test_each_error_has_its_kind_and_one_sentence(error: Exception, kind: FailureKind) -> None:
    found = failure(error)
    assert found.kind is kind
    assert 10 < len(found.detail) < 160
    assert "\n" not in found.detail
    assert "secret" not in found.detail


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
@pytest.mark.parametrize("wrapped", [aiohttp.ClientConnectorError, aiohttp.ClientConnectorDNSError])
def test_a_machine_at_its_limits_blames_no_link(
    code: int, wrapped: type[aiohttp.ClientConnectorError]
) -> None:
    with pytest.raises(OutOfResourcesError, match="This machine"):
        failure(wrapped(KEY, OSError(code, "Too many open files")))


def test_an_error_number_of_openssl_is_not_taken_for_one_of_the_system() -> None:
    assert failure(ssl.SSLError(errno.ENOMEM, "bad record")).kind is FailureKind.TLS
