from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.report.clean import HREF_AT_MOST, cell, clean, href


@pytest.mark.parametrize(
    "hostile",
    [
        "fine\r\nBcc: victim@example.org",
        "fine\u2028Bcc: victim@example.org",
        "fine\x85Bcc: victim@example.org",
        "fine\v\fBcc: victim@example.org",
    ],
)
def test_line_breaks_of_every_kind_become_one_space(hostile: str) -> None:
    assert clean(hostile) == "fine Bcc: victim@example.org"


def test_direction_marks_and_escape_sequences_are_taken_out() -> None:
    assert clean("\u202egnp.exe\u2066\u200f \x1b[31mred\x00") == "gnp.exe [31mred"


def test_emoji_of_several_parts_stay_together() -> None:
    family = "👨\u200d👩\u200d👧"
    assert clean(f"{family} 一家") == f"{family} 一家"
    assert clean("x" + family, limit=4) == "x👨…"


def test_a_long_text_is_cut_with_a_sign() -> None:
    assert clean("文" * 10_000, limit=10) == "文" * 9 + "…"
    assert clean("e\u0301" * 20, limit=4) == "e\u0301e…"


@given(st.text(max_size=400), st.integers(1, 60))
def test_what_is_cleaned_is_one_short_line_and_stays_as_it_is(text: str, limit: int) -> None:
    line = clean(text, limit)
    assert len(line) <= limit
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in line)
    assert clean(line, limit) == line


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//host/x", "", "http://[", "file:///x"]
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert href(url) is None


def test_a_link_cannot_leave_its_attribute() -> None:
    assert href('https://e.org/"><script>\r\n') == "https://e.org/%22%3E%3Cscript%3E%0D%0A"


def test_what_is_escaped_already_is_not_escaped_again() -> None:
    url = "https://e.org/a%20b?x=1&y=%E6%96%87#part"
    assert href(url) == url


def test_an_endless_address_is_no_link() -> None:
    assert href("https://e.org/" + "x" * HREF_AT_MOST) is None


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "＝1", "\u200b=1"])
def test_a_cell_is_never_a_formula(formula: str) -> None:
    assert cell(formula).startswith("'")


def test_an_ordinary_cell_is_left_alone() -> None:
    assert cell("第 1 篇 = 好") == "第 1 篇 = 好"
