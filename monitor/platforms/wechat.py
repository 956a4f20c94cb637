"""WeChat articles (mp.weixin.qq.com). Every state answers 200; the page's structure tells. Pure.

Facts: docs/platforms.md, "WeChat".
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from monitor.model import Article, Known, Outcome, Reason, Verdict
from monitor.platforms import generic, layout, transport, walls, wechat_notices
from monitor.platforms.base import (
    Notice,
    first_match,
    found,
    host_of,
    is_host,
    one_of,
    parts_of,
    path_of,
    words,
)
from monitor.platforms.html import Document, one_line
from monitor.urls import NotALink, clean

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

NAME = "wechat"
HOSTS: tuple[str, ...] = ("mp.weixin.qq.com", "weixin.sogou.com")
_SOGOU = ("sogou.com",)

_OPENING = 100_000  # characters: 16 kB of the gzip stream, in which both tags of a living page have come
_CONTAINERS = "#js_article, #js_content"
_LIVING = (
    f'{_CONTAINERS}, meta[property="twitter:card"], meta[name="twitter:card"], meta[property="og:title"]'
)
_SCRIPT = 300_000  # characters
_CAPTCHA_PATH = "/mp/wappoc_appmsgcaptcha"
_CAPTCHA = (b"secitptpage/verify", b"captcha.gtimg.com", b"cap_appid", b"cap_sid", b"poc_sid")

_SHORT = re.compile(r"/s/([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])")
_ALIASES = {"appmsgid": "mid", "itemidx": "idx", "sign": "sn"}
_IDENTITY = ("__biz", "mid", "idx", "sn")
_TEMPORARY = ("src", "timestamp", "ver", "signature", "new", "tempkey")
_DROPPED = words("chksm scene ascene subscene mpshare srcid from lang version sessionid")

_TRANSFER = re.compile(r"""transfer_?[tT]arget_?[lL]ink['"]?\s*[:=]\s*['"]([^'"\s]{1,2000})['"]""")
_WRITTEN = re.compile(r"document\.write(?:ln)?\(([^;]{0,4000})")
_BIZ = re.compile(rf"""{one_of("biz")}['"]?\s*[:=]\s*['"]([A-Za-z0-9+/]{{6,40}}={{0,2}})['"]""")
_MOMENT = one_of("ct", "create_time", "createTime", "publish_time")
_PUBLISHED = re.compile(rf"""{_MOMENT}['"]?\s*[:=]\s*['"]?(\d{{10}})\b""")
_CDN = re.compile(rf"""{one_of("cdn_url")}['"]?\s*:\s*['"](https?:[^'"\s]{{1,1000}})['"]""")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})")


def canonical(url: str) -> str:
    """Short links keep their token; long ones ``__biz``, ``mid``, ``idx`` and ``sn``, in that order."""
    parts = parts_of(url)
    if is_host(parts.hostname or "", _SOGOU):
        return url
    if short := _SHORT.match(parts.path):
        return f"https://mp.weixin.qq.com/s/{short[1]}"
    query = _query(url)
    if parts.path == _CAPTCHA_PATH and (target := _target(query)):
        return target
    if parts.path.rstrip("/") in {"/s", "/mp/appmsg/show"}:
        names = _IDENTITY if {"mid", "sn"} <= query.keys() else (*_IDENTITY, *_TEMPORARY)
        kept = {name: query[name] for name in names if name in query}
        if kept.keys() & {"mid", "signature", "tempkey"}:
            return "https://mp.weixin.qq.com/s?" + _written(kept)
    kept = {name: value for name, value in query.items() if name not in _DROPPED}
    path = parts.path.rstrip("/") or "/"
    return f"https://mp.weixin.qq.com{path}" + (f"?{_written(kept)}" if kept else "")


def account(url: str) -> str | None:
    """The ``__biz`` of a long link."""
    return _query(url).get("__biz")


def judge(document: Document, known: Known) -> Verdict:
    """The article's container first; then the error element; then the walls that say nothing in words."""
    at = host_of(document.page.final_url)
    if is_host(at, _SOGOU):
        return _sogou(document)
    if living := _living(document):
        return living
    if path_of(document.page.final_url) == _CAPTCHA_PATH:
        return _captcha(document, "the address of the captcha")
    if (says := wechat_notices.read(document)) is not None:
        return _said(document, *says)
    return _speechless(document, known)


def enough(document: Document) -> bool:
    """The tags of a living page come first and settle it; a notice is only believed when no container follows."""
    return _living(document) is not None


def _living(document: Document) -> Verdict | None:
    selector = _LIVING if is_host(host_of(document.page.final_url), HOSTS) else _CONTAINERS
    for part in _parts(document):
        if node := part.first(selector):
            tag = node.attributes.get("property") or node.attributes.get("name")
            evidence = f"#{node.id}" if node.id else f"meta {tag}"
            title, lasting = _title(part), _permanent(part)
            return found(
                Outcome.OK, Reason.ARTICLE, "wechat.ok.article", evidence, title=title, moved_to=lasting
            )
    return None


def _parts(document: Document) -> tuple[Document, ...]:
    """The beginning of a long page, then the whole: of 2 to 4 MB the first 100 kB nearly always suffice."""
    if len(document.page.body) <= 2 * _OPENING:
        return (document,)
    return Document(document.page, limit=_OPENING), document


def _title(document: Document) -> str:
    return document.meta("og:title") or document.text("#activity-name") or document.title


def _permanent(document: Document) -> str | None:
    """The lasting address of an article that was reached by a temporary one (Sogou's signed links, previews)."""
    query = _query(document.page.final_url)
    if not ({"signature", "tempkey"} & query.keys()) or "sn" in query:
        return None
    return _article_address(document.attribute('meta[property="og:url"]', "content"))


def _article_address(raw: str) -> str | None:
    try:
        url = canonical(clean(raw))
    except NotALink:
        return None
    lasting = _SHORT.fullmatch(path_of(url)) or "mid" in _query(url)
    return url if lasting and host_of(url) == HOSTS[0] else None


def _said(document: Document, text: str, notice: Notice | None) -> Verdict:
    if notice is None:
        return found(
            Outcome.FAILED, Reason.UNAVAILABLE, "wechat.failed.unknown_notice", text, title=document.title
        )
    if notice.reason is Reason.CAPTCHA:
        return _captcha(document, text)
    verdict = notice.found(text, document)
    if notice.reason is Reason.MIGRATED and (target := _TRANSFER.search(_code(document))):
        return replace(verdict, moved_to=_article_address(_unescaped(target[1])))
    return verdict


def _captcha(document: Document, evidence: str) -> Verdict:
    target = _target(_query(document.page.final_url))
    return found(
        Outcome.WALLED,
        Reason.CAPTCHA,
        "wechat.walled.captcha",
        evidence,
        title=document.title,
        moved_to=target,
    )


def _speechless(document: Document, known: Known) -> Verdict:
    """No container and no words in an error element: a wall's machinery, a bare status, or nothing."""
    code = _code(document)
    if machinery := next((mark for mark in _CAPTCHA if mark in document.page.body), None):
        return _captcha(document, machinery.decode())
    written = (re.sub(r"<[^<>]*>", " ", _unescaped(markup)) for markup in _WRITTEN.findall(code)[:20])
    for text in (*written, document.visible if len(document.visible) <= 200 else ""):
        if notice := first_match(wechat_notices.plain(text), wechat_notices.WALLS):
            return notice.found(text, document)
    titled = first_match(wechat_notices.plain(document.title), wechat_notices.NOTICES)
    if titled and len(document.title) <= 60 and len(document.visible) <= 400:
        return titled.found(document.title, document)
    if other := walls.wall(document) or transport.from_status(document) or generic.elsewhere(document):
        return other
    if not path_of(document.page.final_url).startswith("/mp/") and (
        new := layout.unknown(document, known, NAME)
    ):
        return new
    evidence = document.visible or f"{len(document.page.body)} bytes without article or notice"
    return found(Outcome.FAILED, Reason.EMPTY, "wechat.failed.empty", evidence, title=document.title)


def _sogou(document: Document) -> Verdict:
    if "/antispider" in path_of(document.page.final_url) or "过于频繁" in document.visible[:400]:
        evidence = document.visible or "/antispider"
        return found(
            Outcome.WALLED, Reason.RATE_LIMITED, "wechat.walled.sogou", evidence, title=document.title
        )
    if blocked := walls.wall(document) or transport.from_status(document):
        return blocked
    evidence = document.title or document.visible
    return found(Outcome.FAILED, Reason.EXPIRED_LINK, "wechat.failed.sogou", evidence, title=document.title)


def _code(document: Document) -> str:
    """The page's scripts without the far ends of bundles: what a page says of itself comes first."""
    return "\n".join(code[:_SCRIPT] for code in document.scripts)[: 3 * _SCRIPT]


# --- the article ---------------------------------------------------------------------------------------------------


def article(document: Document) -> Article:
    """Title, account, time and pictures of a living page.

    Image, video and text posts keep no body text: below 50 characters ``og:title`` and ``og:description`` stand in.
    """
    title = _title(document)
    content = document.first("#js_content")
    text = one_line(content)
    if len(text) < 50:
        described = _unescaped(document.meta("og:description"))
        text = " ".join(piece for piece in (text, title, described) if piece)
    code = _code(document)
    return Article(
        text=text,
        title=title or None,
        account=_biz(document, code),
        published_at=_published_at(code),
        pictures=_pictures(document, content, code),
    )


def _biz(document: Document, code: str) -> str | None:
    for url in (
        document.attribute('meta[property="og:url"]', "content"),
        document.page.final_url,
        document.page.url,
    ):
        if biz := _query(_unescaped(url)).get("__biz"):
            return biz
    return variable[1] if (variable := _BIZ.search(code)) else None


def _published_at(code: str) -> datetime | None:
    for match in _PUBLISHED.finditer(code):
        seconds = int(match[1])
        if 1_340_000_000 < seconds < 4_000_000_000:  # WeChat accounts exist since August 2012
            return datetime.fromtimestamp(seconds, UTC)
    return None


def _pictures(document: Document, content: LexborNode | None, code: str) -> tuple[str, ...]:
    inside = content.css("img") if content is not None else []
    lazy = [node.attributes.get("data-src") or node.attributes.get("src") or "" for node in inside]
    markup = content.html or "" if content is not None else ""
    behind = re.findall(r"url\((?:&quot;|[\"'])?(https?://mmbiz\.[^\"')&]{1,500})", markup)
    listed = [_unescaped(url) for url in _CDN.findall(code)]
    cover = [] if lazy or listed else [document.meta("og:image")]
    every = (url.strip() for url in (*lazy, *behind, *listed, *cover))
    return tuple(dict.fromkeys(url for url in every if url.startswith(("http://", "https://"))))


# --- addresses -----------------------------------------------------------------------------------------------------


def _query(url: str) -> dict[str, str]:
    """The parameters of a URL under their lasting names. A plus sign is itself: ``__biz`` is base64."""
    named: dict[str, str] = {}
    for piece in parts_of(url).query.split("&"):
        name, _, value = piece.partition("=")
        if value:
            named.setdefault(_ALIASES.get(name, name), unquote(value))
    return named


def _written(query: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='=+/:,-._~')}" for name, value in query.items())


def _target(query: dict[str, str]) -> str | None:
    """The article behind a captcha address, from its ``target_url``."""
    return _article_address(query.get("target_url", ""))


def _unescaped(text: str) -> str:
    return html.unescape(_ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), text)).replace(
        "\\/", "/"
    )
