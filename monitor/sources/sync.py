"""From lists to the store: reads each list, understands its URLs, and makes the references what the list says."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from monitor.member import host_name
from monitor.model import Page, Reference
from monitor.platforms import identify
from monitor.sources import SourceError, expand, is_url, looks_like_list, read, read_bytes, scrolls
from monitor.store import Store, links, workers
from monitor.store.links import BY_HAND, Mention
from monitor.urls import NotALink, told

if TYPE_CHECKING:
    from sqlalchemy import Row

    from monitor.config import Source

log = logging.getLogger(__name__)

LIST_SUFFIXES = (".md", ".markdown", ".txt", ".csv", ".opml", ".xml", ".rss", ".atom", ".rdf", ".json")
LIST_NAMES = ("feed", "rss", "atom", "atom.xml", "index.xml", "feed.xml", "rss.xml", "bookmarks.html")
SHOWN = 200  # characters of a URL that could not be understood


class SourceUnreachableError(SourceError):
    """A list on the network cannot be had now."""


class ListFetcher(Protocol):
    """What is needed of a :class:`~monitor.fetch.Fetcher` here."""

    async def fetch(self, url: str) -> Page: ...


@dataclass(slots=True)
class Summary:
    """What reading some lists brought. ``empty``: the targets that mention no link."""

    references: int = 0
    links_added: int = 0
    links_known: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A list that was read. ``complete``: what it does not mention any more was withdrawn."""

    references: Sequence[Reference]
    digest: str
    complete: bool


def may_be_list(url: str) -> bool:
    """Whether a URL names a list by its looks; what it holds decides once it is fetched."""
    last = urlsplit(url).path.lower().rstrip("/").rpartition("/")[2]
    return last.endswith(LIST_SUFFIXES) or last in LIST_NAMES


def understand(references: Sequence[Reference]) -> tuple[list[Mention], list[dict[str, str]]]:
    """The references whose URL can be watched, and why the others cannot."""
    mentions, skipped = [], []
    for reference in references:
        try:
            mentions.append(Mention(identify(reference.url), reference.title, reference.line))
        except NotALink as why:
            skipped.append({"url": reference.url[:SHOWN], "why": str(why)})
    return mentions, skipped


async def load(source: str, fetcher: ListFetcher) -> Loaded:
    """Read one list.

    :raises SourceError: it cannot be read.
    """
    if is_url(source):
        data, content_type = await _download(source, fetcher)
    else:
        data, content_type = await asyncio.to_thread(read_bytes, source), None
    references = await asyncio.to_thread(read, source, data, content_type=content_type)
    return Loaded(references, hashlib.sha256(data).hexdigest(), not scrolls(data, content_type))


async def _download(url: str, fetcher: ListFetcher) -> tuple[bytes, str | None]:
    page = await fetcher.fetch(url)
    content_type = page.headers.get("content-type")
    if page.failure or page.http_status != 200:
        why = page.failure.detail if page.failure else f"HTTP {page.http_status}"
        raise SourceUnreachableError(
            f"The list {told(url)} cannot be read ({why}): try again later or give a file."
        )
    if not page.complete:
        raise SourceError(f"The list {told(url)} is too large: raise [network] max_body_mb or give a file.")
    if not looks_like_list(page.body, content_type):
        raise SourceError(
            f"{told(url)} is a page, not a list: name a feed, an OPML, bookmark, Markdown or text file."
        )
    return page.body, content_type


async def lists_of(target: str, *, base: Path, fetcher: ListFetcher) -> AsyncIterator[tuple[str, Loaded]]:
    """What a target of the command line names, list by list; a URL that is no list mentions itself.

    :raises SourceError: the target, or a list below it, cannot be read.
    """
    if is_url(target) and not may_be_list(target):
        yield BY_HAND, Loaded([Reference(target, "", BY_HAND, 0)], "", complete=False)
        return
    for source in await asyncio.to_thread(expand, target, base=base):
        yield source, await load(source, fetcher)


async def add(
    store: Store, targets: Sequence[str], *, base: Path, now: datetime, fetcher: ListFetcher
) -> Summary:
    """Watch what ``targets`` name: single URLs, files, folders, globs, feeds.

    :raises SourceError: a target cannot be read; what was read before it is stored.
    """
    summary = Summary()
    for target in targets:
        mentioned = 0
        async for source, loaded in lists_of(target, base=base, fetcher=fetcher):
            mentioned += len(loaded.references)
            await _store(store, source, loaded, summary, now=now, machine=host_name())
        if not mentioned:
            summary.empty.append(target)
    async with store.write() as db:
        await links.unwatch_unmentioned(db)
    return summary


async def _store(
    store: Store,
    source: str,
    loaded: Loaded,
    summary: Summary,
    *,
    now: datetime,
    machine: str,
    archive: bool | None = None,
) -> None:
    mentions, skipped = await asyncio.to_thread(understand, loaded.references)
    async with store.write() as db:
        synced = await links.sync_source(
            db,
            source,
            mentions,
            now=now,
            digest=loaded.digest,
            archive=archive,
            complete=loaded.complete,
            machine=machine,
        )
    summary.references += len(mentions)
    summary.links_added += synced.added
    summary.links_known += synced.known
    summary.skipped += skipped


class Syncer:
    """Keeps the store in step with the lists of the configuration and those added by hand.

    :param machine: the name of this one, where it is not the host's.
    """

    def __init__(self, store: Store, fetcher: ListFetcher, machine: str | None = None) -> None:
        self._store, self._fetcher = store, fetcher
        self._machine = machine or host_name()
        self._stamps: dict[
            str, tuple[int, int]
        ] = {}  # size and time of files that were read, to spare reading

    async def sync(
        self, configured: Sequence[Source], *, base: Path, now: datetime, feed_every: timedelta, online: bool
    ) -> Summary:
        """Read every list that changed; a list that cannot be read is noted and keeps what it had.

        :param feed_every: how long a list on the network is left alone.
        :param online: whether our own network is up; else lists on it are left alone.
        """
        async with self._store.read() as db:
            known = {row.path: row for row in await links.sources(db)}
        paths, problems = await asyncio.to_thread(_configured, configured, base)
        for problem in problems:
            log.warning("%s", problem, extra={"action": "sync"})
        summary = Summary()
        elsewhere = await self._elsewhere(known, now) - paths.keys()
        known = {path: row for path, row in known.items() if path not in elsewhere}
        if not problems:  # a folder that is away may come back
            ours = (path for path, row in known.items() if row.machine in (None, self._machine))
            withdrawn = {path for path in ours if known[path].configured} - paths.keys()
            await self._withdraw(withdrawn)
            known = {path: row for path, row in known.items() if path not in withdrawn}
        others = {path: None for path in known if path != BY_HAND}
        for path, archive in (others | paths).items():
            row = known.get(path)
            rested = row is None or row.synced_at is None or now - row.synced_at >= feed_every
            if not is_url(path) or (online and rested):
                await self._sync_one(path, row, summary, archive=archive, now=now)
        async with self._store.write() as db:
            await links.unwatch_unmentioned(db)
        return summary

    async def _elsewhere(self, known: Mapping[str, Row[Any]], now: datetime) -> set[str]:
        """The files of other machines that share the database. One that runs no more leaves its files to us, if
        they are here; a file that is not here may well be there."""
        async with self._store.read() as db:
            running = await workers.machines(db, now)
        foreign = {
            path: row.machine
            for path, row in known.items()
            if row.machine not in (None, self._machine) and not is_url(path)
        }
        return {path for path, name in foreign.items() if name in running or not Path(path).exists()}

    async def _withdraw(self, paths: Collection[str]) -> None:
        async with self._store.write() as db:
            for path in paths:
                log.info("%s is not configured any more", told(path), extra={"action": "sync"})
                await links.drop_source(db, path)

    async def _sync_one(
        self, path: str, row: Row[Any] | None, summary: Summary, *, archive: bool | None, now: datetime
    ) -> None:
        as_before = row is not None and row.problem is None and archive in (None, row.archive)
        stamp = None if is_url(path) else await asyncio.to_thread(_stamp, path)
        if as_before and stamp and self._stamps.get(path) == stamp:
            return
        try:
            loaded = await load(path, self._fetcher)
        except SourceError as problem:
            await self._cannot_read(path, str(problem), now)
            return
        if not loaded.references and await self._had_references(
            path
        ):  # most likely caught while being written
            await self._cannot_read(
                path, f"{told(path)} has no links any more: those it had stay watched.", now
            )
        elif row is not None and row.digest == loaded.digest and archive in (None, row.archive):
            async with self._store.write() as db:
                await links.mark_source(db, path, now, problem=None, machine=self._machine)
        else:
            before = len(summary.skipped)
            await _store(self._store, path, loaded, summary, now=now, archive=archive, machine=self._machine)
            skipped = len(summary.skipped) - before
            hint = f"; {skipped} cannot be watched: rotwatch extract tells why" if skipped else ""
            log.info(
                "read %s: %d references%s", told(path), len(loaded.references), hint, extra={"action": "sync"}
            )
        if stamp:
            self._stamps[path] = stamp

    async def _cannot_read(self, path: str, problem: str, now: datetime) -> None:
        """A file deleted from a folder that is there is really gone; a folder that is away may come back."""
        missing = not is_url(path) and not Path(path).exists()
        gone = missing and Path(path).parent.is_dir()
        said = f"{path} is gone: links that only it mentioned are watched no more." if gone else problem
        log.warning("%s", said, extra={"action": "sync"})
        async with self._store.write() as db:
            if gone:
                await links.drop_source(db, path)
            else:
                await links.mark_source(
                    db, path, now, problem=problem, missing=missing, machine=self._machine
                )

    async def _had_references(self, path: str) -> bool:
        async with self._store.read() as db:
            return await links.mentions_any(db, path)


def _configured(sources: Sequence[Source], base: Path) -> tuple[dict[str, bool], list[str]]:
    paths: dict[str, bool] = {}
    problems = []
    for source in sources:
        try:
            for path in expand(source.path, base=base):
                paths[path] = paths.get(path, True) and source.archive
        except SourceError as problem:
            problems.append(str(problem))
    return paths, problems


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None  # reading it will say why
    return found.st_size, found.st_mtime_ns
