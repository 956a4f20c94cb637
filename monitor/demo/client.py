"""A plain client that sees the acted world, for tests and benchmarks of the world itself."""

from __future__ import annotations

import socket
import ssl

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from monitor.demo.world import World


def session(world: World) -> aiohttp.ClientSession:
    """A session that finds the acted hosts and trusts the world's certificates; it keeps no cookies."""
    connector = aiohttp.TCPConnector(
        resolver=_Resolver(world),
        ssl=ssl.create_default_context(cafile=str(world.ca_file)),
        use_dns_cache=False,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


class _Resolver(AbstractResolver):
    def __init__(self, world: World) -> None:
        self._world = world

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self._world.hosts.get(host)
        if address is None:
            raise OSError(f"{host} is not acted.")
        ip, _, own_port = address.rpartition(":")
        return [ResolveResult(hostname=host, host=ip, port=int(own_port), family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""
