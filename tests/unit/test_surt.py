from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.archives.surt import surt

theirs = pytest.importorskip("surt").surt

_PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "/", "//", "..", ".", "?", "&", "=", ";", "%20", "%2F", "%25", "%3F", "%", "+", "A", "b",
                "中文", "~", "|",
                "jsessionid=0123456789ABCDEF0123456789abcdef", "sid=0123456789abcdef0123456789abcdef", "s/AbC_d-1",
                "PHPSESSID=0123456789abcdef0123456789abcdef", "cfid=1&cftoken=2", "(0123456789abcdef01234567)/a.aspx",
                "ASPSESSIONIDABCDEFGH=ABCDEFGHIJKLMNOPQRSTUVWX", "x=1", "a", "x", "wx_fmt=png", "'", '"', "<",
            ]
        ),
        st.characters(min_codepoint=0x21, max_codepoint=0x24F, exclude_characters="#\\\x7f\xa0\x85\xad"),
    ),
    max_size=12,
).map("".join)  # fmt: skip
_HOSTS = st.sampled_from(
    [
        "mp.weixin.qq.com",
        "www.Example.com",
        "www2.a-b.cn",
        "a.com:8080",
        "a.com:443",
        "1.2.3.4",
        "me@a.com",
        "a.com.",
    ]
)


@given(scheme=st.sampled_from(["http", "https"]), host=_HOSTS, rest=_PIECES)
@example(scheme="https", host="mp.weixin.qq.com", rest="s?__biz=MzA3&mid=1&idx=1&sn=ab")
@example(scheme="https", host="a.com", rest="?")
@settings(max_examples=150, deadline=None)
def test_our_keys_are_those_that_players_make(scheme: str, host: str, rest: str) -> None:
    url = f"{scheme}://{host}/{rest}"
    assert surt(url) == theirs(url)


def test_scheme_www_and_capitals_do_not_count() -> None:
    assert surt("HTTPS://www.Example.com/A/") == surt("http://example.com/a") == "com,example)/a"
