from __future__ import annotations

import csv
import io
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import html5lib
import pytest

from monitor.model import Status
from monitor.report.gather import Report
from monitor.report.language import Language
from monitor.report.render import CLIPPED_FROM, PICTURE_ID, SHOWN, Rendered, render
from monitor.store.report import (
    Change,
    Copy,
    Danger,
    Day,
    Entry,
    Place,
    Refusal,
    SourceProblem,
    Trouble,
    Week,
)
from monitor.store.tally import Tally

ZONE = ZoneInfo("Asia/Shanghai")
END = datetime(2026, 11, 23, tzinfo=UTC)
COPY = Copy("https://web.archive.org/web/20261103000000/https://e.org/1", "wayback", END - timedelta(days=20))
HOSTILE = "\u202e<script>alert('x')</script>\r\nBcc: victim@example.org\x00\x1b[2J&amp;\"'" + "长" * 10_000


def change(number: int = 1, new: Status = Status.DEAD, *, copy: Copy | None = None, **other: str) -> Change:
    values = {
        "url": f"https://mp.weixin.qq.com/s/{number}",
        "title": f"第 {number} 篇",
        "reason": "deleted_by_author",
        "evidence": "该内容已被发布者删除",
        **other,
    }
    return Change(
        old=Status.DEAD if new is Status.ALIVE else Status.ALIVE,
        new=new,
        at=END - timedelta(days=1),
        references=(Place("posts/ml.md", 12),),
        copy=copy,
        **values,
    )


QUIET = Report(
    start=END - timedelta(days=7),
    end=END,
    due=None,
    watching_since=END - timedelta(days=100),
    now=Tally(links=81, alive=73, dead=8, safe=61, exposed=12, rescued=5, lost=3, at_risk=4),
    before=Tally(links=81, alive=75, dead=6, safe=61, exposed=14, rescued=4, lost=2, at_risk=4),
    died=(),
    came_back=(),
    newly_blind=(),
    in_danger=(),
    endangered=0,
    copied=(),
    copies=0,
    refused=(),
    sources=(),
    troubles=(),
    undelivered=(),
    wayback="keys",
)


_MONDAYS = [END - timedelta(weeks=ago) for ago in range(26, -1, -1)]
HISTORY: dict[str, Any] = {
    "days": tuple(
        Day(at.date(), 25_000 - 20 * week, 15 * week, 5 * week) for week, at in enumerate(_MONDAYS)
    ),
    "weeks": tuple(Week(at, at + timedelta(weeks=1), 15, 5) for at in _MONDAYS[:-1]),
}


class Structure:
    """The page as a strict HTML 5 parser reads it: any error of syntax or nesting is raised."""

    def __init__(self, page: str) -> None:
        tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
        self.seen = [element.tag for element in tree.iter()]
        self.links = [element.get("href", "") for element in tree.iter("a")]
        self.images = [dict(element.attrib) for element in tree.iter("img")]


def both(report: Report, language: Language = "en") -> Rendered:
    rendered = render(report, language, ZONE)
    Structure(rendered.html)
    return rendered


def test_it_opens_with_the_four_numbers_and_their_change() -> None:
    text = both(QUIET).text
    lines = [line.split() for line in text.splitlines()[3:7]]
    assert [(line[0], line[1], line[-1]) for line in lines] == [
        ("61", "safe", "±0"),
        ("12", "exposed", "−2"),
        ("5", "rescued", "+1"),
        ("3", "lost", "+1"),
    ]


def test_a_first_report_claims_no_change() -> None:
    rendered = both(replace(QUIET, before=None))
    assert "±" not in rendered.text + rendered.html
    assert "+" not in rendered.text


def test_a_quiet_week_is_a_short_mail() -> None:
    dangers = tuple(danger(number) for number in range(10))
    rendered = both(replace(QUIET, in_danger=dangers, endangered=40))
    assert rendered.subject == "rotwatch: a quiet week (61 safe, 12 exposed, 5 rescued, 3 lost)"
    assert "A quiet week: nothing died and nothing came back." in rendered.text
    assert rendered.text.count("likely to die") == 3
    assert "and 37 more: rotwatch status --at-risk" in rendered.text
    assert len(rendered.text.splitlines()) < 40
    assert rendered.attachment is None


def danger(number: int, **other: object) -> Danger:
    values: dict[str, object] = {
        "url": f"https://e.org/{number}",
        "title": f"Post {number}",
        "references": (),
        "copy": None,
        "status": Status.ALIVE,
        "since": END,
        "reason": None,
        "chance_90d": 0.31,
        "risk_reasons": ({"code": "account", "factor": 8, "dead": 4, "of": 11, "expected": 0.3},),
        **other,
    }
    return Danger(**values)  # type: ignore[arg-type]


def test_a_death_says_why_how_it_is_known_where_it_stands_and_where_the_copy_is() -> None:
    rendered = both(replace(QUIET, died=(change(copy=COPY),)))
    assert rendered.subject == "rotwatch: “第 1 篇” died"
    for part in (
        "Deleted by its author, found 22 Nov 2026.",
        "Seen: “该内容已被发布者删除”",
        "In posts/ml.md:12",
        "Saved copy: Wayback Machine, 3 Nov 2026",
    ):
        assert part in rendered.text
        assert part in rendered.html
    assert COPY.url in Structure(rendered.html).links


def test_a_lost_one_says_so_and_where_to_look_for_it() -> None:
    rendered = both(replace(QUIET, died=(change(), change(2, copy=COPY))))
    assert rendered.subject == "rotwatch: 2 died: “第 1 篇” …, 1 lost without a copy"
    assert rendered.text.count("Lost: no copy") == 1
    links = Structure(rendered.html).links
    search = "https://archive.today/newest/https%3A%2F%2Fmp.weixin.qq.com%2Fs%2F1"
    assert search in links
    assert f"Look for it at {search}" in rendered.text
    assert not any(link.startswith("https://archive.today") and link.endswith("%2F2") for link in links)


def test_chinese_mail_is_chinese_throughout() -> None:
    report = replace(
        QUIET,
        died=(change(),),
        in_danger=(danger(1, status=Status.SUSPECT, reason="timeout"),),
        endangered=1,
        newly_blind=(change(3, Status.BLIND, reason="captcha"),),
        wayback="anonymous",
    )
    rendered = both(report, "zh")
    assert rendered.subject == "rotwatch：《第 1 篇》已失效，其中 1 篇没有备份"
    assert "被作者删除（2026年11月22日 发现）。" in rendered.text
    assert "2026年11月23日 起打不开：超时无响应，尚未确认。" in rendered.text
    assert '<html lang="zh-CN"' in rendered.html
    for english in ("Died", "danger", "Seen", "lost", "copy", "What you can do", "captcha"):
        assert english not in rendered.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_at_once_renders(language: Language) -> None:
    report = replace(
        QUIET,
        due=END - timedelta(days=2),
        died=(change(),),
        came_back=(change(2, Status.ALIVE, reason="article"),),
        newly_blind=(change(3, Status.BLIND, reason="captcha"),),
        in_danger=(danger(4, copy=COPY, chance_90d=0.004),),
        endangered=1,
        copied=(Entry(url="https://e.org/5", title="", references=(), copy=COPY),),
        copies=3,
        refused=(
            Refusal(
                url="https://e.org/6",
                title="Six",
                references=(),
                copy=None,
                archive="wayback",
                at=END,
                code="blocked-url",
                message="",
            ),
        ),
        sources=(
            SourceProblem("posts/a.md", "", END),
            SourceProblem("posts/b.md", "it is no UTF-8 text", None),
        ),
        troubles=(Trouble("archive.org", "the keys are refused", None), Trouble("network", "", None)),
        undelivered=(("rotwatch: 1 died", "550 no such user"),),
        wayback="off",
    )
    text = both(report, language).text
    for part in (
        "blocked-url",
        "posts/a.md",
        "it is no UTF-8 text",
        "the keys are refused",
        "550 no such user",
        "<1%",
    ):
        assert part in text


def test_a_report_that_was_missed_says_so() -> None:
    text = both(replace(QUIET, due=END - timedelta(days=2))).text
    assert "This report was due on Sat 21 Nov 2026 08:00. rotwatch was not running then" in text


def test_hostile_words_break_neither_markup_nor_subject_nor_lines() -> None:
    url = 'https://e.org/"><img src=x onerror=alert(1)>\r\n' + "y" * 10_000
    hostile = change(title=HOSTILE, evidence=HOSTILE, reason=HOSTILE, url=url)
    report = replace(
        QUIET,
        died=(replace(hostile, references=(Place(HOSTILE, 3),)),),
        troubles=(Trouble(HOSTILE, HOSTILE, None),),
        sources=(SourceProblem(HOSTILE, HOSTILE, None),),
    )
    rendered = both(report)
    tags = set(Structure(rendered.html).seen)
    assert "script" not in tags
    assert "img" not in tags
    assert len(rendered.subject) < 150
    assert "\n" not in rendered.subject
    for text in (rendered.text, rendered.html):
        assert not {"\u202e", "\x00", "\x1b", "\r"} & set(text)
    assert not any(line.startswith("Bcc") for line in rendered.text.splitlines())
    assert len(rendered.html) < 60_000


def test_a_long_list_is_cut_and_attached_whole() -> None:
    died = tuple(change(number, title='=HYPERLINK("http://evil")') for number in range(SHOWN[0] + 75))
    rendered = both(replace(QUIET, died=died))
    assert rendered.text.count("Lost: no copy") == SHOWN[0]
    assert "and 75 more: see rotwatch-2026-11-23.csv" in rendered.text
    assert rendered.attachment
    assert rendered.attachment.name == "rotwatch-2026-11-23.csv"
    rows = list(csv.DictReader(io.StringIO(rendered.attachment.content.decode("utf-8-sig"))))
    assert len(rows) == SHOWN[0] + 75
    assert rows[7] == {
        "section": "died",
        "title": '\'=HYPERLINK("http://evil")',
        "url": "https://mp.weixin.qq.com/s/7",
        "at": "2026-11-22T00:00:00Z",
        "reason": "deleted_by_author",
        "evidence": "该内容已被发布者删除",
        "copy": "",
        "lists": "posts/ml.md:12",
    }


def test_ten_thousand_deaths_are_a_readable_mail() -> None:
    died = tuple(change(number) for number in range(10_000))
    rendered = both(replace(QUIET, died=died))
    assert len(rendered.html) < 100_000
    assert rendered.subject.startswith("rotwatch: 10000 died: “第 0 篇” …")
    assert rendered.attachment
    assert rendered.attachment.name == "rotwatch-2026-11-23.csv.zip"
    assert len(rendered.attachment.content) < 1_000_000
    with zipfile.ZipFile(io.BytesIO(rendered.attachment.content)) as archive:
        assert archive.read("rotwatch-2026-11-23.csv").count(b"\r\n") == 10_001


def test_the_same_report_gives_the_same_bytes() -> None:
    report = replace(QUIET, died=tuple(change(number) for number in range(10_000)))
    assert render(report, "en", ZONE) == render(report, "en", ZONE)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_is_told_in_words_too(language: Language) -> None:
    pytest.importorskip("matplotlib")
    rendered = both(replace(QUIET, **HISTORY), language)
    assert rendered.picture
    assert len(rendered.picture) < 30_000
    [image] = Structure(rendered.html).images
    assert image["src"] == f"cid:{PICTURE_ID}"
    for said in (image["alt"], rendered.text):
        assert "100.0%" in said
        assert "97.9%" in said  # alive in the end
        assert "99.5%" in said  # with the copies
        assert "20 20 20" in said
    assert 'src="data:image/png;base64,iVBOR' in rendered.page


def test_without_matplotlib_the_mail_is_whole_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with caplog.at_level("INFO", "monitor.report.picture"):
        rendered = both(replace(QUIET, **HISTORY))
    assert rendered.picture is None
    assert "cid:" not in rendered.html
    assert "exposed" in rendered.text
    [record] = caplog.records
    assert "rotwatch[picture]" in record.message


def test_a_list_without_history_has_no_picture() -> None:
    assert both(replace(QUIET, days=HISTORY["days"][:1])).picture is None


def test_the_dark_sheet_stays_and_the_other_is_in_the_elements() -> None:
    html = both(QUIET).html
    assert html.count("<style") == 1
    assert "@media (prefers-color-scheme: dark)" in html
    assert 'class="page"' in html
    assert "PingFang SC" in html.split("<body")[1]


def test_a_mail_that_would_be_clipped_shows_fewer_of_each() -> None:
    """Gmail hides what is beyond 102 kB."""
    long: dict[str, Any] = {"title": "长" * 300, "evidence": "长" * 300, "url": "https://e.org/" + "y" * 1900}
    died = tuple(change(number, **long) for number in range(60))
    report = replace(
        QUIET,
        died=died,
        came_back=tuple(change(number, Status.ALIVE, **long) for number in range(60)),
        newly_blind=tuple(change(number, Status.BLIND, **long) for number in range(60)),
    )
    rendered = both(report)
    assert len(rendered.html.encode()) < CLIPPED_FROM
    shown = rendered.text.count("Lost: no copy")
    assert 0 < shown < SHOWN[0]
    assert f"and {60 - shown} more: see rotwatch-2026-11-23.csv" in rendered.text
    assert rendered.attachment
    assert rendered.attachment.content.count(b"\r\n") == 181
