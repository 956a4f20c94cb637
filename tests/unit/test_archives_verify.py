from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor import platforms
from monitor.archives.capture import Capture, at_address, is_wall, same_page
from monitor.archives.scope import why_not
from monitor.archives.verify import grade
from monitor.model import Page, Sketch
from monitor.platforms.likeness import sketch

URL = "https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv"
BASE = "https://web.archive.org"
TITLE = "如何写好一份年终总结"
SENTENCES = [
    f"这是第{chr(0x4E00 + n * 7)}段，讲{chr(0x4E10 + n * 13)}{chr(0x4F10 + n * 11)}的{chr(0x5010 + n * 5)}事。"
    for n in range(60)
]
TEXT = "".join(SENTENCES)


def saved(text: str = TEXT, *, title: str = TITLE, status: int = 200, final_url: str = URL) -> Page:
    html = (
        f'<html><head><meta property="og:title" content="{title}"><meta property="twitter:card" content="summary">'
        f'</head><body><div id="js_article"><h1 id="activity-name">{title}</h1>'
        f'<div id="js_content"><p>{text}</p></div></div></body></html>'
    )
    headers = {"content-type": "text/html; charset=UTF-8"}
    return Page(url=URL, final_url=final_url, http_status=status, headers=headers, body=html.encode())


def short() -> Sketch:
    """Our own copy of a post that has next to no text."""
    article = platforms.article(saved("短文"), platforms.judge(saved("短文")))
    assert article
    return sketch(article.text)


SHORT = short()
NOTICE = (
    '<html><body><div class="weui-msg"><div class="weui-msg__title warn">该内容已被发布者删除</div></div>'
    "</body></html>"
)


@pytest.mark.parametrize(
    ("text", "title", "stored", "wanted"),
    [
        (TEXT, TITLE, sketch(TEXT), "A"),
        (TEXT, "another title in the list", sketch(TEXT), "A"),
        ("".join(SENTENCES[:36]), TITLE, sketch(TEXT), "B"),
        ("完全不同的另一篇文章，" * 30, TITLE, sketch(TEXT), "C"),
        (TEXT, TITLE, None, "B"),
        (TEXT, "", None, "B"),
        (TEXT, "Something else entirely", None, "C"),
        ("短文", TITLE, SHORT, "A"),
        ("短文", "", SHORT, "C"),
    ],
)
def test_a_capture_is_graded_by_text_first_and_title_second(
    text: str, title: str, stored: Sketch | None, wanted: str
) -> None:
    assert grade(saved(text), title=title, sketch=stored).grade == wanted


def test_a_removal_notice_is_no_copy_whatever_we_know() -> None:
    page = Page(
        url=URL, final_url=URL, http_status=200, headers={"content-type": "text/html"}, body=NOTICE.encode()
    )
    for stored in (None, sketch(TEXT)):
        graded = grade(page, title=TITLE, sketch=stored)
        assert (graded.grade, graded.counts) == ("X", False)


def test_an_archived_error_or_redirect_is_no_copy_even_with_the_article_in_it() -> None:
    for status in (404, 302, 503):
        assert grade(saved(status=status), title=TITLE, sketch=sketch(TEXT)).grade == "X"


def test_a_capture_that_ended_at_the_captcha_is_no_copy() -> None:
    wall = "https://mp.weixin.qq.com/mp/wappoc_appmsgcaptcha?poc_token=1&target_url=x"
    page = Page(
        url=URL, final_url=wall, http_status=200, headers={"content-type": "text/html"}, body=b"<html></html>"
    )
    assert grade(page, title=TITLE, sketch=None).grade == "X"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (URL, URL.replace("https", "http"), True),
        (URL, URL + "/", True),
        ("https://www.example.com/a", "http://example.com:80/a/", True),
        ("https://example.com/%E4%B8%AD", "https://example.com/中", True),
        (URL, URL + "?poc_token=abc", True),
        (URL, URL.replace("AbC", "aBc"), False),
        ("https://example.com/a?p=1", "https://example.com/a?p=2", False),
        ("https://example.com/", "mailto:me@example.com", False),
        ("https://example.com/", "https://[bad", False),
    ],
)
def test_two_addresses_are_one_page_up_to_spelling(one: str, other: str, same: bool) -> None:
    assert same_page(one, other) is same
    assert same_page(other, one) is same


@pytest.mark.parametrize(
    ("original", "walled"),
    [
        (URL, False),
        (URL.replace("https", "http"), False),
        ("https://mp.weixin.qq.com/mp/wappoc_appmsgcaptcha?poc_token=1", True),
        ("https://www.zhihu.com/account/unhuman?type=unhuman", True),
        ("https://www.zhihu.com/signin?next=%2F", True),
        ("https://passport.csdn.net/login", True),
        ("https://mp.weixin.qq.com/", True),
        ("https://mp.weixin.qq.com/s/another", False),
    ],
)
def test_a_capture_that_landed_at_a_wall_is_known_by_its_address(original: str, walled: bool) -> None:
    assert is_wall(original, URL) is walled


def test_a_capture_is_read_from_any_form_of_its_address() -> None:
    capture = Capture(datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC), URL)
    assert capture.url(BASE) == f"{BASE}/web/20240229010203/{URL}"
    for address in (
        capture.url(BASE),
        capture.url(BASE, "id_"),
        f"/web/20240229010203/{URL}",
        f"/web/20240229010203/{URL.replace('//', '/')}",
    ):
        assert at_address(address, base=BASE) == capture


@pytest.mark.parametrize(
    "address", ["", "/save/x", "/web/2024/https://a.b/", "/web/20241399000000/https://a.b/", "/web/*/x"]
)
def test_other_addresses_mean_no_capture(address: str) -> None:
    assert at_address(address, base=BASE) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (URL, None),
        ("https://web.archive.org/web/2020/https://example.com/", "is-archive"),
        ("https://archive.ph/abcde", "is-archive"),
        ("http://127.0.0.1/a", "private-address"),
        ("http://[::1]/a", "private-address"),
        ("http://0x7f000001/a", "private-address"),
        ("http://nas/a", "private-address"),
        ("http://printer.local/a", "private-address"),
        ("https://mine.example/a", "excluded-host"),
        ("https://deep.mine.example/a", "excluded-host"),
        ("https://notmine.example/a", None),
        ("http://93.184.216.34/a", None),
    ],
)
def test_what_may_not_leave_the_house_does_not(url: str, why: str | None) -> None:
    assert why_not(url, exclude_hosts=("Mine.example",)) == why
