"""Local copies as one WACZ file (Web Archive Collection Zipped 1.1.1), which ReplayWeb.page, pywb and others play.

archive/rotwatch.warc.gz    the records, byte for byte as they were kept
indexes/index.cdx.gz, .idx  where each is: sorted lines in gzip members, and the first line of each member
pages/pages.jsonl           what to begin with
datapackage.json            all of it with sha256
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from monitor import __version__
from monitor.archives import warc
from monitor.archives.local import LocalArchive, LocalArchiveError
from monitor.archives.surt import surt
from monitor.store.sql import chunks

WARC = "rotwatch.warc.gz"
INDEX = "index.cdx.gz"
LINES_A_BLOCK = 3000


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy to export. ``records``: file, offset and length of its page, redirects and pictures, the page first."""

    url: str
    at: datetime
    title: str
    records: tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class Exported:
    """What was written; ``problems`` names the records that could not be read."""

    pages: int = 0
    records: int = 0
    size: int = 0
    problems: list[str] = field(default_factory=list)


def write(
    target: Path, local: LocalArchive, copies: Iterable[Copy], *, now: datetime, advance: Callable[[], None]
) -> Exported:
    """Write ``target``; it takes the place of an older file only when it is whole.

    :param advance: called after each copy.
    :raises LocalArchiveError: ``target`` cannot be written.
    """
    unfinished = target.with_name(f"{target.name}.part")
    try:
        with ZipFile(unfinished, "w") as file:
            package = _Package(file, now)
            exported, index, pages = _records(package, local, copies, now, advance)
            _index(package, sorted(index))
            package.add("pages/pages.jsonl", _pages(pages), ZIP_DEFLATED)
            package.close()
        exported.size = unfinished.stat().st_size
        unfinished.replace(target)
    except OSError as error:
        raise LocalArchiveError(
            f"{target} cannot be written ({error.strerror}): choose another file or make room."
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return exported


class _Package:
    """The zip, and the list of what is in it."""

    def __init__(self, file: ZipFile, now: datetime) -> None:
        self._file, self._now = file, now
        self._resources: list[dict[str, Any]] = []

    def stream(self, path: str, blocks: Iterable[bytes], compression: int = ZIP_STORED) -> None:
        """Add a file of any size piece by piece."""
        digest, size = hashlib.sha256(), 0
        with self._file.open(self._info(path, compression), "w", force_zip64=True) as out:
            for block in blocks:
                out.write(block)
                digest.update(block)
                size += len(block)
        about = {"name": path.rpartition("/")[2], "path": path, "hash": f"sha256:{digest.hexdigest()}"}
        self._resources.append({**about, "bytes": size})

    def add(self, path: str, data: bytes, compression: int = ZIP_STORED) -> None:
        self.stream(path, [data], compression)

    def close(self) -> None:
        """Say what is in it, and the digest of that."""
        described = {
            "profile": "data-package",
            "resources": self._resources,
            "title": "Local copies",
            "created": f"{self._now:%Y-%m-%dT%H:%M:%SZ}",
            "wacz_version": "1.1.1",
            "software": f"rotwatch/{__version__}",
        }
        data = json.dumps(described, indent=2).encode()
        digest = {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        self.add("datapackage.json", data, ZIP_DEFLATED)
        self.add("datapackage-digest.json", json.dumps(digest, indent=2).encode(), ZIP_DEFLATED)

    def _info(self, path: str, compression: int) -> ZipInfo:
        now = self._now
        info = ZipInfo(path, (now.year, now.month, now.day, now.hour, now.minute, now.second))
        info.compress_type = compression
        info.external_attr = 0o644 << 16
        return info


def _records(
    package: _Package,
    local: LocalArchive,
    copies: Iterable[Copy],
    now: datetime,
    advance: Callable[[], None],
) -> tuple[Exported, list[str], list[Copy]]:
    """Write the WARC; returns what was written, the lines of the index and the copies whose page is there."""
    exported, index, pages = Exported(), list[str](), list[Copy]()

    def blocks() -> Iterator[bytes]:
        written: set[tuple[str, int]] = set()
        yield (opening := warc.opening(WARC, now))
        at = len(opening)
        for copy in copies:
            for number, (file, offset, length) in enumerate(copy.records):
                if (file, offset) not in written:
                    try:
                        member = local.member(file, offset, length)
                        index.append(_line(warc.record_of(member, file, offset), at, length))
                    except (LocalArchiveError, ValueError) as problem:
                        exported.problems.append(f"{copy.url}: {problem}")
                        continue
                    yield member
                    at += length
                    written.add((file, offset))
                if number == 0:
                    pages.append(copy)
            advance()
        exported.records, exported.pages = len(written), len(pages)

    package.stream(f"archive/{WARC}", blocks())
    return exported, index, pages


def _line(record: warc.Record, offset: int, length: int) -> str:
    """A record's line in the index (CDXJ)."""
    mime = record.headers.get("content-type", "").partition(";")[0].strip().lower() or "unk"
    about = {
        "url": record.url,
        "mime": "warc/revisit" if record.kind == "revisit" else mime,
        "status": str(record.http_status),
        "digest": record.payload_digest,
        "length": str(length),
        "offset": str(offset),
        "filename": WARC,
    }
    return f"{surt(record.url)} {record.at:%Y%m%d%H%M%S} {json.dumps(about)}\n"


def _index(package: _Package, lines: Sequence[str]) -> None:
    data = bytearray()
    entries = ["!meta 0 " + json.dumps({"format": "cdxj-gzip-1.0", "filename": INDEX}) + "\n"]
    for block in chunks(lines, LINES_A_BLOCK):
        packed = gzip.compress("".join(block).encode(), mtime=0)
        key, timestamp, _ = block[0].split(" ", 2)
        about = {
            "offset": len(data),
            "length": len(packed),
            "digest": f"sha256:{hashlib.sha256(packed).hexdigest()}",
            "filename": INDEX,
        }
        entries.append(f"{key} {timestamp} {json.dumps(about)}\n")
        data += packed
    package.add(f"indexes/{INDEX}", bytes(data))
    package.add("indexes/index.idx", "".join(entries).encode(), ZIP_DEFLATED)


def _pages(copies: Iterable[Copy]) -> bytes:
    lines: list[dict[str, Any]] = [{"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}]
    for number, copy in enumerate(copies, 1):
        about = {"id": str(number), "url": copy.url, "ts": f"{copy.at:%Y-%m-%dT%H:%M:%SZ}"}
        lines.append(about | ({"title": copy.title} if copy.title else {}))
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
