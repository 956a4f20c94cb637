"""The canonical form of a URL and what is personal in it."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.urls import MAX_LENGTH, NotALink, clean, is_archive, is_personal, told, without_personal


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("HTTPS://Example.COM", "https://example.com/"),
        ("  https://example.com/a \n", "https://example.com/a"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("http://example.com:8080/a", "http://example.com:8080/a"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://reader:secret@example.com/a", "https://example.com/a"),
        ("https://例子.中国/a", "https://xn--fsqu00a.xn--fiqs8s/a"),
        ("https://BÜCHER.example/a", "https://xn--bcher-kva.example/a"),
        ("https://[2001:DB8:0:0::1]/a", "https://[2001:db8::1]/a"),
        ("https://example.com/a/./b/../c/", "https://example.com/a/c/"),
        ("https://example.com/../../a", "https://example.com/a"),
        ("https://example.com/a/%2e%2e/b", "https://example.com/b"),
        ("https://example.com/%7Euser/%e4%b8%ad", "https://example.com/~user/%E4%B8%AD"),
        ("https://example.com/中 文", "https://example.com/%E4%B8%AD%20%E6%96%87"),
        ("https://example.com/100%", "https://example.com/100%25"),
        ("https://example.com/?q=中", "https://example.com/?q=%E4%B8%AD"),
        ("https://example.com/?a=1&amp;b=2", "https://example.com/?a=1&b=2"),
        ("https://example.com/?a=1&amp;amp;b=2", "https://example.com/?a=1&b=2"),
        ("https://example.com/?a=1\\x26amp;b=2\\x26c=3", "https://example.com/?a=1&b=2&c=3"),
        ("https://example.com/?a=1\\u0026b=2", "https://example.com/?a=1&b=2"),
        ("https:\\/\\/example.com\\/a", "https://example.com/a"),
        ("https://example.com/a#part", "https://example.com/a"),
        ("https://example.com/#!/post/12?utm_source=x&p=1", "https://example.com/#!/post/12?p=1"),
        ("https://example.com/a?", "https://example.com/a"),
        ("https://example.com/a?x", "https://example.com/a?x"),
    ],
)
def test_every_way_to_write_an_address_has_one_form(raw: str, expected: str) -> None:
    assert clean(raw) == expected


@pytest.mark.parametrize(
    "wrapper",
    [
        "https://link.zhihu.com/?target={}",
        "https://link.csdn.net/?target={}",
        "https://link.juejin.cn?target={}",
        "https://www.sogou.com/link?url={}",
        "https://www.google.com/url?sa=t&url={}",
        "https://www.jianshu.com/go-wild?ac=2&url={}",
        "https://mp.weixinbridge.com/mp/wapredirect?url={}&action=appmsg_redirect",
    ],
)
def test_a_redirector_is_unwrapped(wrapper: str) -> None:
    target = "https://example.com/a?b=c"
    once = wrapper.format(quote(target, safe=""))
    assert clean(once) == target
    assert clean("https://link.zhihu.com/?target=" + quote(once, safe="")) == target


def test_a_redirector_is_unwrapped_however_its_target_is_escaped() -> None:
    assert clean("https://link.zhihu.com/?target=%48%54tps%3A//example.com/a") == "https://example.com/a"


def test_a_redirector_without_a_clear_target_stays() -> None:
    assert clean("https://www.sogou.com/link?url=hedJjaC291M") == "https://www.sogou.com/link?url=hedJjaC291M"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "example.com/a",
        "//example.com/a",
        "mailto:a@example.com",
        "javascript:alert(1)",
        "ftp://example.com/a",
        "data:text/html,x",
        "https://",
        "https:///a",
        "https:example.com",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://example.com:0/",
        "https://[::1/",
        "https://[::zz]/",
        "https://-example.com/",
        "https://example..com/",
        "https://exa<mple.com/",
        "https://" + "a" * 64 + ".com/",
        "https://example.com/a\x00b",
        "https://example.com/a\nb",
        "https://example.com/" + "a" * MAX_LENGTH,
        "https://example.com/" + "中" * 1000,
        "https://example.com/" + "a" * 100_000,
    ],
)
def test_what_cannot_be_fetched_is_refused_in_one_sentence(raw: str) -> None:
    with pytest.raises(NotALink) as refusal:
        clean(raw)
    sentence = str(refusal.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 150


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("utm_source", "weibo"),
        ("UTM_Medium", "x"),
        ("utm%5Fsource", "x"),
        ("sharer_shareid", "7c9d"),
        ("key", "777abc"),
        ("uin", "MTIz"),
        ("pass_ticket", "x"),
        ("exportkey", "x"),
        ("PHPSESSID", "1"),
        ("jsessionid", "1"),
        ("ASPSESSIONIDQQ", "1"),
        ("sid", "8f14e45fceea167a5a36dedd4bea2543"),
        ("token", "eyJhbGciOiJIUzI1NiJ9.x"),
        ("fbclid", "x"),
        ("spm", "1001.2101"),
        ("to", "reader@example.com"),
        ("to", "reader%40example.com"),
        ("to", "reader%2540example.com"),
        ("phone", "+86 138 0013 8000"),
    ],
)
def test_a_parameter_that_tells_of_a_reader_is_personal(name: str, value: str) -> None:
    assert is_personal(name, value)
    assert clean(f"https://example.com/a?id=7&{name}={value}") == "https://example.com/a?id=7"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "7"),
        ("sid", "42"),
        ("token", "verb"),
        ("mobile", "1"),
        ("p", "12"),
        ("url", "https://medium.com/@user/post"),
        ("file", "react@17.0.2"),
        ("monkey", "x"),
        ("keyword", "x"),
        ("signature", "abc*DEF"),
    ],
)
def test_a_parameter_that_names_the_page_stays(name: str, value: str) -> None:
    assert not is_personal(name, value)


def test_a_session_in_the_path_is_cut() -> None:
    assert clean("https://example.com/a;jsessionid=AB12?id=1") == "https://example.com/a?id=1"
    assert clean("https://example.com/(S(lit3py55t21z5v55vlm25s55))/a.aspx") == "https://example.com/a.aspx"


def test_a_personal_parameter_hides_neither_behind_a_semicolon_nor_in_capitals() -> None:
    assert clean("https://example.com/a?id=1;utm_source=x&Key=y") == "https://example.com/a?id=1"


def test_a_document_that_is_named_by_its_key_keeps_it() -> None:
    assert clean("https://docs.google.com/a?key=0Aq1") == "https://docs.google.com/a?key=0Aq1"


@pytest.mark.parametrize(
    "url",
    [
        "https://web.archive.org/web/2020/https://example.com/",
        "https://archive.today/AbCdE",
        "http://archive.ph/AbCdE",
        "https://archive.is/AbCdE",
        "https://archive.org/wayback/available?url=x",
    ],
)
def test_a_copy_in_an_archive_is_known_as_one(url: str) -> None:
    assert is_archive(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://archive.org/details/book",
        "https://example.com/web.archive.org/",
        "https://[",
        "",
        "https://notarchive.ph/",
    ],
)
def test_other_addresses_are_no_archive(url: str) -> None:
    assert not is_archive(url)


# --- properties ----------------------------------------------------------------------------------------------------

HOSTS = st.sampled_from(
    [
        "example.com",
        "Example.COM:443",
        "例子.中国",
        "mp.weixin.qq.com",
        "link.zhihu.com",
        "[::1]",
        "a.b.c:8080",
    ]
)
NAMES = st.sampled_from(
    ["id", "key", "uin", "utm_source", "sharer_id", "q", "target", "url", "__biz", "PHPSESSID", "%75in", "e"]
)
VALUES = st.text(max_size=12) | st.sampled_from(
    [
        "a@b.com",
        "a%40b.com",
        "%",
        "%2",
        "%7e",
        "&amp;",
        "\\x26amp;",
        "https://link.zhihu.com/?target=https%3A%2F%2Fe.com",
        "%26amp%3B",
    ]
)
PIECES = st.tuples(NAMES, VALUES).map("=".join)
QUERIES = st.lists(PIECES, max_size=5).flatmap(
    lambda pieces: st.sampled_from(["&", "&amp;", ";", "\\x26amp;", "\\u0026"]).map(
        lambda joint: joint.join(pieces)
    )
)
PATHS = st.text(alphabet=st.sampled_from("/.%2eE5aA中;=()S\\&amp#!? "), max_size=30)
ADDRESSES = st.builds(lambda host, path, query: f"https://{host}/{path}?{query}", HOSTS, PATHS, QUERIES)


@settings(deadline=None)
@given(ADDRESSES | st.text(max_size=60) | st.text(max_size=60).map("https://".__add__))
@example("https://a.b/%26%61mp;x=1")
@example("https://a.b/?%26amp;uin=1")
@example("https://a.b/?x=1&&;;uin=2")
@example("https://a.b/%5c..%5c")
def test_the_canonical_form_is_its_own_canonical_form(raw: str) -> None:
    try:
        once = clean(raw)
    except NotALink:
        return
    assert clean(once) == once
    assert once.isascii()
    assert len(once) <= MAX_LENGTH
    assert not any(character in once for character in ' "<>\\^`{|}')


@settings(deadline=None)
@given(ADDRESSES)
def test_no_personal_parameter_is_left(raw: str) -> None:
    try:
        query = urlsplit(clean(raw)).query
    except NotALink:
        return
    for name, value in parse_qsl(query, keep_blank_values=True):
        assert not is_personal(name, value)


@pytest.mark.parametrize(
    ("title", "told_as"),
    [
        ("看 https://a.example/1?id=7&share_token=SECRET，很好", "看 https://a.example/1?id=7，很好"),
        ("a.example/s?uin=SECRET&id=7 | Blog", "a.example/s?id=7 | Blog"),
        ("www.a.example/?key=SECRET", "www.a.example/"),
        ("https://me:SECRET@a.example/1", "https://a.example/1"),
        ("https://a.example:99999/1?key=SECRET", "https://a.example:99999/1"),
        ("What is Node.js? And 1 + 1 = 2?", "What is Node.js? And 1 + 1 = 2?"),
        ("https://a.example/A%2f 或 a@b.example?", "https://a.example/A%2f 或 a@b.example?"),
    ],
)
def test_a_title_keeps_its_addresses_without_what_is_personal_in_them(title: str, told_as: str) -> None:
    assert without_personal(title) == told_as


@pytest.mark.parametrize(
    ("source", "told_as"),
    [
        ("posts/what?.md", "posts/what?.md"),
        ("https://a.example/feed.xml", "https://a.example/feed.xml"),
        ("https://me:SECRET@a.example:8443/f@x?token=SECRET#SECRET", "https://a.example:8443/f@x?…"),
        ("HTTPS://a.example#SECRET", "HTTPS://a.example"),
    ],
)
def test_a_list_on_the_network_is_told_without_its_keys(source: str, told_as: str) -> None:
    assert told(source) == told_as
