"""What the acted archive.org knows, over HTTP: look-up, availability, CDX, time map and playback."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import parse_qsl, unquote, urljoin

from monitor.demo.archive_cdx import search
from monitor.demo.archive_org import Archive
from monitor.demo.archive_records import Capture
from monitor.demo.reply import HTML, Reply, json_reply, page, redirect
from monitor.demo.wire import Asked

_PLAYBACK = re.compile(r"web/(\d{1,14})([a-z]{2}_)?/(.+)")
_TIMEMAP = "web/timemap/link/"
_EXCLUDED = "org.archive.wayback.exception.AdministrativeAccessControlException"
_TEXT = ("Content-Type", "text/plain")


def target_of(asked: Asked, prefix: str) -> str:
    """The address that stands in a path after ``prefix``: clients and proxies may have taken one of its slashes."""
    return _clean(asked.visit.url.split("/", 3)[3].removeprefix(prefix))


def _clean(url: str) -> str:
    if "://" not in url and "%3A" in url[:12].upper():
        url = unquote(url)
    return re.sub(r"^(https?):/+", r"\1://", url)


class ArchiveViews:
    """Answers questions about the captures of ``archive``."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._cdx_looks: list[datetime] = []

    def cdx(self, asked: Asked, query: str) -> Reply:
        """Rows as JSON or text; 429 past the limit, 403 for an excluded site."""
        if self._is_cdx_full(asked.visit.now):
            return Reply(status=429, headers=(_TEXT,), parts=(b"Too Many Requests",))
        parameters = parse_qsl(query, keep_blank_values=True)
        named = dict(parameters)
        url = named.get("url", "")
        if self._archive.is_excluded(url):
            return Reply(status=403, headers=(_TEXT,), parts=(f"{_EXCLUDED}: Blocked Site Error".encode(),))
        try:
            is_one = url and named.get("matchType", "exact") == "exact"
            rows = search(self._archive.indexed(url if is_one else None), parameters)
        except (ValueError, re.error) as error:
            return Reply(status=400, headers=(_TEXT,), parts=(str(error).encode(),))
        if named.get("output") == "json":
            return json_reply(json.dumps(rows))
        lines = "".join(" ".join(row) + "\n" for row in rows[1:])
        return Reply(headers=(_TEXT,), parts=(lines.encode(),))

    def _is_cdx_full(self, now: datetime) -> bool:
        self._cdx_looks = [at for at in self._cdx_looks if now - at < timedelta(minutes=1)]
        self._cdx_looks.append(now)
        return self._archive.enforces and len(self._cdx_looks) > self._archive.limits.cdx_per_minute

    def available(self, query: str) -> Reply:
        """The availability API."""
        asked = dict(parse_qsl(query))
        url = asked.get("url", "")
        found = [] if self._archive.is_excluded(url) else self._archive.indexed(url)
        snapshots: dict[str, object] = {}
        if found:
            closest = _closest(found, asked.get("timestamp", ""))
            snapshots["closest"] = {
                "status": str(closest.status or 200),
                "available": True,
                "url": f"http://web.archive.org/web/{closest.timestamp}/{closest.url}",
                "timestamp": closest.timestamp,
            }
        return json_reply(json.dumps({"url": url, "archived_snapshots": snapshots}))

    def lookup(self, asked: Asked) -> Reply:
        """``/web/<url>``: a redirect to the newest capture, or to the one nearest to ``Accept-Datetime``."""
        url = target_of(asked, "web/")
        if self._archive.is_excluded(url):
            return _excluded()
        found = self._archive.indexed(url)
        if not found:
            return _not_archived()
        wanted = asked.visit.headers.get("accept-datetime", "")
        capture = _closest(
            found, f"{parsedate_to_datetime(wanted).astimezone(UTC):%Y%m%d%H%M%S}" if wanted else ""
        )
        timemap = f'<{asked.origin}/{_TIMEMAP}{capture.url}>; rel="timemap"; type="application/link-format"'
        moved = redirect(_memento(asked, capture))
        more = (("Link", f'<{capture.url}>; rel="original", {timemap}'), ("Vary", "accept-datetime"))
        return Reply(status=302, headers=(*moved.headers, *more), zipped=False)

    def playback(self, asked: Asked) -> Reply:
        """``/web/<timestamp><modifier>/<url>``: the capture, or the way to another one; or the time map."""
        path = asked.visit.url.split("/", 3)[3]
        if path.startswith(_TIMEMAP):
            return self._timemap(asked)
        match = _PLAYBACK.fullmatch(path)
        if match is None:
            return _not_archived()
        timestamp, modifier, url = match[1], match[2] or "", _clean(match[3])
        if self._archive.is_excluded(url):
            return _excluded()
        capture = self._archive.playable(url, timestamp)
        if capture:
            return _replay(asked, capture, modifier)
        found = [one for one in self._archive.indexed(url) if self._archive.playable(url, one.timestamp)]
        return redirect(_memento(asked, _closest(found, timestamp), modifier)) if found else _not_archived()

    def _timemap(self, asked: Asked) -> Reply:
        url = target_of(asked, _TIMEMAP)
        lines = [f'<{url}>; rel="original"', *(_link(asked, one) for one in self._archive.indexed(url))]
        return Reply(
            headers=(("Content-Type", "application/link-format"),), parts=(",\n".join(lines).encode(),)
        )


def _replay(asked: Asked, capture: Capture, modifier: str) -> Reply:
    archived = capture.reply
    headers = [(f"X-Archive-Orig-{name.lower()}", value) for name, value in archived.headers]
    headers += [
        ("Content-Type", archived.content_type or "text/html"),
        ("Memento-Datetime", format_datetime(capture.at, usegmt=True)),
        ("Link", f'<{capture.url}>; rel="original", {_link(asked, capture)}'),
    ]
    if archived.location:
        target = urljoin(capture.url, archived.location)
        headers.append(("Location", f"{asked.origin}/web/{capture.timestamp}{modifier}/{target}"))
    is_raw = modifier in {"id_", "im_"}
    parts = archived.parts if is_raw else (b"<!-- BEGIN WAYBACK TOOLBAR INSERT -->\n", *archived.parts)
    return Reply(status=archived.status, headers=tuple(headers), parts=parts)


def _memento(asked: Asked, capture: Capture, modifier: str = "") -> str:
    return f"{asked.origin}/web/{capture.timestamp}{modifier}/{capture.url}"


def _link(asked: Asked, capture: Capture) -> str:
    return (
        f'<{_memento(asked, capture)}>; rel="memento"; datetime="{format_datetime(capture.at, usegmt=True)}"'
    )


def _closest(found: list[Capture], timestamp: str) -> Capture:
    if not timestamp:
        return max(found, key=lambda one: one.at)
    wanted = _moment(timestamp)
    return min(found, key=lambda one: abs(one.at - wanted))


def _moment(timestamp: str) -> datetime:
    """A timestamp of 4 to 14 digits; what is missing is the beginning of the year, month or day."""
    whole = (
        timestamp[:4].rjust(4, "0") + timestamp[4:14] + "00000101000000"[len(timestamp[:14].rjust(4, "0")) :]
    )
    try:
        return datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:  # archive.org takes any digits, and shows the newest
        return datetime(9999, 1, 1, tzinfo=UTC)


def _not_archived() -> Reply:
    return page(
        "<html><head><title>Wayback Machine</title></head><body><p>Not archived.</p></body></html>",
        status=404,
    )


def _excluded() -> Reply:
    html = (
        "<html><head><title>Wayback Machine</title></head><body>"
        "<p>This URL has been excluded from the Wayback Machine.</p></body></html>"
    )
    why = ("X-Archive-Wayback-Runtime-Error", f"AdministrativeAccessControlException: {_EXCLUDED}")
    return page(html, status=403, headers=(HTML, why))
