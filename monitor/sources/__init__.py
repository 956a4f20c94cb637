"""Reading lists into references: which files a target names, and which links a file mentions.

A format is one module and one line in :mod:`monitor.sources.formats`. Nothing here touches the database or the network.
"""

from __future__ import annotations

from monitor.model import Reference
from monitor.sources.decode import decode
from monitor.sources.files import SourceError, expand, is_url, read_bytes
from monitor.sources.formats import looks_like_list, reader_for, scrolls
from monitor.urls import without_personal

__all__ = ["SourceError", "expand", "is_url", "looks_like_list", "read", "read_bytes", "read_file", "scrolls"]


def read(path: str, data: bytes, *, content_type: str | None = None) -> list[Reference]:
    """The references in a list, in order of appearance; the same address twice is two references.

    ``path`` (a file or URL) and ``content_type`` help to tell the format; the content decides where it can. URLs are
    as written, with the escapes of the format undone, and begin with ``http://`` or ``https://``; titles are at most
    500 characters on one line, without the personal parameters of addresses in them, and empty where the list has none.
    Pure; never raises, whatever the bytes.
    """
    content = decode(data, content_type)
    mentions = reader_for(path, content, content_type)(content)
    return [Reference(one.url, without_personal(one.title), path, one.line) for one in mentions]


def read_file(path: str) -> list[Reference]:
    """The references in a file. Raises SourceError if it is missing, unreadable, no regular file or over 64 MB."""
    return read(path, read_bytes(path))
