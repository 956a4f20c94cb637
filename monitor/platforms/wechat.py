"""WeChat articles (mp.weixin.qq.com). Every state answers 200; the page's structure tells. Pure.

Facts: facts/platforms.md 1, facts/policy.md 5.1.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from monitor.model import Article, Known, Outcome, Reason, Verdict
from monitor.platforms import transport, wechat_notices
from monitor.platforms.base import found, host_of, is_host, path_of
from monitor.platforms.html import Document, text_of, tidy
from monitor.urls import NotALink, clean

NAME = "wechat"
HOSTS = ("mp.weixin.qq.com", "weixin.sogou.com")

_OPENING = 100_000  # characters: 16 kB of the gzip stream, in which both tags of a living page have come
_LIVING = '#js_article, #js_content, meta[property="twitter:card"], meta[name="twitter:card"], meta[property="og:title"]'
_CONTAINERS = "#js_article, #js_content"
_CAPTCHA_PATH = "/mp/wappoc_appmsgcaptcha"
_CAPTCHA = (
    'link[href*="secitptpage/verify"], script[src*="secitptpage/verify"], script[src*="captcha.gtimg.com"], '
    '[id*="secitptpage/verify"]'
)
_CAPTCHA_SCRIPT = re.compile(r"secitptpage/verify|\b(?:cap_appid|cap_sid|poc_sid)\b")

_SHORT = re.compile(r"/s/([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])")
_ALIASES = {"appmsgid": "mid", "itemidx": "idx", "sign": "sn"}
_IDENTITY = ("__biz", "mid", "idx", "sn")
_TEMPORARY = ("src", "timestamp", "ver", "signature", "new", "tempkey")
_DROPPED = frozenset(
    "chksm scene ascene subscene mpshare srcid from lang version enterid sessionid wx_header clicktime".split()
)


def canonical(url: str) -> str:
    """Short links keep their token, long ones ``__biz``, ``mid``, ``idx`` and ``sn``, in that order, under those names."""
    parts = urlsplit(url)
    if is_host(parts.hostname or "", ["sogou.com"]):
        return url
    if short := _SHORT.match(parts.path):
        return f"https://mp.weixin.qq.com/s/{short[1]}"
    query = _query(url)
    if parts.path == _CAPTCHA_PATH and (target := _target(query)):
        return target
    if parts.path.rstrip("/") in {"/s", "/mp/appmsg/show"}:
        for names in (_IDENTITY, _TEMPORARY):
            if {"__biz", "mid"} & query.keys() and names is _TEMPORARY:
                continue
            kept = {name: query[name] for name in names if name in query}
            if kept.keys() & {"mid", "signature", "tempkey"}:
                return "https://mp.weixin.qq.com/s?" + _written(kept)
    kept = {name: value for name, value in query.items() if name not in _DROPPED}
    path = parts.path.rstrip("/") or "/"
    return f"https://mp.weixin.qq.com{path}" + (f"?{_written(kept)}" if kept else "")


def account(url: str) -> str | None:
    """The ``__biz`` of a long link."""
    return _query(url).get("__biz")


def judge(document: Document, known: Known) -> Verdict:  # noqa: ARG001 -- what is known adds nothing to structure
    """The article's container first; then the error element; then the walls that say nothing in words."""
    at = host_of(document.page.final_url)
    if is_host(at, ["sogou.com"]):
        return _sogou(document)
    if living := _living(document):
        return living
    if path_of(document.page.final_url) == _CAPTCHA_PATH:
        return _captcha(document, "the address of the captcha")
    if (says := wechat_notices.read(document)) is not None:
        return _said(document, *says)
    return _speechless(document)


def enough(document: Document) -> bool:
    """The tags of a living page come first and settle it; a notice is only believed when no container follows."""
    return _living(document) is not None


def _living(document: Document) -> Verdict | None:
    on_wechat = is_host(host_of(document.page.final_url), HOSTS)
    opening = Document(document.page, limit=_OPENING) if len(document.page.body) > 2 * _OPENING else document
    for part in dict.fromkeys((opening, document)):
        if node := part.first(_LIVING if on_wechat else _CONTAINERS):
            evidence = f"#{node.id}" if node.id else f"<meta {node.attributes.get('property') or node.attributes.get('name')}>"
            title = _title(part)
            rule = "wechat.ok.article" if node.id else "wechat.ok.meta"
            moved_to = _permanent(part)
            return found(Outcome.OK, Reason.ARTICLE, rule, title or evidence, title=title, moved_to=moved_to)
    return None
