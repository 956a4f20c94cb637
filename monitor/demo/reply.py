"""What an acted page sends: status, headers, a body in parts, and the manner of sending."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from struct import pack

from monitor.demo.text import WORDS, random_of

HTML = ("Content-Type", "text/html; charset=UTF-8")
_BLOCK = 128 * 1024


class Manner(StrEnum):
    """How a reply goes over the wire."""

    WHOLE = "whole"
    RESET = "reset"  # the connection is reset before a byte
    RESET_MID_BODY = "reset_mid_body"
    HANG = "hang"  # no byte ever
    HANG_MID_BODY = "hang_mid_body"
    DRIP = "drip"  # a byte at a time at first
    ENDLESS = "endless"
    RAW = "raw"  # the body is the whole answer, HTTP or not


class Filler:
    """A long stretch of page that many pages share: made, compressed and summed once.

    It repeats one block that is wider than the window of deflate, so it compresses as scripts do (about 4:1).
    """

    def __init__(self, size: int) -> None:
        block = _script(_BLOCK)
        repeats, rest = divmod(size, _BLOCK)
        self._pieces = (*([_piece(block)] * repeats), *([_piece(block[:rest])] if rest else []))
        self.size = size

    @property
    def raw(self) -> bytes:
        return b"".join(piece.raw for piece in self._pieces)

    @property
    def deflated(self) -> bytes:
        return b"".join(piece.deflated for piece in self._pieces)

    def crc_after(self, crc: int) -> int:
        """The CRC-32 of something with the given CRC followed by this filler."""
        for piece in self._pieces:
            crc = piece.crc_after(crc)
        return crc


@dataclass(frozen=True, slots=True)
class _Piece:
    raw: bytes
    deflated: bytes
    columns: tuple[int, ...]
    after_zero: int

    def crc_after(self, crc: int) -> int:
        # The CRC after a fixed suffix is an affine function of the CRC before it.
        result = self.after_zero
        for bit in range(32):
            if crc >> bit & 1:
                result ^= self.columns[bit]
        return result


def _piece(raw: bytes) -> _Piece:
    after_zero = zlib.crc32(raw)
    columns = tuple(zlib.crc32(raw, 1 << bit) ^ after_zero for bit in range(32))
    return _Piece(raw, _deflate(raw, last=False), columns, after_zero)


def _script(size: int) -> bytes:
    random = random_of("script")
    names = [f"{random.choice('abcdefgt')}{number:x}" for number in range(120)]
    lines, length = [], 0
    while length < size:
        a, b, c, d = random.choices(names, k=4)
        line = f'function {a}({b}){{var {c}={b}.getAttribute("{d}");return {c}?window.{a}.{d}({c}):null}};\n'
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()[:size]


def _deflate(data: bytes, *, last: bool) -> bytes:
    squeezer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return squeezer.compress(data) + squeezer.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


@lru_cache(maxsize=32)
def filler(size: int) -> Filler:
    """The filler of ``size`` bytes: JavaScript without any markup."""
    return Filler(size)


Part = bytes | Filler


def gzip_parts(parts: tuple[Part, ...]) -> bytes:
    """One gzip member of all parts; fillers are spliced in as they are, already compressed."""
    stream, crc, size = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"], 0, 0
    for part in parts:
        if isinstance(part, Filler):
            stream.append(part.deflated)
            crc, size = part.crc_after(crc), size + part.size
        else:
            stream.append(_deflate(part, last=False))
            crc, size = zlib.crc32(part, crc), size + len(part)
    stream += [_deflate(b"", last=True), pack("<II", crc, size & 0xFFFFFFFF)]
    return b"".join(stream)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request as a page builder sees it. ``headers`` has lower-case names; ``nonce`` differs each time."""

    url: str
    now: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    nonce: str = "0"
    method: str = "GET"

    @property
    def wants_english(self) -> bool:
        return self.headers.get("accept-language", "").lower().startswith("en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An acted answer. ``zipped`` pages are sent with gzip to whoever accepts it."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (HTML,)
    parts: tuple[Part, ...] = ()
    manner: Manner = Manner.WHOLE
    zipped: bool = True

    @property
    def body(self) -> bytes:
        return b"".join(part if isinstance(part, bytes) else part.raw for part in self.parts)

    @property
    def location(self) -> str:
        return next((value for name, value in self.headers if name == "Location"), "")

    @property
    def content_type(self) -> str:
        return next((value for name, value in self.headers if name == "Content-Type"), "")


def page(*parts: str | Filler, status: int = 200, headers: tuple[tuple[str, str], ...] = (HTML,)) -> Reply:
    """An HTML reply in UTF-8."""
    encoded = tuple(part.encode() if isinstance(part, str) else part for part in parts)
    return Reply(status=status, headers=headers, parts=encoded)


def redirect(location: str, status: int = 302) -> Reply:
    """A redirect without a body."""
    return Reply(status=status, headers=(("Location", location), HTML), zipped=False)


def json_reply(text: str, status: int = 200) -> Reply:
    """A JSON reply."""
    return Reply(
        status=status, headers=(("Content-Type", "application/json; charset=utf-8"),), parts=(text.encode(),)
    )


def styles(size: int) -> str:
    """About ``size`` bytes of CSS, to give small pages their true weight."""
    rule = "".join(f".weui-{WORDS[n]}{{margin:{n}px}}" for n in range(100))
    return f"<style>{rule * (size // len(rule.encode()) + 1)}</style>" if size > 0 else ""
