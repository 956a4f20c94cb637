"""Which acted page an address means, as the platforms' own servers read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, urlsplit

_ZHIHU = (
    (re.compile(r"/(?:question/\d+/)?answers?/(\d+)/?"), "answer"),
    (re.compile(r"/question/(\d+)/?"), "question"),
    (re.compile(r"/(?:p|tardis/zm/art)/(\d+)/?"), "p"),
)
_CSDN = re.compile(r"/(?:[^/]+/)?article/details/(\d+)/?")
_ALIASES = {"appmsgid": "mid", "itemidx": "idx", "sign": "sn"}


@dataclass(frozen=True, slots=True)
class Place:
    """One acted page: ``platform`` is wechat, zhihu, csdn or site; ``key`` is the same for all its addresses.

    ``key`` is empty where the address is none of an article (a home page, a login, a picture).
    """

    platform: str
    host: str
    key: str


def place_of(url: str) -> Place:
    """Find the page that an absolute http(s) address means. Scheme, fragment and tracking never matter."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host == "mp.weixin.qq.com":
        return Place("wechat", host, _wechat(parts))
    if host == "zhihu.com" or host.endswith(".zhihu.com"):
        return Place("zhihu", host, _zhihu(parts, host))
    if host == "csdn.net" or host.endswith(".csdn.net"):
        match = _CSDN.fullmatch(parts.path)
        return Place("csdn", host, f"csdn:{match[1]}" if match else "")
    query = f"?{parts.query}" if parts.query else ""
    return Place("site", host, f"{host}{parts.path or '/'}{query}")


def _wechat(parts: SplitResult) -> str:
    if parts.path.startswith("/s/") and len(parts.path) > 3:
        return f"wechat:{parts.path[3:]}"
    if parts.path not in {"/s", "/mp/appmsg/show"}:
        return ""
    given = {_ALIASES.get(name, name): values[0] for name, values in parse_qs(parts.query).items()}
    if "signature" in given:
        return f"wechat:temporary/{given['signature']}"
    if {"__biz", "mid", "idx"} <= given.keys():
        return f"wechat:{given['__biz']}/{given['mid']}/{given['idx']}"
    return ""


def _zhihu(parts: SplitResult, host: str) -> str:
    for pattern, kind in _ZHIHU:
        match = pattern.fullmatch(parts.path)
        if match and (kind != "p" or parts.path.startswith("/tardis/") or host == "zhuanlan.zhihu.com"):
            return f"zhihu:{kind}/{match[1]}"
    return ""
