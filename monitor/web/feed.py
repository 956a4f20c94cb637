"""The newest changes of status as an Atom feed (RFC 4287)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as Xml
from zoneinfo import ZoneInfo

from aiohttp import web

from monitor.dump import zulu
from monitor.report.clean import clean, href
from monitor.report.language import Language
from monitor.store.web import News, news
from monitor.web.sentences import Sentences
from monitor.web.window import WINDOW

NEWEST = 100
NO_XML = {0xFFFE: None, 0xFFFF: None}  # the two that `clean` leaves and XML 1.0 forbids


async def route(request: web.Request) -> web.Response:
    window = request.app[WINDOW]
    async with window.read() as db:
        entries = await news(db, NEWEST)
    report = window.settings.report
    body = atom(
        entries,
        language=report.language,
        zone=report.zone,
        name=f"rotwatch {socket.gethostname()} {window.database}",
        home=str(request.url.origin()),
        now=window.now(),
    )
    return web.Response(body=body, content_type="application/atom+xml", charset="utf-8")


def atom(
    entries: Sequence[News], *, language: Language, zone: ZoneInfo, name: str, home: str, now: datetime
) -> bytes:
    """The feed.

    :param entries: newest first.
    :param name: of this installation; its feed is known by it.
    :param home: the address we were asked at, without a path.
    :param now: the feed's time while there is no entry.
    """
    sentences = Sentences(language, zone)
    feed = Xml.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": sentences.tag})
    _text(feed, "id", uuid5(NAMESPACE_URL, name).urn)
    _text(feed, "title", sentences.say("feed_title"))
    _text(feed, "updated", zulu(entries[0].at if entries else now))
    Xml.SubElement(feed, "link", rel="self", type="application/atom+xml", href=f"{home}/feed.xml")
    Xml.SubElement(feed, "link", rel="alternate", type="text/html", href=f"{home}/")
    _text(Xml.SubElement(feed, "author"), "name", "rotwatch")
    for entry in entries:
        _entry(feed, entry, sentences)
    document: bytes = Xml.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _entry(feed: Xml.Element, news: News, sentences: Sentences) -> None:
    entry = Xml.SubElement(feed, "entry")
    # the same in every copy of the database, whatever its row numbers
    _text(entry, "id", uuid5(NAMESPACE_URL, f"{news.url} {news.at.isoformat()} {news.old} {news.new}").urn)
    title = clean(news.title, 120) or clean(news.url, 90)
    _text(entry, "title", sentences.say("feed_entry", status=sentences.status(news.new), title=title))
    _text(entry, "updated", zulu(news.at))
    if address := href(news.url):
        Xml.SubElement(entry, "link", rel="alternate", href=address)
    copy = sentences.copy(news.copy)
    if copy and copy.href:
        Xml.SubElement(entry, "link", rel="related", title=copy.text, href=copy.href)
    change = sentences.say(
        "flip",
        old=sentences.status(news.old),
        new=sentences.status(news.new),
        reason=sentences.reason(news.reason),
    )
    parts = (change, sentences.evidence(news.evidence), copy.text if copy else sentences.say("no_copy"))
    _text(entry, "summary", " · ".join(part for part in parts if part))


def _text(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = text.translate(NO_XML)
