from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from monitor.fetch.guard import GuardedResolver, RefusedAddressError, internal_name, literal, refusal

REFUSED = {
    "0.0.0.0": "unspecified",
    "10.1.2.3": "private",
    "100.64.0.1": "CGNAT",
    "100.100.100.200": "CGNAT",  # a cloud's metadata service
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "169.254.169.254": "metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.8": "reserved",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "198.19.255.255": "benchmarks",
    "198.51.100.7": "documentation",
    "203.0.113.9": "documentation",
    "224.0.0.251": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "reserved",  # IPv4-compatible, long deprecated
    "::ffff:127.0.0.1": "loopback",
    "::ffff:10.0.0.1": "private",
    "::ffff:a9fe:a9fe": "metadata",
    "64:ff9b::127.0.0.1": "loopback",
    "64:ff9b::c0a8:101": "private",
    "64:ff9b:1::1": "translator",
    "100::1": "discarded",
    "2001::1": "Teredo",
    "2001:2::1": "benchmarks",
    "2001:10::1": "reserved",
    "2001:db8::1": "documentation",
    "2002:7f00:1::1": "6to4",
    "3fff::1": "documentation",
    "4000::1": "reserved",
    "fc00::1": "private",
    "fd00:ec2::254": "private",  # a cloud's metadata service
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "not an address": "no IP address",
    "127.1": "no IP address",
    "": "no IP address",
}


@pytest.mark.parametrize(("address", "reason"), REFUSED.items())
def test_a_special_address_is_refused_with_its_reason(address: str, reason: str) -> None:
    assert reason in (refusal(address) or "allowed")


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",  # how an IPv6-only machine sees an IPv4 site
        "2001:200::1",
        "2400:3200::1",
        "2606:4700::1111",
    ],
)
def test_an_ordinary_public_address_is_allowed(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.0.0.1."],
)
def test_every_spelling_of_an_address_is_known_for_what_it_is(host: str) -> None:
    assert literal(host) == "127.0.0.1"


def test_a_bracketed_ipv6_literal_is_an_address() -> None:
    assert literal("[::1]") == "::1"


@pytest.mark.parametrize(
    "host", ["example.com", "1.1.1.1.example.com", "127.0.0.1 x", "", "0xzz", "256.256.256.256.256"]
)
def test_a_name_is_no_address(host: str) -> None:
    assert literal(host) is None


@pytest.mark.parametrize(
    ("host", "internal"),
    [
        ("localhost", True),
        ("intranet", True),
        ("localhost.", True),
        ("a.LOCALHOST", True),
        ("metadata.google.internal", True),
        ("printer.local", True),
        ("mp.weixin.qq.com", False),
        ("localhost.example.com", False),
    ],
)
def test_a_name_that_only_a_private_network_knows_is_internal(host: str, internal: bool) -> None:
    assert internal_name(host) is internal


class Names(AbstractResolver):
    """Answers each question for any name with the next of the given lists of addresses."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = iter(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in next(self._answers)
        ]

    async def close(self) -> None:
        return


async def addresses(resolver: GuardedResolver, host: str) -> list[tuple[str, int]]:
    return [(answer["host"], answer["port"]) for answer in await resolver.resolve(host, 443)]


async def test_only_the_public_ones_of_several_addresses_remain() -> None:
    resolver = GuardedResolver(Names(["127.0.0.1", "1.1.1.1", "fd00::1"]), pinned={}, guarded=True)
    assert await addresses(resolver, "mixed.test") == [("1.1.1.1", 443)]


async def test_a_name_with_only_private_addresses_is_refused() -> None:
    resolver = GuardedResolver(Names(["10.0.0.1", "::1"]), pinned={}, guarded=True)
    with pytest.raises(RefusedAddressError, match="private"):
        await resolver.resolve("inside.test", 443)


async def test_a_name_that_turns_private_later_is_refused_then() -> None:
    resolver = GuardedResolver(Names(["1.1.1.1"], ["127.0.0.1"]), pinned={}, guarded=True)
    assert await addresses(resolver, "rebind.test") == [("1.1.1.1", 443)]
    with pytest.raises(RefusedAddressError, match="loopback"):
        await resolver.resolve("rebind.test", 443)


async def test_an_unguarded_resolver_lets_private_addresses_pass() -> None:
    resolver = GuardedResolver(Names(["127.0.0.1"]), pinned={}, guarded=False)
    assert await addresses(resolver, "inside.test") == [("127.0.0.1", 443)]


async def test_a_pinned_name_goes_to_its_address_and_port_without_being_resolved() -> None:
    names = Names()
    resolver = GuardedResolver(names, pinned={"site.test": ("127.0.0.1", 8443)}, guarded=True)
    assert await addresses(resolver, "Site.TEST.") == [("127.0.0.1", 8443)]
    assert names.asked == []


async def test_a_pin_may_name_a_host_that_is_private() -> None:
    names = Names(["127.0.0.1"])
    resolver = GuardedResolver(names, pinned={"site.test": ("box.lan", 8443)}, guarded=True)
    assert await addresses(resolver, "site.test") == [("127.0.0.1", 8443)]
    assert names.asked == ["box.lan"]


async def test_a_pin_lifts_the_guard_for_no_other_name() -> None:
    resolver = GuardedResolver(Names(["127.0.0.1"]), pinned={"site.test": ("127.0.0.1", 8443)}, guarded=True)
    with pytest.raises(RefusedAddressError):
        await resolver.resolve("sub.site.test", 443)


async def test_a_pin_to_a_name_that_does_not_exist_says_nothing_about_the_pinned_host() -> None:
    class Nothing(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            raise socket.gaierror(socket.EAI_NONAME, "not known")

    resolver = GuardedResolver(Nothing(), pinned={"site.test": ("box.lan", 8443)}, guarded=True)
    with pytest.raises(OSError, match=r"box\.lan") as raised:
        await resolver.resolve("site.test", 443)
    assert not isinstance(raised.value, socket.gaierror)
