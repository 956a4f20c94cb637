from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.fetch.body import Body
from monitor.fetch.errors import LookError
from monitor.model import FailureKind

TEXT = "这是一篇文章。".encode("gb18030") * 500


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKED = {
    "": TEXT,
    "identity": TEXT,
    "utf-8": TEXT,
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "GZIP ": gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:]) + b"\0" * 512,
    "identity, gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "deflate,": raw_deflate(TEXT),
}


@pytest.mark.parametrize(("encoding", "packed"), PACKED.items(), ids=PACKED)
@pytest.mark.parametrize("size", [1, 2, 7, 100_000])
def test_a_body_is_the_same_however_it_is_packed_and_cut(encoding: str, packed: bytes, size: int) -> None:
    body = Body(encoding, 1_000_000)
    for start in range(0, len(packed), size):
        body.feed(packed[start : start + size])
    assert body.data == TEXT
    assert body.bytes_read == len(packed)
    assert not body.is_cut


def test_a_body_that_only_claims_to_be_gzip_is_passed_on() -> None:
    body = Body("gzip", 1000)
    body.feed(b"<html>")
    body.feed(b"</html>")
    assert body.data == b"<html></html>"
    assert not body.is_cut


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_an_empty_body_is_whole(encoding: str) -> None:
    body = Body(encoding, 1000)
    assert body.data == b""
    assert not body.is_cut


def test_a_compressed_body_without_its_end_is_a_beginning() -> None:
    body = Body("gzip", 1_000_000)
    body.feed(gzip.compress(TEXT)[:-12])
    assert TEXT.startswith(body.data)
    assert body.is_cut
    assert not body.is_full


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_a_body_of_just_the_limit_is_whole_and_of_one_byte_more_is_not(encoding: str) -> None:
    packed = {"": TEXT, "gzip": gzip.compress(TEXT), "deflate": zlib.compress(TEXT)}[encoding]
    fits, over = Body(encoding, len(TEXT)), Body(encoding, len(TEXT) - 1)
    fits.feed(packed)
    over.feed(packed)
    assert (bytes(fits.data), fits.is_cut) == (TEXT, False)
    assert (bytes(over.data), over.is_cut, over.is_full) == (TEXT[:-1], True, True)


def test_a_bomb_is_stopped_before_it_fills_the_memory() -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(50)) + packer.flush()
    body = Body("gzip", 100_000)
    tracemalloc.start()
    try:
        body.feed(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert body.is_full
    assert len(body.data) == 100_000
    assert peak < 1_000_000


def test_bytes_that_come_to_nothing_are_limited_too() -> None:
    empty_blocks = b"\x00\x00\x00\xff\xff"  # deflate: stored, not the last, no bytes in it
    body = Body("deflate", 1000)
    body.feed(zlib.compress(b"")[:2] + empty_blocks * 300)
    assert body.data == b""
    assert body.is_full


@pytest.mark.parametrize(
    ("encoding", "body", "detail"),
    [
        ("gzip", gzip.compress(TEXT)[:20] + b"\xff" * 100, "damaged"),
        ("deflate", zlib.compress(TEXT)[:20] + b"\xff" * 100, "damaged"),
        ("gzip", gzip.compress(b"") * 65, "too many pieces"),
        ("br", b"x", "br"),
        ("gzip, zstd", b"x", "zstd"),
        ("gzip, gzip", b"x", "more than once"),
    ],
    ids=["gzip", "deflate", "pieces", "br", "zstd", "twice"],
)
def test_a_body_that_cannot_be_unpacked_is_a_fault_of_protocol(
    encoding: str, body: bytes, detail: str
) -> None:
    with pytest.raises(LookError, match=detail) as raised:
        Body(encoding, 1_000_000).feed(body)
    assert raised.value.kind is FailureKind.PROTOCOL


@given(st.binary(max_size=300), st.sampled_from(["", "gzip", "deflate"]), st.integers(1, 50))
def test_no_bytes_can_break_out_of_the_limit(data: bytes, encoding: str, limit: int) -> None:
    body = Body(encoding, limit)
    try:
        for start in range(0, len(data), 13):
            body.feed(data[start : start + 13])
    except LookError:
        pass
    assert len(body.data) <= limit
