"""Appending to WARC files so that a kill at any line, or a full disk, costs at most the record being written.

One gzip member a record (ISO 28500, annex D), so that each can be read by its offset alone. A file is cut back to its
last whole record before anything is appended after it.
"""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from io import FileIO
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordbuilder import RecordBuilder
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from monitor import __version__

_MEMBER = b"\x1f\x8b\x08"
_BLOCK = 1 << 20
# The body is kept as it reads, so these would lie; a cookie is nobody's business.
_DROPPED = frozenset(
    {"content-encoding", "transfer-encoding", "content-length", "connection", "keep-alive", "set-cookie"}
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was written. ``kind`` is response or revisit, ``payload_digest`` warcio's (``sha1:…``);
    ``headers`` has lower-case names."""

    kind: str
    url: str
    at: datetime
    http_status: int
    headers: Mapping[str, str]
    body: bytes
    payload_digest: str


def response(url: str, status: int, headers: Mapping[str, str], body: bytes, at: datetime) -> bytes:
    """A response record as one gzip member."""
    record = RecordBuilder().create_warc_record(
        url,
        "response",
        payload=io.BytesIO(body),
        length=len(body),  # unknown, it would go through a temporary file
        http_headers=_http(status, headers, len(body)),
        warc_headers_dict={"WARC-Date": _date(at)},
    )
    return _member(record)


def revisit(url: str, status: int, headers: Mapping[str, str], at: datetime, *, of: Record) -> bytes:
    """A record of about 400 bytes that says: at that time, ``url`` answered with the very bytes of ``of``."""
    record = RecordBuilder().create_revisit_record(
        url,
        of.payload_digest,
        of.url,
        _date(of.at),
        http_headers=_http(status, headers, len(of.body)),
        warc_headers_dict={"WARC-Date": _date(at)},
    )
    return _member(record)


def _member(record: Any) -> bytes:
    """The record as one gzip member. warcio's own level takes three times as long to save two percent."""
    out = io.BytesIO()
    WARCWriter(out, gzip=False).write_record(record)
    return gzip.compress(out.getvalue(), 6, mtime=0)


def _http(status: int, headers: Mapping[str, str], length: int) -> StatusAndHeaders:
    kept = [(name, _as_bytes_were(value)) for name, value in headers.items() if name not in _DROPPED]
    kept.append(("content-length", str(length)))
    return StatusAndHeaders(f"{status} {_phrase(status)}", kept, protocol="HTTP/1.1")


def _as_bytes_were(value: str) -> str:
    """Header values may hold bytes that are no UTF-8, in surrogates, which cannot be written."""
    return value.encode("utf-8", "surrogateescape").decode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Answer"


def opening(name: str, at: datetime) -> bytes:
    """The record that a file begins with: who wrote it."""
    record = RecordBuilder().create_warcinfo_record(
        name, {"software": f"rotwatch/{__version__}", "format": "WARC File Format 1.0"}
    )
    record.rec_headers.replace_header("WARC-Date", _date(at))
    return _member(record)


def _date(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def for_append(path: Path) -> Iterator[FileIO]:
    """``path`` open at its end, for this process alone; made when it is missing. Nothing is repaired."""
    # unbuffered: what a full disk refused must not be tried again when the file is cut or closed
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0, os.SEEK_END)
        yield file


def append(file: FileIO, data: bytes) -> int:
    """Add ``data`` at the end and see it to the disk, or leave the file as it was. Returns where it begins.

    :raises OSError: the disk is full or broken.
    """
    start = file.seek(0, os.SEEK_END)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    except OSError:
        file.truncate(start)
        raise
    return start


def cut_torn_end(file: FileIO) -> int:
    """Cut off what a killed writer left behind the last whole record; returns how many bytes that were.

    Searches backwards from the end for the last record that begins, so it costs as much as that one is long.
    """
    size = file.seek(0, os.SEEK_END)
    for start in _members_backwards(file, size):
        end = _end_of_record(file, start)
        if end is not None:
            # a whole record; what follows it is torn off before its first block was done
            file.truncate(end)
            return size - end
    file.truncate(0)
    return size


def _members_backwards(file: FileIO, size: int) -> Iterator[int]:
    """Where a gzip member may begin, last first."""
    end = size
    while end > 0:
        begin = max(0, end - _BLOCK)
        file.seek(begin)
        block = file.read(end - begin + len(_MEMBER) - 1)
        at = block.rfind(_MEMBER, 0, end - begin + len(_MEMBER) - 1)
        while at >= 0:
            yield begin + at
            at = block.rfind(_MEMBER, 0, at + len(_MEMBER) - 1)
        end = begin


def _end_of_record(file: FileIO, start: int) -> int | None:
    """Where the record that begins at ``start`` ends; None when there is no whole one."""
    file.seek(start)
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    read, first = 0, b""
    try:
        while not inflate.eof:
            block = file.read(_BLOCK)
            if not block:
                return None
            read += len(block)
            said = inflate.decompress(block)
            first = first or said[:5]
            if first and first != b"WARC/"[: len(first)]:
                return None
    except zlib.error:
        return None
    return start + read - len(inflate.unused_data)


def member_at(path: Path, offset: int, length: int) -> bytes:
    """The record at ``offset`` as it stands in the file, compressed and known to be whole.

    :raises OSError: the file cannot be read.
    :raises ValueError: there is no such record.
    """
    with path.open("rb") as file:
        file.seek(offset)
        member = file.read(length)
    _unpacked(member, path.name, offset)
    return member


def record_of(member: bytes, name: str = "", offset: int = 0) -> Record:
    """What a record says. ``name`` and ``offset`` are for the error's sentence.

    :raises ValueError: it is no whole response or revisit record.
    """
    plain = _unpacked(member, name, offset)
    try:
        found: Any = next(iter(ArchiveIterator(io.BytesIO(plain))))
        if found.rec_type not in ("response", "revisit") or found.http_headers is None:
            raise ValueError(f"{name} has no answer of a server at {offset}.")
        head = found.rec_headers
        return Record(
            kind=found.rec_type,
            url=head.get_header("WARC-Target-URI"),
            at=datetime.strptime(head.get_header("WARC-Date"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
            http_status=int(found.http_headers.get_statuscode()),
            headers={field.lower(): value for field, value in found.http_headers.headers},
            body=found.content_stream().read(),
            payload_digest=head.get_header("WARC-Payload-Digest") or "",
        )
    except (ArchiveLoadFailed, StopIteration, TypeError) as error:
        raise ValueError(f"{name} has no whole record at {offset}.") from error


def _unpacked(member: bytes, name: str, offset: int) -> bytes:
    """Whole, by its checksum: read piece by piece, a damaged one may pass for a short one."""
    try:
        plain = gzip.decompress(member)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{name} has no whole record at {offset}.") from error
    if not plain.startswith(b"WARC/"):
        raise ValueError(f"{name} has no record at {offset}.")
    return plain
