from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as Xml
from zoneinfo import ZoneInfo

import pytest

from monitor.report.language import Language
from monitor.store.report import Copy
from monitor.store.web import News
from monitor.web.feed import atom

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ATOM = "{http://www.w3.org/2005/Atom}"


def changed(**values: Any) -> News:
    made: dict[str, Any] = {
        "url": "https://e.org/1",
        "title": "A post",
        "at": NOW - timedelta(hours=1),
        "reason": "deleted_by_author",
        "evidence": "该内容已被发布者删除",
        "copy": None,
        "old": "suspect",
        "new": "dead",
    }
    return News(**(made | values))


def feed(*entries: News, language: Language = "en", name: str = "here") -> Any:
    zone = ZoneInfo("Asia/Shanghai")
    home = "http://127.0.0.1:8765"
    return Xml.fromstring(atom(entries, language=language, zone=zone, name=name, home=home, now=NOW))


def text(parent: Any, name: str) -> str:
    found = parent.find(f"{ATOM}{name}")
    assert found is not None, name
    return str(found.text)


@pytest.mark.parametrize("entries", [(), (changed(),)])
def test_it_has_everything_that_rfc_4287_demands(entries: tuple[News, ...]) -> None:
    root = feed(*entries)
    assert root.tag == f"{ATOM}feed"
    for element in (root, *root.iter(f"{ATOM}entry")):
        assert text(element, "id").startswith("urn:uuid:")
        assert text(element, "title")
        assert datetime.fromisoformat(text(element, "updated")).tzinfo is not None
    assert text(root.find(f"{ATOM}author"), "name") == "rotwatch"
    assert [one.get("href") for one in root.iter(f"{ATOM}link") if one.get("rel") == "self"] == [
        "http://127.0.0.1:8765/feed.xml"
    ]


def test_an_entry_says_what_changed_how_that_is_known_and_whether_there_is_a_copy() -> None:
    copy = Copy("https://web.archive.org/web/2026/https://e.org/1", "wayback", NOW)
    entry = feed(changed(copy=copy)).find(f"{ATOM}entry")
    assert text(entry, "title") == "dead: A post"
    assert text(entry, "summary") == (
        "suspect → dead: deleted by its author · Seen: “该内容已被发布者删除” · "
        "Saved copy: Wayback Machine, 23 Nov 2026"
    )
    assert {one.get("rel"): one.get("href") for one in entry.iter(f"{ATOM}link")} == {
        "alternate": "https://e.org/1",
        "related": copy.url,
    }
    assert "无备份" in text(feed(changed(), language="zh").find(f"{ATOM}entry"), "summary")


def test_the_same_change_keeps_its_id_and_another_has_another() -> None:
    changes = [
        changed(),
        changed(title="Renamed", evidence="", copy=Copy("https://x.org", "wayback", NOW)),
        changed(at=NOW),
        changed(url="https://e.org/2"),
        changed(new="alive"),
    ]
    ids = [text(feed(one).find(f"{ATOM}entry"), "id") for one in changes]
    assert ids[0] == ids[1]
    assert len(set(ids[1:])) == 4


def test_two_installations_have_two_feeds() -> None:
    assert text(feed(name="here"), "id") != text(feed(name="there"), "id")


def test_what_xml_forbids_and_what_markup_means_stays_text() -> None:
    nasty = "a\x00b\x08c\ufffe\uffff\u202e<script>]]>&amp;"
    entry = feed(changed(title=nasty, evidence=nasty)).find(f"{ATOM}entry")
    assert text(entry, "title") == "dead: abc<script>]]>&amp;"
    assert "abc<script>" in text(entry, "summary")


def test_an_address_that_must_not_be_opened_is_no_link() -> None:
    entry = feed(changed(url="javascript:alert(1)", copy=Copy("warc:file.gz#0", "local", NOW))).find(
        f"{ATOM}entry"
    )
    assert not list(entry.iter(f"{ATOM}link"))
