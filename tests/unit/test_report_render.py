from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from monitor.model import Status
from monitor.report.gather import Report
from monitor.report.render import Rendered, render
from monitor.report.view import SHOWN
from monitor.report.words import Language
from monitor.store.report import Change, Copy, Danger, Entry, Place, Refusal, SourceProblem, Trouble
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


class Structure(HTMLParser):
    """Checks that every element is closed where it should be; keeps elements and links."""

    VOID = frozenset({"meta", "br", "img", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


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
    assert '<html lang="zh-CN">' in rendered.html
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
    died = tuple(change(number, title='=HYPERLINK("http://evil")') for number in range(SHOWN + 75))
    rendered = both(replace(QUIET, died=died))
    assert rendered.text.count("Lost: no copy") == SHOWN
    assert "and 75 more: see rotwatch-2026-11-23.csv" in rendered.text
    assert rendered.attachment
    assert rendered.attachment.name == "rotwatch-2026-11-23.csv"
    rows = list(csv.DictReader(io.StringIO(rendered.attachment.content.decode("utf-8-sig"))))
    assert len(rows) == SHOWN + 75
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
