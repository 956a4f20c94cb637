"""CSDN blogs. A status 521 is a script's challenge and a 404 page may come with 200. Pure.

Facts: docs/platforms.md, "CSDN".
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from monitor.model import Article, Known, Outcome, Reason, Verdict
from monitor.platforms import generic, layout, transport, walls
from monitor.platforms.base import found, host_of, is_host, parts_of
from monitor.platforms.html import Document, one_line, parse_json

NAME = "csdn"
HOSTS: tuple[str, ...] = ("csdn.net",)

_ARTICLE = re.compile(r"/article/details/(\d+)")
_CONTAINERS = "#article_content, #content_views, #articleContentId"
_CHINA = timezone(timedelta(hours=8))
_SUFFIX = re.compile(r"\s*[-_]\s*CSDN(?:博客|文库)?\s*$")


def canonical(url: str) -> str:
    """https, the author in the path, no parameters: the number identifies, the author's name may change."""
    parts = parts_of(url)
    host, path = parts.netloc, parts.path
    owner = host.removesuffix(".blog.csdn.net")
    if number := _ARTICLE.search(path):
        user = path[: number.start()].strip("/") or (owner if owner not in {host, "m"} else "")
        return f"https://blog.csdn.net{'/' + user if user else ''}/article/details/{number[1]}"
    host = "blog.csdn.net" if host == "m.blog.csdn.net" else host
    return f"https://{host}{path.rstrip('/') or '/'}" + (f"?{parts.query}" if parts.query else "")


def account(url: str) -> str | None:
    """The author's name in the path."""
    parts = parts_of(url)
    first = parts.path.strip("/").split("/")[0]
    named = parts.netloc == "blog.csdn.net" and first not in {"", "article", "nav", "rank"}
    return first if named else None


def judge(document: Document, known: Known) -> Verdict:
    """The article's container, then what stands in its way, then the page that says 404."""
    page = document.page
    number = _ARTICLE.search(page.url) or _ARTICLE.search(page.final_url)
    if number and (living := _living(document, number[1])):
        return living
    if (
        verdict := _walled(document)
        or walls.wall(document)
        or _not_found(document, is_article=number is not None)
    ):
        return verdict
    if number is None:
        return generic.judge(document, known)
    if verdict := transport.from_status(document) or generic.elsewhere(document):
        return verdict
    if new := layout.unknown(document, known, NAME):
        return new
    evidence = document.title or document.visible or "an empty answer"
    return found(Outcome.FAILED, Reason.EMPTY, "csdn.failed.no_article", evidence, title=document.title)


def enough(document: Document) -> bool:
    """The container settles it: readers' prompts and captcha scripts lie over it without taking it away."""
    number = _ARTICLE.search(document.page.url) or _ARTICLE.search(document.page.final_url)
    return number is not None and _living(document, number[1]) is not None


def _living(document: Document, number: str) -> Verdict | None:
    if not document.page.body or not document.is_html:
        return None
    node = document.first(_CONTAINERS)
    if node is None:
        return None
    own = _ARTICLE.search(document.attribute('link[rel="canonical"]', "href"))
    if own and own[1] != number:
        evidence = document.title or own[0]
        return found(
            Outcome.FAILED, Reason.OTHER_PAGE, "csdn.failed.other_article", evidence, title=document.title
        )
    return found(Outcome.OK, Reason.ARTICLE, "csdn.ok.article", f"#{node.id}", title=_title(document))


def _title(document: Document) -> str:
    return document.text("#articleContentId") or _SUFFIX.sub("", document.title)


def _found_wall(reason: Reason, rule: str, evidence: str, document: Document) -> Verdict:
    return found(Outcome.WALLED, reason, f"csdn.walled.{rule}", evidence, title=document.title)


def _walled(document: Document) -> Verdict | None:
    page = document.page
    if is_host(host_of(page.final_url), ("passport.csdn.net",)):
        return _found_wall(Reason.LOGIN, "login", "passport.csdn.net", document)
    if page.http_status == 521 or _is_challenge(document):
        return _found_wall(
            Reason.CHALLENGE, "challenge", "HTTP 521" if page.http_status == 521 else "a script", document
        )
    if not page.body or len(document.visible) > 600:
        return None
    if page.http_status == 403:
        reason, rule = (
            (Reason.BLOCKED, "waf") if "WAF" in document.visible else (Reason.FORBIDDEN, "forbidden")
        )
        return _found_wall(reason, rule, document.visible or "HTTP 403", document)
    for text in document.headings or (document.visible[:80],):
        if re.search(r"(?i)security check|访问验证|安全验证", text):
            return _found_wall(Reason.CAPTCHA, "security_check", text, document)
        if re.fullmatch(r"(?i)(?:csdn )?waf", text):
            return _found_wall(Reason.BLOCKED, "waf", text, document)
    if any("passport.csdn.net/login" in script for script in document.scripts):
        return _found_wall(Reason.LOGIN, "login", "passport.csdn.net/login", document)
    return None


def _is_challenge(document: Document) -> bool:
    """Under 5 kB, one script with a hex array and a timer, and nothing to read."""
    if not 0 < len(document.page.body) < 6000 or not document.is_html or document.visible:
        return False
    code = "\n".join(document.scripts)
    return "setTimeout" in code and (
        "cookie" in code or len(re.findall(r"0x[0-9a-f]+|\\x[0-9a-f]{2}", code)) > 8
    )


def _not_found(document: Document, *, is_article: bool) -> Verdict | None:
    report = parse_json(document.attribute('meta[name="report"]', "content"))
    pid = str(report.get("pid")) if isinstance(report, dict) else ""
    # A forum thread may be about 404; an article's address without an article is not.
    titled = re.match(r"404(?!\d)" if is_article else r"404\s*(?:[-_|].*)?$", document.title)
    if pid == "404" or titled:
        evidence = document.title or "report pid 404"
        return found(Outcome.GONE, Reason.NOT_FOUND, "csdn.gone.not_found", evidence, title=document.title)
    return None


def article(document: Document) -> Article:
    """Text and pictures of the container, the author from the address, the time from JSON-LD (China's)."""
    content = document.first("#content_views") or document.first("#article_content")
    address = document.page.final_url or document.page.url
    pictures = content.css("img")[:500] if content is not None else []
    sources = (node.attributes.get("data-src") or node.attributes.get("src") or "" for node in pictures)
    return Article(
        text=one_line(content) if content is not None else document.readable,
        title=_title(document) or None,
        account=account(canonical(address)) or generic.account(address),
        published_at=_published_at(document) or generic.published_at(document),
        pictures=tuple(dict.fromkeys(generic.absolute(address, source) for source in sources if source)),
    )


def _published_at(document: Document) -> datetime | None:
    try:
        moment = datetime.fromisoformat(document.json_ld("pubDate"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=_CHINA)
