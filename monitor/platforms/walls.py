"""What stands between us and a page, on any host: bot walls of the large networks and firewalls. Pure.

Each is known by its own machinery (a header, an element, the address of its script), never by words alone, and only on
a page that shows hardly any text: the same scripts also ride on healthy pages.

Facts: docs/platforms.md, "Ordinary sites: walls".
"""

from __future__ import annotations

import re
from collections.abc import Callable

from monitor.model import Outcome, Reason, Verdict
from monitor.platforms.base import found
from monitor.platforms.html import Document

_LITTLE = 1500  # characters; the wordiest wall (Cloudflare's block page) has some 900
_COOKIE_SCRIPT_BYTES = 12_000

# The whole title of a wall, without the site's name.
_TITLES = (
    (
        re.compile(r"(?i)just a moment\.{0,3}|请稍候…?|請稍候…?|checking your browser.*"),
        Reason.CHALLENGE,
        "interstitial",
    ),
    (re.compile(r"(?i)making sure you(?:'|’)re not a bot!?"), Reason.CHALLENGE, "anubis"),
    (
        re.compile(r"(?i)vercel security checkpoint|ddos-guard|please wait\.\.\. \| cloudflare"),
        Reason.CHALLENGE,
        "checkpoint",
    ),
    (
        re.compile(r"(?i)(?:human|security|bot) (?:verification|check)|are you a (?:robot|human)\??"),
        Reason.CAPTCHA,
        "human_check",
    ),
    (
        re.compile(r"百度安全验证|安全验证|安全驗證|访问验证|人机验证|滑动验证(?:页面)?|验证码(?:拦截)?"),
        Reason.CAPTCHA,
        "human_check",
    ),
    (
        re.compile(r"(?i)attention required! \| cloudflare|sucuri website firewall.*"),
        Reason.BLOCKED,
        "firewall",
    ),
    (
        re.compile(r"(?i)网站防火墙|您的访问(?:请求)?(?:已)?被(?:阻断|拦截|拒绝).*|.*web应用防火墙.*"),
        Reason.BLOCKED,
        "firewall",
    ),
)


def wall(document: Document) -> Verdict | None:
    """The wall that this page is, or None. Says ``walled`` whatever the HTTP status."""
    headers = document.page.headers
    if headers.get("cf-mitigated") == "challenge":
        return _walled(Reason.CHALLENGE, "cloudflare_challenge", "cf-mitigated: challenge", document)
    if action := headers.get("x-amzn-waf-action"):
        reason = Reason.CAPTCHA if action == "captcha" else Reason.CHALLENGE
        return _walled(reason, "aws_waf", f"x-amzn-waf-action: {action}", document)
    if not document.page.body or not document.is_html:
        return None
    if document.shows(_LITTLE):
        return None
    if any(map(document.markup.__contains__, _MARKS)):
        for recognise in _MACHINERY:
            if verdict := recognise(document):
                return verdict
    return _by_title(document) or cookie_script(document)


def cookie_script(document: Document) -> Verdict | None:
    """A page that is nothing but a script which sets a cookie and asks again."""
    if len(document.page.body) > _COOKIE_SCRIPT_BYTES or not document.is_html:
        return None
    if "cookie" not in document.markup.lower():
        return None
    code = "\n".join(document.scripts)
    asks_again = re.search(r"location|reload|setTimeout", code)
    if (
        "cookie" in code.lower()
        and asks_again
        and len(document.visible) < 40
        and not document.has("[id],[src]")
    ):
        return _walled(Reason.CHALLENGE, "cookie_script", "a script that sets a cookie and reloads", document)
    return None


def _walled(reason: Reason, rule: str, evidence: str, document: Document) -> Verdict:
    return found(Outcome.WALLED, reason, f"generic.walled.{rule}", evidence, title=document.title)


def _cloudflare(document: Document) -> Verdict | None:
    if any(re.search(r"_cf_chl_opt\s*=", script) for script in document.scripts) or document.has(
        'script[src*="/cdn-cgi/challenge-platform/"][src*="/orchestrate/"]'
    ):
        return _walled(Reason.CHALLENGE, "cloudflare_challenge", document.title or "_cf_chl_opt", document)
    if document.has("#cf-error-details, .cf-error-details, #cf-wrapper"):
        says = " ".join(document.headings)
        if document.page.http_status == 403 or re.search(
            r"(?i)attention required|been blocked|access denied", says
        ):
            return _walled(Reason.BLOCKED, "cloudflare_block", document.title or "cf-error-details", document)
    return None


def _amazon(document: Document) -> Verdict | None:
    if any("gokuProps" in script for script in document.scripts):
        return _walled(Reason.CHALLENGE, "aws_waf", document.title or "gokuProps", document)
    return None


def _datadome(document: Document) -> Verdict | None:
    source = '[src*="captcha-delivery.com"]'
    if document.has(f"script{source}, iframe{source}"):
        return _walled(Reason.CAPTCHA, "datadome", "captcha-delivery.com", document)
    return None


def _perimeterx(document: Document) -> Verdict | None:
    if document.has("#px-captcha, .px-captcha"):
        return _walled(Reason.CAPTCHA, "perimeterx", document.title or "px-captcha", document)
    return None


def _akamai(document: Document) -> Verdict | None:
    if document.title.lower() == "access denied" and "Reference #" in document.visible:
        return _walled(Reason.BLOCKED, "akamai", document.visible, document)
    return None


def _imperva(document: Document) -> Verdict | None:
    if document.has('iframe[src*="_Incapsula_Resource"], script[src*="_Incapsula_Resource"]'):
        return _walled(Reason.CHALLENGE, "imperva", document.visible or "_Incapsula_Resource", document)
    return None


def _chinese_firewalls(document: Document) -> Verdict | None:
    if any("acw_sc__v2" in script or "__jsl_clearance" in script for script in document.scripts):
        return _walled(Reason.CHALLENGE, "aliyun_waf", document.title or "acw_sc__v2", document)
    if document.has('[src*="errors.aliyun.com"], [href*="errors.aliyun.com"]'):
        return _walled(Reason.BLOCKED, "aliyun_waf", document.visible or "errors.aliyun.com", document)
    if document.has("script#anubis_challenge"):
        return _walled(Reason.CHALLENGE, "anubis", document.title or "anubis_challenge", document)
    return None


_MACHINERY: tuple[Callable[[Document], Verdict | None], ...] = (
    _cloudflare,
    _amazon,
    _datadome,
    _perimeterx,
    _akamai,
    _imperva,
    _chinese_firewalls,
)


# One of them is in the markup of every page that a rule of the machinery knows.
_MARKS = (
    "_cf_chl_opt",
    "/cdn-cgi/challenge-platform/",
    "cf-error-details",
    "cf-wrapper",
    "gokuProps",
    "captcha-delivery.com",
    "px-captcha",
    "Reference",  # "Reference #", its "#" may be written as an entity
    "_Incapsula_Resource",
    "acw_sc__v2",
    "__jsl_clearance",
    "errors.aliyun.com",
    "anubis_challenge",
)


def _by_title(document: Document) -> Verdict | None:
    # A whole title, on a page with next to no text and no heading of an article.
    if len(document.visible) >= 400:
        return None
    for wording, reason, rule in _TITLES:
        if wording.fullmatch(document.title) and not document.has("article"):
            return _walled(reason, rule, document.title, document)
    return None
