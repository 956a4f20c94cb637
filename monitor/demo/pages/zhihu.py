# ruff: noqa: E501 - markup is read best as the platform breaks it

"""zhihu.com: articles, answers, questions in two layouts, and its many walls (docs/platforms.md, "Zhihu")."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from urllib.parse import parse_qs, quote, urlsplit

from monitor.demo.pages.layouts import embedded, weigh
from monitor.demo.pages.zhihu_walls import WALLS, not_found
from monitor.demo.posts import Post
from monitor.demo.reply import Reply, Visit, filler, page, redirect
from monitor.demo.state import Setting, State
from monitor.demo.text import token

SLOGAN = "知乎，让每一次点击都充满意义 —— 欢迎来到知乎，发现问题背后的世界。"
_WITHHELD = "回答建议修改：不友善内容。"
_UNTIL_CHANGED = "作者修改内容通过后，回答会重新显示。"
_MODAL = '<div class="Modal-wrapper"><div class="Modal Modal--default signFlowModal"><div class="SignFlow">登录知乎，您可以享受以下权益</div></div></div>'


def build(visit: Visit, post: Post | None, setting: Setting, *, page_bytes: int) -> Reply:
    """The answer to ``visit``. ``post`` is None for an address without an article."""
    parts = urlsplit(visit.url)
    if setting.state is State.ZHIHU_UNHUMAN:
        return redirect(
            f"https://www.zhihu.com/account/unhuman?type=unhuman&need_login=true&next={quote(visit.url, safe='')}"
        )
    if setting.state is State.ZHIHU_LOGIN:
        return redirect(f"https://www.zhihu.com/signin?next={quote(parts.path, safe='')}")
    if setting.state is State.ZHIHU_HOME:
        return redirect("https://www.zhihu.com/")
    if setting.state is State.ZHIHU_SHELL:
        return shell()
    if setting.state in WALLS:
        return WALLS[setting.state](visit)
    if post is None:
        return _without_post(visit, parts.hostname or "", parts.path)
    if setting.state is State.ZHIHU_2015:
        return _layout_2015(post, setting)
    if parts.path.startswith("/tardis/"):
        return _tardis(post, setting)
    return _living(visit, post, setting, page_bytes)


def _without_post(visit: Visit, host: str, path: str) -> Reply:
    if host == "link.zhihu.com":
        return redirect(parse_qs(urlsplit(visit.url).query).get("target", ["https://www.zhihu.com/"])[0])
    if path == "/account/unhuman":
        return WALLS[State.ZHIHU_UNHUMAN](visit)
    if path in {"/signin", "/"}:
        return shell()
    if host == "m.zhihu.com" and path.startswith("/article/"):
        return redirect("https://www.zhihu.com/")
    return not_found(404)


def shell() -> Reply:
    """The home page and the login page for guests: the JSON block is there, and empty."""
    data = json.dumps(
        {"initialState": {"entities": {"users": {}, "questions": {}, "answers": {}, "articles": {}}}}
    )
    return weigh(
        '<!doctype html><html lang="zh"><head><meta charset="utf-8"/><title data-rh="true">知乎 - 有问题，就会有答案</title>'
        f'<meta name="description" property="og:description" content="{SLOGAN}"/>',
        '</head><body><div id="root"><main><div class="SignContainer-content">登录/注册</div></main></div>'
        f'<script id="js-initialData" type="text/json">{data}</script></body></html>',
        size=30_000,
    )


def _entities(post: Post, setting: Setting, content: str) -> tuple[dict[str, object], str]:
    """The entities of the JSON block, and the kind of page: ``p``, ``answer`` or ``question``."""
    kind, _, number = post.place.key.removeprefix("zhihu:").partition("/")
    created = int(post.published.timestamp())
    author = {"name": post.account, "urlToken": post.account_id}
    if kind == "p":
        article = {
            "id": number,
            "title": post.title,
            "content": content,
            "created": created,
            "updated": created,
            "author": author,
        }
        return {"articles": {number: article}}, kind
    question_number = _question_of(post, kind, number)
    question = {
        "id": question_number,
        "title": post.title,
        "created": created,
        "updatedTime": created,
        "answerCount": 12,
    }
    answers = dict(_neighbours(post))
    if kind == "answer" and setting.state is not State.ZHIHU_ANSWER_DELETED:
        is_withheld = setting.state is State.ZHIHU_WITHHELD
        answers[number] = {
            "id": number,
            "content": "" if is_withheld else content,
            "createdTime": created,
            "updatedTime": created,
            "author": author,
            "question": {"id": question_number, "title": post.title},
            "suggestEdit": {"status": True, "title": _WITHHELD, "tip": _UNTIL_CHANGED}
            if is_withheld
            else {"status": False},
        }
    return {"questions": {question_number: question}, "answers": answers}, kind


def _question_of(post: Post, kind: str, number: str) -> str:
    if kind == "question":
        return number
    path = urlsplit(post.url).path.split("/")
    return path[2] if path[1] == "question" else str(300_000_000 + int(number) % 99_999_999)


def _neighbours(post: Post) -> list[tuple[str, dict[str, object]]]:
    """Two answers that guests see under any question, of other people."""
    found: list[tuple[str, dict[str, object]]] = []
    for rank in range(2):
        number = str(int.from_bytes(token(6, "neighbour", post.seed, rank).encode(), "big") % 10**10)
        found.append(
            (
                number,
                {
                    "id": number,
                    "content": f"<p>{token(80, post.seed, rank)}</p>",
                    "createdTime": 1_600_000_000,
                },
            )
        )
    return found


def _rich_text(post: Post, setting: Setting) -> str:
    paragraphs = [f"<p>{escape(paragraph)}</p>" for paragraph in post.text(setting)]
    pictures = [
        f'<figure><img src="https://pic1.zhimg.com/v2-{post.picture(number)}_b.jpg" data-original="https://pic1.zhimg.com/v2-{post.picture(number)}_r.jpg"/></figure>'
        for number in range(1, post.pictures + 1)
    ]
    return "".join(paragraphs[:2] + pictures + paragraphs[2:])


def _poison(text: str) -> str:
    return "".join(
        chr(0x4E00 + ord(letter) * 7919 % 20_900) if "一" <= letter <= "龥" else letter for letter in text
    )


def _living(visit: Visit, post: Post, setting: Setting, page_bytes: int) -> Reply:
    content = _rich_text(post, setting)
    if setting.state is State.ZHIHU_POISONED:
        content, post = _poison(content), replace(post, title=_poison(post.title))
    title = post.title
    entities, kind = _entities(post, setting, content)
    data = embedded({"initialState": {"entities": entities, "env": {"userAgent": {"Edge": False}}}})
    body = (
        _article_body(post, title, content) if kind == "p" else _question_body(post, setting, content, kind)
    )
    modal = _MODAL if setting.state is State.ZHIHU_LOGIN_MODAL else ""
    head = (
        f'<!doctype html><html lang="zh" data-theme="light"><head><meta charset="utf-8"/><title data-rh="true">{escape(title)} - 知乎</title>'
        f'<meta data-rh="true" property="og:title" content="{escape(title)}"/><meta data-rh="true" property="og:url" content="{escape(post.own_url)}"/>'
        f'<meta data-rh="true" property="og:description" content="{escape(post.text(Setting())[-1][:60])}"/>'
        "<style>.ErrorPage-title{font-size:60px}.css-404{margin:0}</style></head>"
    )
    scripts = (
        f'<script id="js-clientConfig" type="text/json">{{"errorPage":"你似乎来到了没有知识存在的荒原","code":404,"slogan":"{SLOGAN}"}}</script>'
        f'<script id="js-initialData" type="text/json">{data}</script><script nonce="{visit.nonce}">'
    )
    padding = filler(min(page_bytes, 300_000))
    return page(
        head, f'<body><div id="root">{body}</div>{modal}', scripts, padding, "</script></body></html>"
    )


def _article_body(post: Post, title: str, content: str) -> str:
    when = post.published.isoformat()
    return (
        f'<main role="main" class="App-main"><div class="Post-content"><meta itemprop="name" content="{escape(title)}"/>'
        f'<meta itemprop="dateCreated" content="{when}"/><meta itemprop="dateModified" content="{when}"/>'
        f'<article class="Post-Main"><header class="Post-Header"><h1 class="Post-Title">{escape(title)}</h1>'
        f'<div class="AuthorInfo"><meta itemprop="name" content="{escape(post.account)}"/>'
        f'<meta itemprop="url" content="https://www.zhihu.com/people/{post.account_id}"/></div></header>'
        f'<div class="Post-RichTextContainer"><div class="RichText ztext Post-RichText">{content}</div></div></article></div></main>'
    )


def _answer_item(number: str, content: str, post: Post) -> str:
    zop = escape(
        json.dumps(
            {"authorName": post.account, "itemId": int(number), "title": post.title, "type": "answer"},
            ensure_ascii=False,
        )
    )
    return (
        f'<div class="List-item"><div class="ContentItem AnswerItem" data-zop="{zop}" name="{number}" itemprop="answer">'
        f'<div class="RichContent"><span class="RichText ztext CopyrightRichText-richText">{content}</span></div></div></div>'
    )


def _question_body(post: Post, setting: Setting, content: str, kind: str) -> str:
    number = post.place.key.rpartition("/")[2]
    target = (
        _answer_item(number, content, post)
        if kind == "answer"
        else f'<div class="QuestionRichText"><span class="RichText ztext">{content}</span></div>'
    )
    if setting.state is State.ZHIHU_ANSWER_DELETED:
        target = '<div class="Question-main"><div class="Card AnswerCard"><div class="AnswerItem-deleted">该回答已被删除</div></div></div>'
    elif setting.state is State.ZHIHU_WITHHELD:
        target = f'<div class="Card AnswerCard"><div class="AnswerItem-selfMendNotice">{_WITHHELD}{_UNTIL_CHANGED}</div></div>'
    others = "".join(_answer_item(other, str(entity["content"]), post) for other, entity in _neighbours(post))
    return (
        f'<main role="main" class="App-main"><div class="QuestionPage"><meta itemprop="name" content="{escape(post.title)}"/>'
        f'<meta itemprop="dateCreated" content="{post.published.isoformat()}"/><h1 class="QuestionHeader-title">{escape(post.title)}</h1>'
        f"{target}{others}</div></main>"
    )


def _tardis(post: Post, setting: Setting) -> Reply:
    return weigh(
        f'<!doctype html><html><head><meta charset="utf-8"><title>{escape(post.title)}</title>',
        f'</head><body><div class="Post-content"><h1 class="Post-Title">{escape(post.title)}</h1>'
        f'<div class="RichText ztext Post-RichText">{_rich_text(post, setting)}</div></div></body></html>',
        size=40_000,
    )


def _layout_2015(post: Post, setting: Setting) -> Reply:
    number = post.place.key.rpartition("/")[2]
    return weigh(
        f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"/><title>{escape(post.title)} - 知乎</title>',
        f'</head><body class="zhi"><div id="zh-question-title"><h2 class="zm-item-title">{escape(post.title)}</h2></div>'
        f'<div class="zm-item-answer" data-aid="{number}" data-atoken="{number}" data-created="{int(post.published.timestamp())}">'
        f'<div class="zm-item-rich-text"><div class="zm-editable-content clearfix">{_rich_text(post, setting)}</div></div></div></body></html>',
        size=60_000,
    )
