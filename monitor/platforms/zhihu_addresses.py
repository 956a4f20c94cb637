"""What a Zhihu address is about: answers, articles and questions have several shapes each. Pure.

Facts: docs/platforms.md, "Zhihu: addresses".
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from monitor.platforms import generic
from monitor.platforms.base import host_of, is_host, parts_of, path_of

HOSTS: tuple[str, ...] = ("zhihu.com",)

# path → what it is; the id is the last group. Ids have up to 19 digits and stay text.
_SHAPES = tuple(
    (re.compile(rf"{shape}(?=/|$)"), kind)
    for shape, kind in (
        (r"/(?:aria/)?question/\d+/answers?/(\d+)", "answers"),
        (r"(?:/appview(?:/v2)?)?/answers?/(\d+)", "answers"),
        (r"/tardis/\w+/ans/(\d+)", "answers"),
        (r"(?:/appview)?/p/(\d+)", "articles"),
        (r"/tardis/\w+/art/(\d+)", "articles"),
        (r"/articles?/(\d+)", "articles"),
        (r"/question/(\d+)", "questions"),
        (r"/tardis/\w+/qus?/(\d+)", "questions"),
        (r"/pin/(\d+)", "pins"),
        (r"/zvideo/(\d+)", "zvideos"),
        (r"/(?:people|org)/([\w.%-]+)", "users"),
    )
)
_ADDRESS = {
    "answers": "https://www.zhihu.com/answer/{}",
    "articles": "https://zhuanlan.zhihu.com/p/{}",
    "questions": "https://www.zhihu.com/question/{}",
    "pins": "https://www.zhihu.com/pin/{}",
    "zvideos": "https://www.zhihu.com/zvideo/{}",
    "users": "https://www.zhihu.com/people/{}",
}


def canonical(url: str) -> str:
    """One address for every shape of the same answer, article or question; the answer's own id identifies it."""
    parts = parts_of(url)
    if parts.path in {"/signin", "/account/unhuman", "/signup"} and (asked := _asked_for(url)):
        return asked
    kind, name = subject(url) or ("", "")
    if kind:
        return _ADDRESS[kind].format(name)
    host = "www.zhihu.com" if parts.netloc in {"zhihu.com", "m.zhihu.com"} else parts.netloc
    path = parts.path.rstrip("/") or "/"
    return f"https://{host}{path}" + (f"?{parts.query}" if parts.query else "")


def account(url: str) -> str | None:
    """The author's slug, where the address is the author's own page."""
    kind, name = subject(url) or ("", "")
    return name if kind == "users" else None


def subject(url: str) -> tuple[str, str] | None:
    """What an address is about: the kind of entity and its id; None for other pages."""
    path = path_of(url) if is_host(host_of(url), HOSTS) else ""
    for shape, kind in _SHAPES:
        if match := shape.match(path):
            return kind, match[1]
    return None


def _asked_for(url: str) -> str | None:
    for piece in parts_of(url).query.split("&"):
        name, _, value = piece.partition("=")
        if name == "next":
            target = generic.absolute("https://www.zhihu.com/", unquote(value))
            return target if subject(target) else None
    return None
