from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
from rich.cells import cell_len

from monitor.cli.listing import Listing, fitted, fold, numbers
from monitor.model import Reason
from monitor.store.tally import Tally

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    "line\r\nbreak\u2028and\x0bmore",
    "\x1b[2J\x1b]0;owned\x07 escape",
    "\u202eright to left\u202c",
    "👩‍👩‍👧‍👦 family 🏳️‍🌈",
    "é" + "\u0301" * 300,
    "长" * 10_000,
    "a" * 10_000,
    "",
)


def link(**values: Any) -> dict[str, Any]:
    return {
        "url": "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q",
        "title": "分布式与高效深度学习",
        "status": "dead",
        "since": NOW + timedelta(days=7),
        "failing_since": NOW,
        "reason": Reason.DELETED_BY_AUTHOR,
        "at_risk": True,
        "snapshot": {"captured_at": NOW, "verified": True},
    } | values


def drawn(width: int, **values: Any) -> list[str]:
    lines = [*(listing := Listing(width, "en", ZoneInfo("UTC"))).head(), *listing.link(link(**values))]
    return [click.unstyle(line) for line in lines]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("cells", [1, 7, 40])
def test_what_is_fitted_is_exactly_so_wide_and_holds_no_control_character(text: str, cells: int) -> None:
    line = fitted(text, cells)
    assert cell_len(line) == cells
    assert all(char.isprintable() or char == "\u200d" for char in line)


@pytest.mark.parametrize("title", HOSTILE)
@pytest.mark.parametrize("width", [40, 80, 109, 110, 220])
@pytest.mark.parametrize("status", ["suspect", "alive"])
def test_no_line_of_a_link_is_wider_than_the_terminal(title: str, width: int, status: str) -> None:
    for line in drawn(width, title=title, status=status, url=f"https://a.example/{'x' * 9000}"):
        assert cell_len(line) <= width
        assert "\x1b" not in line


def test_a_narrow_terminal_shows_the_whole_address_and_a_wide_one_columns() -> None:
    assert drawn(80) == [
        "✗ dead!    分布式与高效深度学习",
        "           mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q",
        "           deleted by its author, since 1 Mar 2026; copy 1 Mar 2026",
    ]
    assert drawn(80, url="https://a.example/1")[1] == (
        "           a.example/1  deleted by its author, since 1 Mar 2026; copy 1 Mar 2026"
    )
    head, row = drawn(160)
    for name, content in (("Title", "分"), ("Address", "mp."), ("Why", "deleted"), ("Copy", "copy")):
        before = row[: row.index(content)]
        assert cell_len(before) == head.index(name)


def test_every_status_is_told_by_a_sign_and_a_word_not_by_colour_alone() -> None:
    signs = {
        drawn(80, status=status)[0][:10].split()[0]
        for status in ("alive", "suspect", "dead", "blind", "pending")
    }
    assert len(signs) == 5


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_numbers_come_with_their_change(width: int) -> None:
    now = Tally(links=25_000, alive=24_990, dead=10, safe=20_000, exposed=4_990, rescued=7, lost=3)
    before = Tally(links=24_000, alive=23_995, dead=5, safe=20_050, exposed=3_945, rescued=5, lost=3)
    lines = [click.unstyle(line) for line in numbers(now, before, width)]
    words = " ".join(lines).split()
    for expected in (
        ("20,000", "safe", "−50"),
        ("4,990", "exposed", "+1045"),
        ("7", "rescued", "+2"),
        ("3", "lost", "±0"),
    ):
        at = words.index(expected[1])
        assert (words[at - 1], words[at], words[at + 1]) == expected
    assert all(cell_len(line) <= max(width, 42) for line in lines)


def test_one_link_is_one_link() -> None:
    assert "1 link: 1 alive" in click.unstyle("".join(numbers(Tally(links=1, alive=1), None, 80)))


@pytest.mark.parametrize("width", [40, 200])
def test_folding_loses_nothing_and_keeps_within_the_width(width: int) -> None:
    text = "In https://a.example/" + "x" * 300 + " 没有空格的一段很长的中文" * 9 + " end"
    lines = list(fold(text, width, indent=2))
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
