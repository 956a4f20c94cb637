"""The address guard: which addresses a look may connect to.

It stands in the resolver, so the address that was checked is the address that is connected to: a name that
answers differently the second time (DNS rebinding) meets the guard again. Host literals never reach a
resolver and are checked by :func:`literal` and :func:`refusal` before each hop.

The ranges are those of the IANA special-purpose registries (RFC 6890 and later).
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

_REFUSED_V4 = tuple(
    (IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier (CGNAT)"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local (cloud metadata)"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_REFUSED_V6 = tuple(
    (IPv6Network(network), reason)
    for network, reason in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("64:ff9b:1::/48", "a local translator's (NAT64)"),
        ("100::/64", "discarded"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001:2::/48", "for benchmarks"),
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "a 6to4 tunnel"),
        ("3fff::/20", "for documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")

_INTERNAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".intranet", ".home.arpa")


class RefusedAddressError(OSError):
    """The guard does not let us connect there; the text says why in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EACCES, reason)
        self.reason = reason


def refusal(address: str) -> str | None:
    """Why this IP address must not be connected to, in a few words; None when it is an ordinary public one.

    An IPv4 address inside an IPv6 one (mapped, or behind the well-known NAT64 prefix of RFC 6052) is what is
    judged there: on a machine that has IPv6 only, every IPv4 site resolves to such an address.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return "no IP address"
    if isinstance(ip, IPv6Address) and (ip in _MAPPED or ip in _NAT64):
        ip = IPv4Address(int(ip) & 0xFFFFFFFF)
    if isinstance(ip, IPv4Address):
        return next((reason for network, reason in _REFUSED_V4 if ip in network), None)
    reason = next((reason for network, reason in _REFUSED_V6 if ip in network), None)
    return reason or (None if ip in _GLOBAL_V6 else "reserved")


def literal(host: str) -> str | None:
    """The IP address that a URL's host is written as, in any form that a C library takes (``127.1``,
    ``0x7f000001``, ``017700000001``, ``2130706433``, ``::1``); None for a name."""
    host = host.strip("[]").rstrip(".")
    if ":" in host:
        return host
    try:
        # inet_aton stops at white space and ignores what follows
        return None if any(c.isspace() for c in host) else socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def internal_name(host: str) -> bool:
    """Whether a name can only be one of a private network. For when a proxy resolves and no address is seen."""
    name = host.rstrip(".").lower()
    return "." not in name or name.endswith(_INTERNAL_SUFFIXES)


class GuardedResolver(AbstractResolver):
    """Resolves names for the connector and leaves out every address that :func:`refusal` refuses.

    :param resolver: asked for the names.
    :param pinned: name → (address, port), answered before any resolver and not guarded.
    :param guarded: false lets every address pass.
    """

    def __init__(
        self, resolver: AbstractResolver, *, pinned: Mapping[str, tuple[str, int]], guarded: bool
    ) -> None:
        self._resolver = resolver
        self._pinned = pinned
        self._guarded = guarded

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """:raises RefusedAddressError: no address is left.
        :raises OSError: as the wrapped resolver does, or it found nothing."""
        if pin := self._pinned.get(host.rstrip(".").lower()):
            return await self._resolve_pin(host, *pin, family)
        found = await self._resolver.resolve(host, port, family)
        if not found:
            raise socket.gaierror(socket.EAI_NODATA, "the name has no address")
        if not self._guarded:
            return found
        reasons = [refusal(answer["host"]) for answer in found]
        allowed = [answer for answer, reason in zip(found, reasons, strict=True) if reason is None]
        if not allowed:
            raise RefusedAddressError(f"{host} has only addresses that are {reasons[0]}")
        return allowed

    async def _resolve_pin(
        self, host: str, target: str, port: int, family: socket.AddressFamily
    ) -> list[ResolveResult]:
        address = literal(target)
        if address is None:
            try:
                answers = await self._resolver.resolve(target, port, family)
            except OSError as error:  # not as it is: "no such host" would be said of the pinned name
                raise OSError(f"{target}, where network.hosts sends {host}, cannot be resolved") from error
            return [{**answer, "hostname": host, "port": port} for answer in answers]
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
        ]

    async def close(self) -> None:
        await self._resolver.close()
