"""The one place where what aiohttp, OpenSSL and the sockets raise becomes a :class:`~monitor.model.Failure`."""

from __future__ import annotations

import errno
import socket
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, TransferEncodingError

from monitor.fetch.guard import RefusedAddressError
from monitor.model import Failure, FailureKind


class OutOfResourcesError(RuntimeError):
    """This machine, not the link, could not do it: no file descriptor or memory was left."""


class LookError(Exception):
    """What we ourselves will not take from the other side; ``str()`` is one sentence without a full stop."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


NETWORK_ERRORS = (aiohttp.ClientError, HttpProcessingError, OSError, LookError)
"""Everything that :func:`failure` translates (TimeoutError and ssl.SSLError are OSErrors). Whatever else is raised
is a mistake of ours and must be seen."""

_HAS_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

_BY_ERRNO = {
    errno.ECONNREFUSED: (FailureKind.REFUSED, "the connection was refused"),
    errno.ECONNRESET: (FailureKind.RESET, "the connection was reset"),
    errno.ECONNABORTED: (FailureKind.RESET, "the connection was broken off"),
    errno.EPIPE: (FailureKind.RESET, "the connection was closed while we asked"),
    errno.ENETUNREACH: (FailureKind.UNREACHABLE, "there is no way to the network of the host"),
    errno.EHOSTUNREACH: (FailureKind.UNREACHABLE, "there is no way to the host"),
    errno.ENETDOWN: (FailureKind.UNREACHABLE, "the network is down"),
    errno.EHOSTDOWN: (FailureKind.UNREACHABLE, "the host is down"),
    errno.EADDRNOTAVAIL: (FailureKind.UNREACHABLE, "this machine has no address to reach the host from"),
    errno.EACCES: (FailureKind.UNREACHABLE, "a firewall on this machine forbids the connection"),
    errno.EPERM: (FailureKind.UNREACHABLE, "a firewall on this machine forbids the connection"),
    errno.ETIMEDOUT: (FailureKind.TIMEOUT, "the host does not answer"),
}

# EAI_NONAME is what the C library makes of NXDOMAIN. It also says so, wrongly, where no name server is in use at
# all (nsswitch.conf with "files" only, some stubs without a network): Connectivity is what protects from that.
# A name server that is down, unreachable or answers SERVFAIL gives EAI_AGAIN, one that refuses gives EAI_FAIL.
# EAI_NODATA is a name that exists without an address (for mail only): no NXDOMAIN, so it must not count as gone.
_BY_NAME_ERROR = {
    socket.EAI_NONAME: (FailureKind.NO_SUCH_HOST, "there is no host of this name"),
    socket.EAI_AGAIN: (FailureKind.DNS, "the name service does not answer"),
    socket.EAI_FAIL: (FailureKind.DNS, "the name service refused to answer"),
    socket.EAI_NODATA: (FailureKind.DNS, "the name has no address that this machine can use"),
    socket.EAI_ADDRFAMILY: (FailureKind.DNS, "the name has no address that this machine can use"),
}

_BY_TYPE: tuple[tuple[type[Exception], FailureKind, str], ...] = (  # the first that fits
    (aiohttp.InvalidURL, FailureKind.GUARD, "the address is no proper http or https address"),
    (aiohttp.ConnectionTimeoutError, FailureKind.TIMEOUT, "no connection came about in time"),
    (TimeoutError, FailureKind.TIMEOUT, "no whole answer came in time"),
    (aiohttp.ServerDisconnectedError, FailureKind.RESET, "the connection was closed without an answer"),
)


def failure(error: Exception, *, proxy: str | None = None) -> Failure:
    """What went wrong, for any of :data:`NETWORK_ERRORS`.

    The sentence never repeats a URL: it may hold personal parameters or a proxy's password.

    :param proxy: the host of the proxy that was asked; that it cannot be resolved says nothing about the page.
    :raises OutOfResourcesError: the fault is this machine's.
    """
    if isinstance(error, LookError):
        return Failure(error.kind, str(error))
    if proxy and isinstance(error, aiohttp.ClientConnectorDNSError) and error.host == proxy:
        return Failure(FailureKind.PROXY, "the name of the proxy cannot be resolved")
    if isinstance(error, aiohttp.ClientConnectorError):
        return _of_connecting(error)
    for kind_of_error, kind, detail in _BY_TYPE:
        if isinstance(error, kind_of_error):
            return Failure(kind, detail)
    if isinstance(error, OSError):
        return _of_socket(error)
    return _of_protocol(error)


def _of_connecting(error: aiohttp.ClientConnectorError) -> Failure:
    cause = error.os_error
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return Failure(FailureKind.PROXY, f"the proxy cannot be reached: {_of_socket(cause).detail}")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _of_certificate(error.certificate_error)
    if isinstance(cause, RefusedAddressError):
        return Failure(FailureKind.GUARD, cause.reason)
    if isinstance(cause, socket.gaierror):
        known = _BY_NAME_ERROR.get(cause.errno or 0)
        return Failure(*(known or (FailureKind.DNS, "the name cannot be resolved")))
    if isinstance(error, aiohttp.ClientConnectorDNSError) and cause.errno not in _OUT_OF_RESOURCES:
        return Failure(FailureKind.DNS, "the name cannot be resolved")
    return _of_socket(cause)


def _of_socket(error: OSError) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error)
    if isinstance(error, ssl.SSLError):  # before any errno: OpenSSL has numbers of its own
        reason = _plain(getattr(error, "reason", None) or "no reason given")
        return Failure(FailureKind.TLS, f"no encrypted connection came about ({reason})")
    if error.errno in _OUT_OF_RESOURCES:
        raise OutOfResourcesError(f"This machine could not open a connection: {error.strerror}.") from error
    if known := _BY_ERRNO.get(error.errno or 0):
        return Failure(*known)
    if isinstance(error, ConnectionError):
        return Failure(FailureKind.RESET, "the connection was broken off")
    return Failure(FailureKind.UNREACHABLE, "none of the host's addresses can be connected to")


def _of_certificate(error: Exception) -> Failure:
    reason = _plain(getattr(error, "verify_message", "")) or "it does not fit the host"
    kind = FailureKind.EXPIRED if getattr(error, "verify_code", 0) == _HAS_EXPIRED else FailureKind.TLS
    return Failure(kind, f"the certificate is not good: {reason}")


def _of_protocol(error: Exception) -> Failure:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return Failure(FailureKind.PROXY, f"the proxy answered {error.status} instead of connecting")
    if isinstance(error, aiohttp.ClientPayloadError):
        torn = isinstance(error.__cause__, TransferEncodingError) and "Not enough" not in str(error.__cause__)
        if not torn:
            return Failure(FailureKind.RESET, "the connection ended before the body did")
    # what follows a colon in aiohttp's message quotes the other side
    message = getattr(error, "message", None)
    what = message.partition(":")[0] if isinstance(message, str) else type(error).__name__
    return Failure(FailureKind.PROTOCOL, f"the answer is no proper HTTP ({_plain(what)})")


def _plain(text: str) -> str:
    """One short line of printable text."""
    line = "".join(c if c.isprintable() and c != "_" else " " for c in text).strip().rstrip(".")
    return line[:120]
