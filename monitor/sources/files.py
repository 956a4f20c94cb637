"""Which files a target names, and their bytes."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from monitor.sources.formats import is_list_name, is_signed

MAX_BYTES = 64 * 1024 * 1024
_SNIFFED = 4096
_URL = re.compile(r"https?://", re.IGNORECASE)
_MAGIC = re.compile(r"[*?\[]")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}/", re.IGNORECASE)  # an address without its scheme
_LEFT_OUT = "node_modules"


class SourceError(ValueError):
    """A source cannot be read; the message is one sentence that says what to do."""


def is_url(target: str) -> bool:
    """Whether a target is a web address rather than a file, folder or glob."""
    return bool(_URL.match(target.strip()))


def expand(target: str, *, base: Path) -> list[str]:
    """The lists that a target names, sorted: itself for a URL or file, the lists below it for a folder, the files
    that match for a glob (``posts/**/*.md``); ``base`` is what it is relative to.

    Hidden files and folders and ``node_modules`` are left out unless the target names them. Links to folders are
    followed, each folder once. Raises SourceError if there is nothing to read.
    """
    target = target.strip()
    if is_url(target):
        return [target]
    if not target or "\x00" in target:
        raise SourceError(
            f"{target!r} names no file: give a URL, a file, a folder or a glob such as posts/**/*.md"
        )
    path = Path(os.path.normpath(base / Path(target).expanduser()))
    try:
        if path.is_dir():
            return _folder(path, target)
        if path.exists():
            return [str(path)]
        if _MAGIC.search(target):
            return _glob(path, target)
    except OSError as error:
        raise _unreadable(str(error.filename or target), error) from error
    if _HOST.match(target):
        raise SourceError(f"{target} does not exist: for a page on the web write https://{target}")
    raise SourceError(f"{target} does not exist: check the spelling (paths are relative to {base})")


def read_bytes(path: str) -> bytes:
    """The bytes of a regular file of at most 64 MB. Raises SourceError for any other."""
    try:
        size = _regular_size(path)
        if size > MAX_BYTES:
            raise SourceError(
                f"{path} has {size // 1024 // 1024} MB, more than a list may have (64 MB): split it"
            )
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path!r} is not the name of a file: remove the NUL character from it") from error


def _regular_size(path: str) -> int:
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
        raise SourceError(f"{path} is {what}, not a file: name a file that holds links")
    return status.st_size


def _unreadable(path: str, error: OSError) -> SourceError:
    reason = (error.strerror or str(error)).lower()
    return SourceError(
        f"{path} cannot be read ({reason}): check that it exists and that this user may read it"
    )


def _folder(folder: Path, target: str) -> list[str]:
    lists = sorted(str(path) for path in _walk(folder) if _is_list(path))
    if not lists:
        raise SourceError(
            f"{target} holds no list: rotwatch reads Markdown, HTML, bookmarks, OPML, RSS, Atom, CSV and text files"
        )
    return lists


def _is_list(path: Path) -> bool:
    by_name = is_list_name(path.name)
    if by_name is not None:
        return by_name
    with path.open("rb") as file:
        return is_signed(file.read(_SNIFFED))


def _glob(pattern: Path, target: str) -> list[str]:
    parts = pattern.parts
    fixed = next(index for index, part in enumerate(parts) if _MAGIC.search(part))
    folder = Path(*parts[:fixed])
    patterns = parts[fixed:]
    depth = None if "**" in patterns else len(patterns)
    files = _walk(folder, depth=depth) if folder.is_dir() else iter(())
    found = sorted(str(path) for path in files if _matches(path.relative_to(folder).parts, patterns))
    if not found:
        raise SourceError(f"{target} matches no file: check the pattern (** stands for folders of any depth)")
    return found


def _matches(parts: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    """Whether a path fits a glob: ``**`` is any number of names, every other pattern is for one name."""
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_matches(parts[start:], patterns[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _matches(parts[1:], patterns[1:])


def _walk(folder: Path, *, depth: int | None = None) -> Iterator[Path]:
    """The regular files at most ``depth`` names below a folder; each folder once, however links lead to it."""
    seen: set[tuple[int, int]] = set()
    waiting = [(folder, 1)]
    while waiting:
        current, level = waiting.pop()
        status = current.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in sorted(os.scandir(current), key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name == _LEFT_OUT:
                continue
            if entry.is_dir():
                if depth is None or level < depth:
                    waiting.append((Path(entry.path), level + 1))
            elif entry.is_file():
                yield Path(entry.path)
