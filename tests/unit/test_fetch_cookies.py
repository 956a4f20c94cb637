from __future__ import annotations

from yarl import URL

from monitor.fetch.cookies import Cookies

HOME = URL("https://example.com/")


def test_cookies_go_back_to_the_host_that_set_them_and_to_no_other() -> None:
    cookies = Cookies()
    cookies.take(HOME, ["a=1; Path=/; HttpOnly", 'b="x y"; Domain=.example.com', "a=2"])
    assert cookies.header(URL("https://example.com/deep?q")) == 'a=2; b="x y"'
    assert cookies.header(URL("https://www.example.com/")) == ""


def test_a_malformed_cookie_is_left_out() -> None:
    cookies = Cookies()
    cookies.take(HOME, ["", ";", "=x", "novalue", "中=1", "a=\udcff", "a=\x01", "long=" + "x" * 5000, "ok=1"])
    assert cookies.header(HOME) == "ok=1"


def test_a_flood_of_cookies_ends_at_fifty() -> None:
    cookies = Cookies()
    cookies.take(HOME, [f"c{n}=1" for n in range(1000)])
    cookies.take(HOME, ["c0=2"])
    assert cookies.header(HOME).count("=") == 50
    assert cookies.header(HOME).startswith("c0=2;")
