from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from monitor.archives.reading import paragraphs, wrapped
from monitor.model import Article, Page

URL = "https://blog.example.com/a.html"


def read(html: str, text: str = "") -> list[str]:
    page = Page(
        url=URL, final_url=URL, http_status=200, headers={"content-type": "text/html"}, body=html.encode()
    )
    return paragraphs(page, Article(text=text))


def test_blocks_and_breaks_part_paragraphs_and_inline_elements_do_not() -> None:
    html = "<h1>Title</h1><p>one <b>two</b><i>three</i></p>four<br>five<div>six<span>seven</span></div>eight"
    assert read(f"<body>{html}</body>") == ["Title", "one twothree", "four", "five", "sixseven", "eight"]


def test_what_a_reader_does_not_see_is_left_out() -> None:
    html = (
        "<body><nav>menu</nav><script>code()</script><style>p{}</style><article><p>text</p></article></body>"
    )
    assert read(html, "text") == ["text"]


def test_a_text_that_stands_in_scripts_only_is_one_paragraph() -> None:
    assert read(
        "<body><p>hi</p><script>var text='…'</script></body>", "A long text that no element has."
    ) == ["A long text that no element has."]


def test_control_characters_of_a_hostile_page_never_reach_the_terminal() -> None:
    lines = read("<body><p>a\x1b]0;owned\x07b\x9b31m\u202egnirts</p></body>")
    assert all(line.isprintable() for line in lines)


@pytest.mark.timeout(60)
def test_a_page_nested_without_end_is_read_in_time() -> None:
    assert read("<body>" + "<div>x" * 50_000 + "</body>")


def test_closing_marks_stay_with_their_character_and_words_whole() -> None:
    assert wrapped("时间、链接与记忆。", 8, cell_len) == ["时间、链", "接与记", "忆。"]
    assert wrapped("他说（见下）", 6, cell_len) == ["他说", "（见", "下）"]
    assert wrapped("a reading list of links", 9, cell_len) == ["a reading", "list of", "links"]


def test_an_address_longer_than_the_line_is_cut() -> None:
    assert wrapped("see https://example.com/long", 10, cell_len) == [
        "see",
        "https://ex",
        "ample.com/",
        "long",
    ]


@given(
    text=st.text(max_size=200).map(lambda text: "".join(c for c in text if c.isprintable())),
    width=st.integers(4, 30),
)
def test_no_line_is_wider_than_the_screen_and_no_letter_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width, cell_len)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize("kind", ["text/plain", "application/pdf"])
def test_what_is_no_html_shows_the_text_that_the_platform_found(kind: str) -> None:
    page = Page(url=URL, final_url=URL, http_status=200, headers={"content-type": kind}, body=b"x")
    assert paragraphs(page, Article(text="plain words")) == ["plain words"]
