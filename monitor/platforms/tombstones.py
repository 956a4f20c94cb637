"""Graves of a whole site: parked names, hosting that is gone or suspended, blocks for want of registration. Pure.

Machinery (an iframe, a script's host, a redirect) counts by itself; words count only as the whole text of a title,
heading or line, on a page that says next to nothing else: articles quote them too.

Facts: docs/platforms.md, "Ordinary sites: gone, and the whole site gone".
"""

from __future__ import annotations

import re

from monitor.model import Outcome, Reason, Verdict
from monitor.platforms.base import found, host_of, is_host, path_of
from monitor.platforms.html import Document, tidy
from monitor.platforms.notice_page import has_article, has_prose, is_short, lines, says

_SALES_PAGE = 2_000  # characters: prices, phone numbers, related searches
_LANDING_PAGE = 5_000
_MAX_BYTES = 400_000  # graves are small

_PARKING = (
    "img1.wsimg.com/parking-lander",
    "mcc.godaddy.com",
    "sedoparking.com",
    "static.hugedomains.com",
    "i.cdnpark.com",
    "parkingcrew.net",
    "bodis.com",
    "d38psrni17bvxu.cloudfront.net",
)
_BROKERS = (
    "hugedomains.com",
    "dan.com",
    "afternic.com",
    "sedo.com",
    "sedoparking.com",
    "undeveloped.com",
    "domainmarket.com",
    "buydomains.com",
    "perfectdomain.com",
    "brandbucket.com",
    "forsale.dynadot.com",
    "mi.aliyun.com",
    "mcc.godaddy.com",
)
_NO_SUCH_APP = "herokucdn.com/error-pages/no-such-app"
_MARKS = (_NO_SUCH_APP, *_PARKING)
_LANDER = re.compile(r"""location(?:\.href)?\s*(?:=|\.(?:replace|assign)\()\s*["']/lander["']""")
_NAME = r"[\w-]+(?:\.[\w-]+)+"
_FOR_SALE = re.compile(
    rf"""(?xi)
      (?:(?:this|the)\ (?:premium\ )?(?:domain(?:\ name)?|web\ ?site)|{_NAME})
      \ (?:is|may\ be)\ for\ sale(?:\ by\ its\ owner)?[.!]*
    | buy\ this\ domain[.!]*
    | (?:您(?:所)?访问的|本|此|该)?域名(?:正在|可|已)?(?:出售|转让|待售)(?:中)?[.!。！]*
    | this\ domain\ has\ expired\ and\ is\ now\ suspended[.!]*
    """
)
_SITE_GONE = re.compile(
    rf"""(?xi)
      there\ isn['’]t\ a\ github\ pages\ site\ here\.?
    | 没有找到站点
    | no\ such\ app | site\ not\ found
    | whatever\ you\ were\ looking\ for\ doesn['’]t\ currently\ exist\ at\ this\ address.*
    | {_NAME}\ (?:is\ no\ longer\ available|doesn['’]t\ exist)\.?
    | the\ authors?\ ha(?:s|ve)\ deleted\ this\ (?:site|blog)\.?
    | (?:sorry,\ )?the\ blog\ (?:you\ were\ looking\ for\ does\ not\ exist|at\ {_NAME}\ has\ been\ removed).*
    | blog\ (?:not\ found|has\ been\ removed)\.?
    """
)
_SUSPENDED = re.compile(
    r"""(?xi)
      (?:this\ )?(?:account|site|web\ ?site)(?:\ has\ been|\ is)?\ suspended\.?
    | (?:该|本|此)?(?:网站|站点|空间)(?:已)?(?:被)?(?:暂停|停用|停止)(?:访问|服务)?
    """
)
_UNREGISTERED = re.compile(r"[^，。]{0,20}(?:尚未|未)(?:进行|完成|取得|办理)?(?:ICP)?备案.{0,120}", re.DOTALL)
_BLOCK_FRAME = 'iframe[src*="aliyun.com"], iframe[src*="webblock"], iframe[src*="beian"]'
_BLOCK_PAGE = re.compile(r"(?i)alww|block|beian|icp")


def whole_site(document: Document, *, titled: bool) -> Verdict | None:
    """The site, not the page, is gone. To be asked before the status, which is as often 200 as 404.

    ``titled``: the page has the recorded title. Then words prove nothing, since the article may be about them.
    """
    page = document.page
    at = host_of(page.final_url)
    if is_host(at, _BROKERS) and not is_host(host_of(page.url), _BROKERS):
        return _parked(f"redirects to {at}", document)
    if path_of(page.final_url).endswith("/cgi-sys/suspendedpage.cgi"):
        return _suspended("/cgi-sys/suspendedpage.cgi", document)
    if not page.body or len(page.body) > _MAX_BYTES:
        return None
    if not document.is_html:
        missing = page.body.lstrip()[:1] == b"<" and b"<Code>NoSuchBucket</Code>" in page.body[:2000]
        return _site_gone("NoSuchBucket", document) if missing else None
    return _by_machinery(document) or (None if titled else _by_words(document))


def _by_machinery(document: Document) -> Verdict | None:
    if len(document.page.body) < 1000 and any(_LANDER.search(script) for script in document.scripts):
        return _parked("a script that goes to /lander", document)
    if _has_marks(document) and (verdict := _by_source(document)):
        return verdict
    if "/cgi-sys/suspendedpage.cgi" in document.refresh:
        return _suspended("/cgi-sys/suspendedpage.cgi", document)
    return None


def _has_marks(document: Document) -> bool:
    """Whether one of its addresses may be a grave's; of a page with more to read only Heroku's counts."""
    if len(document.readable) >= _LANDING_PAGE:
        return document.has(f'iframe[src*="{_NO_SUCH_APP}"]')
    return any(map(document.markup.__contains__, _MARKS))


def _by_source(document: Document) -> Verdict | None:
    """By where its scripts, frames, styles and pictures come from."""
    for node in document.tree.css("script[src], iframe[src], frame[src], link[href], img[src]")[:300]:
        source = node.attributes.get("src") or node.attributes.get("href") or ""
        if _NO_SUCH_APP in source and node.tag == "iframe":
            return _site_gone("Heroku: no such app", document)
        where = source.split("//", 1)[-1]
        limit = _SALES_PAGE if node.tag == "img" else _LANDING_PAGE
        if _is_parking(where) and len(document.readable) < limit:
            return _parked(tidy(where, 80), document)
    return None


def _is_parking(where: str) -> bool:
    host = where.partition("/")[0]
    return any(where.startswith(f"{owner}/") or host.endswith(f".{owner}") for owner in _PARKING)


def _by_words(document: Document) -> Verdict | None:
    if not is_short(document, _SALES_PAGE) or has_article(document):
        return None
    if text := says(_FOR_SALE, (document.title, document.text("h1"))):
        return _parked(text, document, "parked_text")
    if not is_short(document) or has_prose(document):
        return None
    texts = (*document.headings, *lines(document))
    if text := says(_FOR_SALE, texts):
        return _parked(text, document, "parked_text")
    frame = document.attribute(_BLOCK_FRAME, "src")
    if _BLOCK_PAGE.search(frame) or (text := says(_UNREGISTERED, texts)):
        evidence = frame if _BLOCK_PAGE.search(frame) else text
        return found(
            Outcome.FAILED, Reason.ICP_BLOCK, "generic.failed.icp_block", evidence, title=document.title
        )
    if text := says(_SITE_GONE, texts):
        return _site_gone(text, document)
    if text := says(_SUSPENDED, document.headings):
        return _suspended(text, document)
    return None


def _parked(evidence: str, document: Document, rule: str = "parked") -> Verdict:
    return found(Outcome.GONE, Reason.PARKED, f"generic.gone.{rule}", evidence, title=document.title)


def _site_gone(evidence: str, document: Document) -> Verdict:
    return found(Outcome.GONE, Reason.SITE_GONE, "generic.gone.site_gone", evidence, title=document.title)


def _suspended(evidence: str, document: Document) -> Verdict:
    return found(
        Outcome.FAILED, Reason.SITE_SUSPENDED, "generic.failed.site_suspended", evidence, title=document.title
    )
