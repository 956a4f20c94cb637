"""The JSON of docs/json.md over HTTP, and whether we are well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime

from aiohttp import web

from monitor.dump import STATUSES, as_json, status_text, whole_link
from monitor.durations import duration
from monitor.platforms import PLATFORMS, identify
from monitor.report.why import why
from monitor.store import overview, tally
from monitor.store.overview import Filter, Whole
from monitor.urls import NotALink
from monitor.web.door import Refusal, only
from monitor.web.window import WINDOW

STREAM_S = 120  # a slower reader is cut off: it holds a view of the database
PART = 1 << 16  # bytes sent at a time
FLAGS = {"": True, "1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


async def status(request: web.Request) -> web.StreamResponse:
    """``status --json``, streamed; the filters of the command as parameters."""
    window = request.app[WINDOW]
    now = window.now()
    chosen = filters(request, now)
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    try:
        # a reader who is cut off interrupts the database too: only a transaction that is left by the exception is
        # rolled back
        async with window.long_read() as db:
            numbers = await tally.count(db)
            await response.prepare(request)
            links = overview.stream(db, chosen)
            async with aclosing(links), aclosing(status_text(numbers, links, now)) as text:
                await _send(response, text)
    except (ConnectionError, TimeoutError):  # the reader has gone, or is as good as gone
        _cut_off(request)
    except BaseException:
        if response.prepared:
            _cut_off(request)
        raise
    return response


async def _send(response: web.StreamResponse, text: AsyncIterator[str]) -> None:
    part = bytearray()
    async with asyncio.timeout(STREAM_S):
        async for piece in text:
            part += piece.encode()
            if len(part) >= PART:
                await response.write(bytes(part))
                part.clear()
        await response.write_eof(bytes(part))


def _cut_off(request: web.Request) -> None:
    """Break the connection: an answer without its end must not look whole."""
    if request.transport is not None:
        request.transport.abort()


def filters(request: web.Request, now: datetime) -> Filter:
    """The query as a filter: ``status`` (repeated, or with commas), ``platform``, ``at_risk``, ``since=7d``.

    :raises Refusal: a parameter or a value that means nothing.
    """
    only(request, ("status", "platform", "at_risk", "since"))
    query = request.query
    statuses = frozenset(word.strip() for given in query.getall("status", []) for word in given.split(","))
    platform, at_risk, since = query.get("platform"), query.get("at_risk", "0"), query.get("since")
    platforms = [known.NAME for known in PLATFORMS]
    if not statuses <= set(STATUSES):
        raise Refusal(400, f"status must be one of {', '.join(STATUSES)}.")
    if platform is not None and platform not in platforms:
        raise Refusal(400, f"platform must be one of {', '.join(platforms)}.")
    if at_risk.lower() not in FLAGS:
        raise Refusal(400, "at_risk must be 1 or 0.")
    try:
        length = duration(since) if since is not None else None
    except ValueError as problem:
        raise Refusal(400, f"since: {problem}") from None
    return Filter(
        statuses=statuses,
        platform=platform,
        at_risk=FLAGS[at_risk.lower()],
        since=now - length if length else None,
    )


async def link(request: web.Request) -> web.Response:
    """``show --json``."""
    found = await find(request)
    report = request.app[WINDOW].settings.report
    answer = whole_link(
        found, why(found.row, language=report.language, zone=report.zone, died_of=found.died_of)
    )
    text = as_json(answer, indent=2)
    return web.Response(text=f"{text}\n", content_type="application/json", charset="utf-8")


async def find(request: web.Request) -> Whole:
    """The link that ``?url=`` means, however it is written.

    :raises Refusal: it is no link, or not watched.
    """
    only(request, ("url",))
    url = request.query.get("url", "")
    if not url.strip():
        raise Refusal(400, "Say which link: ?url=https://…, percent-encoded.")
    try:
        canonical = identify(url).url
    except NotALink as problem:
        raise Refusal(400, str(problem)) from None
    async with request.app[WINDOW].read() as db:
        found = await overview.whole(db, canonical)
    if found is None:
        raise Refusal(404, f"{canonical} is not watched: add it first (rotwatch add URL).")
    return found


async def health(request: web.Request) -> web.Response:
    """200 while the database answers, else 503."""
    if await request.app[WINDOW].answers():
        return web.Response(text="ok\n")
    raise Refusal(503, "The database does not answer: the log of rotwatch says why.")
