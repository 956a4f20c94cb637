"""The body of an answer: compressed bytes in, plain bytes out, both capped, so that no bomb goes off."""

from __future__ import annotations

import zlib

from monitor.fetch.errors import LookError
from monitor.model import FailureKind

ACCEPTED = "gzip, deflate"
"""What can be undone here, as an ``Accept-Encoding`` header."""

_MAX_GZIP_MEMBERS = 64  # each costs a new decompressor; honest answers have one
_GZIP_MAGIC = b"\x1f\x8b"
_CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
_FOREIGN = {"br", "zstd", "compress", "x-compress", "dcb", "dcz"}


class Body:
    """Collects one body.

    :param encoding: the ``Content-Encoding`` header.
    :param limit: bytes, both for what is read and for what comes out of it.
    :raises LookError: it is compressed in a way that was not asked for.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self.data = bytearray()
        self.bytes_read = 0
        self._limit = limit
        self._decoder = _decoder(encoding)
        self._overflows = False

    @property
    def is_full(self) -> bool:
        """Whether there is more than the limit: nothing more is taken in."""
        return self._overflows or self.bytes_read > self._limit

    @property
    def is_cut(self) -> bool:
        """Whether :attr:`data` is only a beginning, as far as this side can tell."""
        return self.is_full or (
            self._decoder is not None and not self._decoder.is_done and self.bytes_read > 0
        )

    def feed(self, chunk: bytes) -> None:
        """Take in what came from the network.

        :raises LookError: it cannot be decompressed; what came out before is kept.
        """
        self.bytes_read += len(chunk)
        room = self._limit - len(self.data)
        plain = self._decoder.decode(chunk, room + 1) if self._decoder else chunk
        self.data += plain[:room]
        self._overflows = len(plain) > room


def _decoder(encoding: str) -> _Decoder | None:
    # servers also write "utf-8", "none" or "binary" there, and mean nothing by it
    names = [name.strip().lower() for name in encoding.split(",")]
    if foreign := _FOREIGN.intersection(names):
        raise _refused(f"the body is compressed with {min(foreign)}, which was not asked for")
    codings = [_CODINGS[name] for name in names if name in _CODINGS]
    if len(codings) > 1:
        raise _refused("the body is compressed more than once")
    return _Decoder(codings[0]) if codings else None


def _refused(detail: str) -> LookError:
    return LookError(FailureKind.PROTOCOL, detail)


class _Decoder:
    """Undoes gzip (of several members too) or deflate (zlib's form, and the raw one that some servers send).

    A body that is said to be gzip and does not begin like gzip is passed on as it is.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._head = b""
        self._stream: zlib._Decompress | None = None
        self._members = 1
        self.is_done = False

    def decode(self, chunk: bytes, most: int) -> bytes:
        """The next at most ``most`` (> 0) plain bytes."""
        if self._stream is None and not self.is_done:
            chunk = self._head + chunk
            if len(chunk) < 2:  # two bytes tell the format
                self._head = chunk
                return b""
            self._stream = self._begin(chunk)
            self.is_done = self._stream is None
        if self._stream is None:
            return chunk
        try:
            return self._inflate(self._stream, chunk, most)
        except zlib.error:
            raise _refused("the body is damaged: it cannot be decompressed") from None

    def _begin(self, head: bytes) -> zlib._Decompress | None:
        if self._coding == "gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16) if head.startswith(_GZIP_MAGIC) else None
        has_zlib_header = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2]) % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if has_zlib_header else -zlib.MAX_WBITS)

    def _inflate(self, stream: zlib._Decompress, chunk: bytes, most: int) -> bytes:
        behind = stream.unused_data + chunk
        if self.is_done and not (behind.startswith(_GZIP_MAGIC) or _GZIP_MAGIC.startswith(behind)):
            return b""  # padding behind the end
        plain = bytearray(stream.decompress(chunk, most))
        while stream.eof and stream.unused_data.startswith(_GZIP_MAGIC) and len(plain) < most:
            self._members += 1
            if self._members > _MAX_GZIP_MEMBERS:
                raise _refused("the body is compressed in too many pieces")
            rest = stream.unused_data
            self._stream = stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
            plain += stream.decompress(rest, most - len(plain))
        self.is_done = stream.eof
        return bytes(plain)
