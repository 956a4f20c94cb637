"""Mangled answers: no bytes from the other side may come out as anything but a page."""

from __future__ import annotations

import asyncio
import gzip
import random

import pytest

from .conftest import FetcherFactory, Web

PACKED = gzip.compress(b"hello" * 100)
ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 302 Found\r\nLocation: http://site.test/\xd6\xd0?a=b#c\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (len(PACKED), PACKED),
    b"HTTP/1.0 404 Not Found\r\nServer: old\r\n\r\n<html>",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
)


def mangled(answer: bytes, chance: random.Random) -> bytes:
    data = bytearray(answer)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
            case 2:
                del data[at : at + chance.randint(1, 6)]
            case _:
                data[at:at] = data[: chance.randrange(20)]
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
async def test_no_mangled_answer_comes_out_as_anything_but_a_page(
    far: Web, fetching: FetcherFactory, seed: int
) -> None:
    chance = random.Random(seed)

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(mangled(chance.choice(ANSWERS), chance))
        await writer.drain()

    address = await far.stream(talk)
    statuses = set()
    async with fetching({"site.test": address}) as fetcher:
        for _ in range(100):
            page = await fetcher.fetch("http://site.test/")
            statuses.add(page.http_status)
            assert page.http_status or page.failure
            assert page.complete or page.failure or page.body
            assert (page.failure is None) or page.failure.detail.isprintable()
            assert str((page.final_url, page.headers, page.redirects)).encode()  # can be stored
    assert {200, 404, None} <= statuses
