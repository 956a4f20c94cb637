"""Zhihu answers, articles and questions. For a server without cookies a wall is the normal answer. Pure.

Facts: docs/platforms.md, "Zhihu". The proof of life is the entity with the id of the address; neighbours prove nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from monitor.model import Article, Known, Outcome, Reason, Verdict
from monitor.platforms import generic, layout, transport, walls
from monitor.platforms.base import found, one_of, path_of
from monitor.platforms.garble import is_garbled
from monitor.platforms.html import Document, one_line, parse_json, text_of, tidy
from monitor.platforms.zhihu_addresses import HOSTS, account, canonical, subject

__all__ = ["HOSTS", "NAME", "account", "article", "canonical", "enough", "judge"]

NAME = "zhihu"

_JSON_WALLS = {
    "40352": (Reason.CAPTCHA, "unhuman"),
    "40353": (Reason.LOGIN, "login"),
    "40362": (Reason.RATE_LIMITED, "rate_limited"),
    "10003": (Reason.BLOCKED, "signature"),
    "100": (Reason.LOGIN, "login"),
    "101": (Reason.LOGIN, "login"),
}
_SLOGAN = re.compile(r"知乎\s*-\s*有问题[，,]\s*就会有答案")
_NOT_FOUND = re.compile(
    r"404\s*-\s*知乎|你似乎来到了没有知识存在的荒原|(?:404[.。]?\s*)?抱歉[!！,，]?\s*您访问的资源不存在[!！]?"
    r"|页面无法访问|您访问的页面不存在"
)
_REFUSED = re.compile(r"请求错误|无法访问当前页面")
_DELETED = re.compile(r"(?:抱歉[，,]?\s*)?(?:该|此|这个)回答已被(?:作者|知友)?删除[。!！]?")
_WITHHELD = re.compile(
    r"回答建议修改[:：].{0,80}|.{0,20}作者修改内容通过后[，,]回答会重新显示[。.]?.{0,20}", re.DOTALL
)
_PROSE = frozenset(
    {"RichText", "ztext", "RichContent", "CommentContent", "CommentItem", "QuestionHeader-title"}
)
_SOME_TEXT = 100  # characters
_MAX_CONTENT = 500_000  # characters of one article
_PROVEN = "zhihu.ok.entity"
_PICTURE = re.compile(
    one_of("data-original", "data-actualsrc", "src") + r"""=["'](https?://[^"'\s]{1,1000})["']"""
)
_POST = ".Post-RichTextContainer, .Post-RichText, h1.Post-Title ~ .RichText"


# --- judging -------------------------------------------------------------------------------------------------------


def judge(document: Document, known: Known) -> Verdict:
    """The entity itself, then walls, then notices; a page that shows none of them proves nothing."""
    about = subject(document.page.url) or subject(document.page.final_url)
    if document.page.body.lstrip()[:1] == b"{" and (verdict := _json(document)):
        return verdict
    if about and document.is_html and (verdict := _living(document, *about)):
        return verdict
    if verdict := _walled(document) or _notice(document, about):
        return verdict
    if verdict := walls.wall(document) or transport.from_status(document):
        return verdict
    if about is None:
        return generic.judge(document, known)
    if document.has("#js-initialData") or _SLOGAN.search(document.title):
        return _found_wall(Reason.LOGIN, "shell", document.title or "no entity with this id", document)
    if is_garbled(document.readable):
        return _found_wall(Reason.CHALLENGE, "poisoned", document.readable[:80], document)
    if new := layout.unknown(document, known, NAME, title_counts=False):  # poisoned text has the right title
        return new
    evidence = document.title or document.readable or "an empty answer"
    return found(Outcome.FAILED, Reason.EMPTY, "zhihu.failed.no_article", evidence, title=document.title)


def enough(document: Document) -> bool:
    """The entity settles it, and nothing that follows takes it back."""
    about = subject(document.page.url) or subject(document.page.final_url)
    if about is None or not document.is_html:
        return False
    verdict = _living(document, *about)
    return verdict is not None and verdict.rule == _PROVEN


def _living(document: Document, kind: str, name: str) -> Verdict | None:
    entity = _entity(document, kind, name)
    if entity is not None and _is_withheld(entity):
        evidence = str(entity["suggestEdit"].get("title") or "回答建议修改")
        return found(Outcome.FAILED, Reason.WITHHELD, "zhihu.failed.withheld", evidence, title=document.title)
    text = _entity_text(entity) if entity is not None else _shown_text(document, kind, name)
    if not text:
        return None
    if is_garbled(text):
        return _found_wall(Reason.CHALLENGE, "poisoned", text[:80], document)
    rule = _PROVEN if entity is not None else "zhihu.ok.shown"
    title = _title(document, entity)
    return found(Outcome.OK, Reason.ARTICLE, rule, f"{kind}[{name}]", title=title)


def _entity(document: Document, kind: str, name: str) -> dict[str, Any] | None:
    state = document.state
    entity = _at(state, "initialState", "entities", kind, name)
    return entity if isinstance(entity, dict) else None


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _is_withheld(entity: dict[str, Any]) -> bool:
    # Every answer has the block; its status says whether it applies.
    return _at(entity, "suggestEdit", "status") is True and not entity.get("content")


def _entity_text(entity: dict[str, Any]) -> str:
    for key in ("content", "detail", "excerpt", "title", "name", "contentHtml"):
        if (value := entity.get(key)) and (text := plain_text(value)):
            return text
    return ""


def plain_text(content: Any) -> str:
    """The text of a content field: HTML, or the list of blocks that pins are made of."""
    if isinstance(content, list):
        return " ".join(plain_text(block.get("content")) for block in content[:50] if isinstance(block, dict))
    if not isinstance(content, str):
        return ""
    return " ".join(re.sub(r"<[^<>]*>", " ", content[:_MAX_CONTENT]).split()) or (
        "[picture]" if "<img" in content else ""
    )


def _shown_text(document: Document, kind: str, name: str) -> str:
    """The text that the elements of the page itself show, where they carry the id or there is only one article."""
    if kind == "questions":
        return document.text(".QuestionHeader-title, #zh-question-title")
    node = None
    if kind == "articles":
        node = document.first(_POST) if _is_proven(document, name) else None
    elif kind == "answers":
        node = _shown_answer(document, name)
    text = one_line(node)
    if not text and "/tardis/" in path_of(document.page.final_url) and not document.has("#js-initialData"):
        text = (
            document.readable
            if len(document.readable) >= _SOME_TEXT and not document.has(".ErrorPage")
            else ""
        )
    return text


def _is_proven(document: Document, name: str) -> bool:
    """Text alone may be poisoned: the page must name the article, or describe it and have no state to the contrary."""
    own = _named(document)
    described = document.has(
        'meta[itemprop="dateCreated"], meta[itemprop="dateModified"], meta[property="og:title"]'
    )
    return own == name or (own is None and described and not document.has("#js-initialData"))


def _named(document: Document) -> str | None:
    """The article's id as the page itself tells it."""
    for address in (
        document.attribute('link[rel="canonical"]', "href"),
        document.attribute('meta[property="og:url"]', "content"),
    ):
        if (about := subject(address)) and about[0] == "articles":
            return about[1]
    return None


def _shown_answer(document: Document, name: str) -> Any:
    shown = document.tree.css(".AnswerItem, .zm-item-answer")[:50]
    for node in shown:
        marks = node.attributes
        zop = parse_json(marks.get("data-zop") or "")
        own = {str(_at(zop, "itemId")), marks.get("name"), marks.get("data-atoken")}
        if (
            name in own
            or node.css_first(f'link[href$="/answer/{name}"], a[href$="/answer/{name}"]') is not None
        ):
            return node
    # The layout of 2015 did not always name the answer; alone on its own page it needs no name.
    alone = len(shown) == 1 and "AnswerItem" not in (shown[0].attributes.get("class") or "")
    return shown[0] if alone and not shown[0].attributes.get("data-atoken") else None


def _title(document: Document, entity: dict[str, Any] | None) -> str:
    for value in (_at(entity, "title"), _at(entity, "question", "title")):
        if isinstance(value, str) and value:
            return value
    return document.meta("og:title") or document.text("h1") or document.title


def _found_wall(reason: Reason, rule: str, evidence: str, document: Document) -> Verdict:
    return found(Outcome.WALLED, reason, f"zhihu.walled.{rule}", evidence, title=document.title)


def _json(document: Document) -> Verdict | None:
    error = _at(parse_json(document.markup), "error")
    if not isinstance(error, dict):
        return None
    code, message = str(error.get("code")), str(error.get("message") or error.get("name") or "")
    reason, rule = _JSON_WALLS.get(code, (None, ""))
    if reason is None and (error.get("need_login") or "NOT_LOGIN" in str(error.get("name"))):
        reason, rule = Reason.LOGIN, "login"
    if reason is None:
        return None
    return _found_wall(reason, rule, f"{code} {message}", document)


def _walled(document: Document) -> Verdict | None:
    page, path = document.page, path_of(document.page.final_url)
    if path.startswith("/account/unhuman") or (document.is_html and document.has(".Unhuman-tip, .Unhuman")):
        return _found_wall(Reason.CAPTCHA, "unhuman", document.text(".Unhuman-tip") or path, document)
    if re.fullmatch(r"安全验证\s*-\s*知乎", document.title):
        return _found_wall(Reason.CAPTCHA, "unhuman", document.title, document)
    if document.has('#zh-zse-ck, meta[name="zh-zse-ck"], script[src*="zse-ck/"]'):
        return _found_wall(Reason.CHALLENGE, "challenge", "zh-zse-ck", document)
    if path.startswith(("/signin", "/signup")):
        return _found_wall(Reason.LOGIN, "signin", path, document)
    if page.http_status == 400 and len(page.body) < 600 and b"openresty" in page.body.lower():
        return _found_wall(Reason.BLOCKED, "user_agent", document.title or "400 Bad Request", document)
    return None


def _notice(document: Document, about: tuple[str, str] | None) -> Verdict | None:
    if about and path_of(document.page.final_url) in {"", "/"} and document.page.final_url:
        evidence = document.title or "/"
        return found(
            Outcome.FAILED, Reason.HOME_PAGE, "zhihu.failed.home_page", evidence, title=document.title
        )
    if says := _error(document):
        if document.page.http_status == 403:
            return _found_wall(Reason.FORBIDDEN, "forbidden", says, document)
        if _REFUSED.search(says) and not _NOT_FOUND.search(says):
            return found(
                Outcome.FAILED, Reason.UNAVAILABLE, "zhihu.failed.refused", says, title=document.title
            )
        return found(Outcome.GONE, Reason.NOT_FOUND, "zhihu.gone.not_found", says, title=document.title)
    if about and about[0] == "answers":
        if says := _outside_prose(document, _DELETED):
            return found(Outcome.REMOVED, Reason.DELETED, "zhihu.removed.answer", says, title=document.title)
        if says := _outside_prose(document, _WITHHELD):
            return found(Outcome.FAILED, Reason.WITHHELD, "zhihu.failed.withheld", says, title=document.title)
    return None


def _error(document: Document) -> str:
    """What the error page says; empty when this is none."""
    if node := document.first(".ErrorPage"):
        return (
            document.text(".ErrorPage-subtitle")
            or document.text(".ErrorPage-title")
            or tidy(text_of(node))
            or "404"
        )
    if len(document.visible) > 600:
        return ""
    for text in (document.title, *document.headings, document.visible):
        if match := _NOT_FOUND.search(text) or _REFUSED.search(text):
            return match[0]
    return ""


def _outside_prose(document: Document, wording: re.Pattern[str]) -> str:
    """A notice that is the whole text of an element of the page's own, not of an answer, a comment or a title."""
    body = document.tree.body
    if body is None:
        return ""
    for node in body.traverse(include_text=True):
        if node.tag != "-text" or not (text := tidy(node.text(deep=False))) or not wording.fullmatch(text):
            continue
        above, prose = node.parent, False
        while above is not None and not prose:
            classes = frozenset((above.attributes.get("class") or "").split())
            prose = bool(classes & _PROSE) or above.tag in {
                "script",
                "style",
                "h1",
                "title",
                "textarea",
                "template",
            }
            above = above.parent
        if not prose:
            return text
    return ""


# --- the article ---------------------------------------------------------------------------------------------------


def article(document: Document) -> Article:
    """The text of the entity, else of the page's own elements, with the author's slug."""
    about = subject(document.page.url) or subject(document.page.final_url)
    if about is None:
        return generic.article(document)
    entity = _entity(document, *about)
    if entity is None:
        plain = generic.article(document)
        shown = _shown_text(document, *about)
        return Article(
            text=shown or plain.text,
            title=_title(document, None) or None,
            account=_slug(document),
            published_at=generic.parse_time(document.meta("dateCreated")) or plain.published_at,
            pictures=plain.pictures,
        )
    author = _at(entity, "author", "urlToken")
    return Article(
        text=_entity_text(entity),
        title=_title(document, entity) or None,
        account=author if isinstance(author, str) and author else _slug(document),
        published_at=_created(entity),
        pictures=_pictures(entity),
    )


def _slug(document: Document) -> str | None:
    about = subject(document.attribute('.AuthorInfo meta[itemprop="url"]', "content"))
    return about[1] if about and about[0] == "users" else account(document.page.final_url)


def _created(entity: dict[str, Any]) -> datetime | None:
    for key in ("created", "createdTime", "publishedTime"):
        value = entity.get(key)
        if isinstance(value, int) and 1_000_000_000 < value < 4_000_000_000:
            return datetime.fromtimestamp(value, UTC)
    return None


def _pictures(entity: dict[str, Any]) -> tuple[str, ...]:
    content = entity.get("content")
    markup = content if isinstance(content, str) else ""
    found_in = _PICTURE.findall(markup)
    cover = entity.get("titleImage") or entity.get("imageUrl")
    every = ([cover] if isinstance(cover, str) and cover.startswith("http") else []) + found_in
    return tuple(dict.fromkeys(every))
