from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from monitor.fetch.address import join, parse
from monitor.fetch.errors import LookError
from monitor.model import FailureKind


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:8443/A?b=C", "https://example.com:8443/A?b=C"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com/a%2Fb%7Ec?d=%2C&e=f+g", "https://example.com/a%2Fb%7Ec?d=%2C&e=f+g"),
        (
            "https://mp.weixin.qq.com/s?__biz=MzA3MDU1NQ==&mid=1",
            "https://mp.weixin.qq.com/s?__biz=MzA3MDU1NQ==&mid=1",
        ),
        ("https://example.com/文章?题=目", "https://example.com/%E6%96%87%E7%AB%A0?%E9%A2%98=%E7%9B%AE"),
        ("https://example.com/a b|c", "https://example.com/a%20b%7Cc"),
        ("https://例子.测试/", "https://xn--fsqu00a.xn--0zwm56d/"),
        ("https://example.com/#part", "https://example.com/"),
        ("https://user:secret@example.com/", "https://example.com/"),
        (" https://example.com/\r\nX-Evil: 1", "https://example.com/X-Evil:%201"),
        ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443/"),
        ("https://example.com/\udcd6\udcd0", "https://example.com/%D6%D0"),
        ("http://127。0。0。1/", "http://127.0.0.1/"),
    ],
)
def test_an_address_is_made_fit_to_send(written: str, sent: str) -> None:
    assert str(parse(written)) == sent


@pytest.mark.parametrize(
    "written",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "weixin://dl/business",
        "http://",
        "http:///path",
        "http://[::1",
        "http://[zz]/",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://exa mple.com/",
        "http://a..b/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 127 + "com/",
    ],
)
def test_an_impossible_address_is_refused_by_the_guard(written: str) -> None:
    with pytest.raises(LookError) as raised:
        parse(written)
    assert raised.value.kind is FailureKind.GUARD


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", "https://example.com/b"),
        ("b?c", "https://example.com/dir/b?c"),
        ("//other.com/x", "https://other.com/x"),
        ("http://other.com", "http://other.com/"),
        ("?p=1", "https://example.com/dir/page?p=1"),
        ("/\tb\r\n", "https://example.com/b"),
        ("/\udcd6\udcd0", "https://example.com/%D6%D0"),
    ],
)
def test_a_location_is_taken_relative_to_where_it_was_seen(location: str, target: str) -> None:
    assert str(join(URL("https://example.com/dir/page"), location)) == target


@pytest.mark.parametrize("location", ["weixin://x", "http://[::1", "mailto:a@b.c", "http://:80/"])
def test_a_location_that_leaves_the_web_is_refused(location: str) -> None:
    with pytest.raises(LookError):
        join(URL("https://example.com/"), location)


@given(st.text(max_size=60))
def test_no_text_can_make_anything_but_an_ascii_address_or_a_refusal(text: str) -> None:
    for written in (text, f"http://{text}", f"https://example.com/{text}"):
        try:
            url = parse(written)
        except LookError:
            continue
        assert str(url).isascii()
        assert str(url).isprintable()
        assert url.scheme in {"http", "https"}
        assert url.raw_host
        assert parse(str(url)) == url
