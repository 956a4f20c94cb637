from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources import looks_like_list, read

NETSCAPE = """<!DOCTYPE NETSCAPE-Bookmark-file-1>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">
<DL><p>
    <DT><H3 ADD_DATE="1">栏</H3>
    <DL><p>
        <DT><A HREF="https://a.com/?a=1&amp;b=2" ADD_DATE="1" ICON="data:image/png;base64,iVBO">标题 &lt;一&gt;</A>
        <DD>说明 https://no.com/
        <DT><A HREF="javascript:void(0)">脚本</A>
        <DT><A HREF="place:sort=8">最近</A>
        <DT><A HREF="https://a.com/2">二</A>
    </DL><p>
</DL>
"""
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:media="m" xmlns:atom="a"><channel><title>站</title><link>https://site.com/</link>
<item>
<title><![CDATA[标题 <b>一</b>]]></title>
<media:title>不是</media:title>
<atom:link href="https://no.com/"/>
<link>https://a.com/?a=1&amp;b=2</link>
</item>
<item><title>二 vector&lt;int&gt;</title><guid>https://a.com/2</guid></item>
<item><title>三</title><guid isPermaLink="false">https://no.com/3</guid></item>
</channel></rss>
"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>站</title><link href="https://site.com/"/>
<entry><title type="html">一 &amp;amp; 二</title>
<link rel="self" href="https://no.com/"/>
<link rel="alternate" href="https://a.com/1"/><id>tag:a.com,1</id>
<source><title>别处</title><link href="https://no.com/"/></source>
</entry></feed>
"""
OPML = """<?xml version="1.0"?>
<opml version="2.0"><body><outline text="组">
<outline text="博客" xmlUrl="https://b.com/feed" htmlUrl="https://b.com/"/>
</outline></body></opml>
"""
CHROME = json.dumps(
    {"checksum": "0", "roots": {"bar": {"children": [
        {"name": "标题 \"一\"", "type": "url", "url": "https://a.com/1"},
        {"children": [{"name": "二", "type": "url", "url": "https://a.com/2"}], "name": "夹", "type": "folder"},
    ]}}},
    indent=1,
)  # fmt: skip
PAGE = """<!DOCTYPE html><html><head><title>页</title><script>var u = "https://no.com/";</script></head><body>
<p><a href="https://a.com/1">https://a.com/1</a></p>
<p>标题一</p>
<ul><li>标题二 <a href=https://a.com/2>链接</a><li><a href="https://a.com/3"><img src="x" alt="标题三"></a></ul>
<p>https://a.com/4<br>标题四</p><!-- https://no.com/ -->
<a href="/local">本地</a> <a href="https://a.com/5" title="标题五">https://a.com/5</a>
</body></html>
"""


def entries(name: str, data: str | bytes, content_type: str | None = None) -> list[tuple[str, str, int]]:
    raw = data.encode() if isinstance(data, str) else data
    return [(r.url, r.title, r.line) for r in read(name, raw, content_type=content_type)]


def test_a_netscape_bookmark_file_gives_its_web_bookmarks() -> None:
    expected = [("https://a.com/?a=1&b=2", "标题 <一>", 6), ("https://a.com/2", "二", 10)]
    assert entries("bookmarks.html", NETSCAPE) == expected
    assert entries("https://a.com/export", NETSCAPE, "text/html") == expected


def test_chromes_own_bookmark_file_is_read_whatever_it_is_called() -> None:
    expected = [("https://a.com/1", '标题 "一"', 9), ("https://a.com/2", "二", 16)]
    assert entries("Bookmarks", CHROME) == expected
    assert entries("b.json", CHROME) == expected


def test_json_that_was_cut_short_is_read_as_far_as_it_goes() -> None:
    assert [url for url, _, _ in entries("b.json", CHROME[: CHROME.index('"folder"')])] == [
        "https://a.com/1",
        "https://a.com/2",
    ]


def test_rss_gives_its_items_and_not_its_channel() -> None:
    assert entries("feed", RSS) == [
        ("https://a.com/?a=1&b=2", "标题 一", 7),
        ("https://a.com/2", "二 vector<int>", 9),
    ]


def test_atom_gives_the_alternate_link_of_each_entry() -> None:
    assert entries("feed.xml", ATOM) == [("https://a.com/1", "一 & 二", 4)]


def test_opml_gives_the_site_and_the_feed() -> None:
    assert entries("subs.opml", OPML) == [("https://b.com/", "博客", 3), ("https://b.com/feed", "博客", 3)]


def test_a_malformed_feed_is_read_leniently() -> None:
    broken = RSS.replace("&amp;", "&").replace("vector&lt;int&gt;", "a&nbsp;b")[: RSS.index("三")]
    assert entries("feed.xml", broken)[:2] == [
        ("https://a.com/?a=1&b=2", "标题 一", 7),
        ("https://a.com/2", "二 a b", 9),
    ]


def test_an_entity_bomb_is_not_expanded() -> None:
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
        "<rss><channel><item><title>&b;</title><link>https://a.com/1</link></item></channel></rss>"
    )
    assert [(url, "haha" in title) for url, title, _ in entries("feed.xml", bomb)] == [
        ("https://a.com/1", False)
    ]


def test_an_html_page_gives_its_links_by_their_text_or_what_stands_beside_them() -> None:
    assert entries("page.html", PAGE) == [
        ("https://a.com/1", "标题一", 2),
        ("https://a.com/2", "标题二", 4),
        ("https://a.com/3", "标题三", 4),
        ("https://a.com/4", "标题四", 5),
        ("https://a.com/5", "标题五", 6),
    ]


def test_plain_text_is_read_by_lines_and_paragraphs() -> None:
    text = "标题一\nhttps://a.com/1\n标题二\nhttps://a.com/2\n\n1. https://a.com/3 标题三\n====\n[标题四](https://a.com/4)\n"
    assert entries("list.txt", text) == [
        ("https://a.com/1", "标题一", 2),
        ("https://a.com/2", "标题二", 4),
        ("https://a.com/3", "标题三", 6),
        ("https://a.com/4", "标题四", 8),
    ]


def test_a_table_is_titled_by_its_title_column_and_counts_lines_inside_cells() -> None:
    csv = 'url,备注,title\nhttps://a.com/1,一段相当长的备注文字,"标题, 一"\n"https://a.com/2","x\ny",二号\nhttps://a.com/3|x,,三号\n'
    assert entries("list.csv", csv) == [
        ("https://a.com/1", "标题, 一", 2),
        ("https://a.com/2", "二号", 3),
        ("https://a.com/3|x", "三号", 5),
    ]
    assert entries("list.tsv", "https://a.com/1\t标题一\t2020\n") == [("https://a.com/1", "标题一", 1)]


def test_a_table_whose_quotation_never_ends_is_read_as_text() -> None:
    assert [url for url, _, _ in entries("x.csv", 'a,"' + "y" * 200_000 + "\nhttps://a.com/1\n")] == [
        "https://a.com/1"
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030", "gbk"])
def test_titles_survive_every_usual_encoding(encoding: str) -> None:
    assert entries("a.md", "https://a.com/1\r\n\r\n中文标题\r\n".encode(encoding)) == [
        ("https://a.com/1", "中文标题", 1)
    ]


def test_a_bad_byte_does_not_turn_utf8_into_nonsense() -> None:
    data = "https://a.com/1\n\n中文标题很长很长\n".encode() + b"\xff"
    assert entries("a.md", data)[0][1] == "中文标题很长很长"


def test_a_declared_encoding_is_believed() -> None:
    page = '<meta charset="big5"><a href="https://a.com/1">繁體標題</a>'.encode("big5")
    assert entries("a.html", page) == [("https://a.com/1", "繁體標題", 1)]
    assert (
        entries("a.txt", "https://a.com/1 Ünïted".encode("cp1252"), "text/plain; charset=windows-1252")[0][1]
        == "Ünïted"
    )


def test_nul_bytes_are_ignored() -> None:
    assert entries("a.txt", b"https://a.com/1\x00\n") == [("https://a.com/1", "", 1)]


@pytest.mark.parametrize(
    ("data", "content_type", "is_list"),
    [
        (NETSCAPE, "text/html", True),
        (RSS, "text/html", True),
        (ATOM, None, True),
        (OPML, "application/octet-stream", True),
        (CHROME, None, True),
        ("https://a.com/1\n", "text/plain; charset=utf-8", True),
        ("# 标题\n", "text/markdown", True),
        ("a,b\n", "text/csv", True),
        (PAGE, "text/html", False),
        (PAGE, "text/plain", False),
        (PAGE, None, False),
        ("{}", "application/json", False),
        ("\x89PNG\x00", "text/plain", False),
        ("https://a.com/1\n", None, False),
        ("", None, False),
    ],
)
def test_only_what_is_made_to_be_a_list_looks_like_one(
    data: str, content_type: str | None, is_list: bool
) -> None:
    assert looks_like_list(data.encode(), content_type) is is_list


NAMES = ["a.md", "a.html", "a.txt", "a.csv", "a.opml", "a.json", "a.xml", "a", "https://a.com/[x"]
FRAGMENTS = [
    "https://a.com/x", "http://", "www.b.com", "[", "]", "(", ")", "](", "![", "<a href=", '"', "'", ">", "<", "</a>",
    "`", "```\n", "*", "_", "\\", "&amp;", "&#", "\n", "\r", "\n\n", "- ", "> ", "# ", "|", "|-|\n", "---\n", "    ",
    "[a]: http://a.b", "<item>", "</item>", "<link>", "<title>", "<![CDATA[", "<!--", "{", "}", '"url":', "标题", "。",
    "（", "\u202e", "\x00", "\U0001f600", NETSCAPE[:60], RSS[:120], "<entry>", ",", "\t",
]  # fmt: skip


def assert_sound(name: str, data: bytes) -> None:
    text = data.decode("utf-8", "replace") if not data.startswith((b"\xff\xfe", b"\xfe\xff")) else ""
    highest = 1 + text.count("\r") + text.count("\n") if text else len(data) + 1
    for reference in read(name, data):
        assert reference.url.lower().startswith(("http://", "https://"))
        assert 1 <= reference.line <= highest
        assert len(reference.title) <= 500
        assert "\n" not in reference.title
        (reference.url + reference.title).encode()


@given(st.sampled_from(NAMES), st.binary(max_size=400))
def test_no_bytes_make_reading_raise(name: str, data: bytes) -> None:
    assert_sound(name, data)


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(FRAGMENTS), max_size=40))
def test_no_mixture_of_markup_makes_reading_raise(name: str, parts: list[str]) -> None:
    assert_sound(name, "".join(parts).encode())


@given(st.lists(st.sampled_from(["a", "深", "b-c", "Z_"]), min_size=1, max_size=30))
def test_a_list_in_the_usual_form_comes_back_whole(words: list[str]) -> None:
    meant = [
        (f"https://mp.weixin.qq.com/s/{number}{number}_", f"{word}标题{number}")
        for number, word in enumerate(words)
    ]
    text = "\n".join(f"{url}\n\n{title}\n" for url, title in meant)
    assert [(url, title) for url, title, _ in entries("a.md", text)] == meant
    assert [(url, title) for url, title, _ in entries("a.txt", text)] == meant


HOSTILE = [
    "[", "](http://a.b/(", "![a", '<a b=">" ', "`", '[a](http://a.b "', "http://a.b/)", "www.a ", '"\\', "<a>",
    '{"url":[', "&lt;", "http://a.b/x", "<!-- ", "> ", "_a ",
]  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("name", ["a.md", "a.html", "a.txt", "a.opml", "a.json"])
def test_hostile_repetition_takes_time_in_proportion(name: str, piece: str) -> None:
    """Each takes well under a second; what takes quadratic time runs into the test's time limit."""
    assert_sound(name, (piece * 200_000)[:200_000].encode())
