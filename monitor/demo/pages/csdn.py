# ruff: noqa: E501 - markup is read best as the platform breaks it

"""blog.csdn.net: living articles with and without prompts, the script challenge, refusals (docs/platforms.md, "CSDN")."""

from __future__ import annotations

import json
from html import escape
from urllib.parse import urlsplit

from monitor.demo.pages.layouts import embedded, weigh
from monitor.demo.posts import Post
from monitor.demo.reply import HTML, Reply, Visit, filler, page
from monitor.demo.state import Setting, State
from monitor.demo.text import random_of, token

_PROMPTS = (
    '<div class="hide-article-box hide-article-pos text-center"><a class="btn-readmore">阅读全文</a></div>'
    '<div class="passport-login-container" style="display:none"></div><div class="login-mark"></div>'
    "<script>var isVip = false; var needVip = 1; var articleType = 'vip';</script>"
)
# On every living page; no sign of a wall.
_ALWAYS = (
    '<script src="//g.csdnimg.cn/cdn_cgi_bs_captcha/static/captcha.js"></script>'
    '<script src="//g.csdnimg.cn/cdn_cgi_bs_bot/static/bot.js"></script>'
)


def build(visit: Visit, post: Post | None, setting: Setting, *, page_bytes: int) -> Reply:
    """The answer to ``visit``. ``post`` is None for an address without an article."""
    match setting.state:
        case State.CSDN_NOT_FOUND:
            return _not_found(404)
        case State.CSDN_NOT_FOUND_200:
            return _not_found(200)
        case State.CSDN_CHALLENGE:
            return _challenge(visit)
        case State.CSDN_CHALLENGE_EMPTY:
            return page(status=521)
        case State.CSDN_WAF:
            return page(
                "<html><head><title>403</title></head><body><center><h1>WAF</h1></center></body></html>",
                status=403,
            )
        case State.CSDN_SECURITY:
            return _security()
    if post is None:
        return _home() if urlsplit(visit.url).path in {"", "/"} else _not_found(404)
    return _living(post, setting, page_bytes)


def _home() -> Reply:
    return weigh(
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>CSDN - 专业开发者社区</title>',
        "</head><body></body></html>",
        size=20_000,
    )


def _not_found(status: int) -> Reply:
    report = escape(json.dumps({"pid": "404", "spm": "1001.2101"}))
    return weigh(
        '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>404 - CSDN</title>'
        f'<meta name="report" content="{report}">',
        '</head><body class="nodata"><div class="new_404"><img src="https://csdnimg.cn/release/404.png"><p>抱歉，您访问的页面找不到了</p></div></body></html>',
        size=9_000,
        status=status,
    )


def _challenge(visit: Visit) -> Reply:
    numbers = ",".join(f"0x{value:x}" for value in random_of("521", visit.nonce).choices(range(256), k=300))
    script = (
        f"<script>var x=[{numbers}];function go(){{var s='';for(var i=0;i<x.length;i++)s+=String.fromCharCode(x[i]^0x2a);"
        "document.cookie='https_waf_cookie='+s.slice(0,32)+';path=/';location.reload()}setTimeout('go()',1500);</script>"
    )
    cookie = f"yd_cookie={token(40, 'yd', visit.nonce)}; path=/; HttpOnly"
    return page(f"<html><body>{script}</body></html>", status=521, headers=(HTML, ("Set-Cookie", cookie)))


def _security() -> Reply:
    return weigh(
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>security check</title>',
        '</head><body><div id="captcha"><h3>访问验证</h3><p>请完成安全验证后继续访问</p></div></body></html>',
        size=3_000,
    )


def _structured(post: Post) -> str:
    own = f"https://blog.csdn.net/{urlsplit(post.own_url).path.lstrip('/')}"
    data = {
        "@context": "https://ziyuan.baidu.com/contexts/cambrian.jsonld",
        "@id": own,
        "title": post.title,
        "pubDate": post.published.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    report = escape(json.dumps({"pid": "blog", "spm": "1001.2101"}))
    return (
        f'<link rel="canonical" href="{escape(own)}"/><meta name="report" content="{report}">'
        f'<script type="application/ld+json">{embedded(data)}</script>'
    )


def _living(post: Post, setting: Setting, page_bytes: int) -> Reply:
    number = post.place.key.removeprefix("csdn:")
    text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in post.text(setting))
    pictures = "".join(
        f'<p><img src="https://i-blog.csdnimg.cn/blog_migrate/{post.picture(count)}.png" alt="在这里插入图片描述"></p>'
        for count in range(1, post.pictures + 1)
    )
    bounce = "<script>if(!navigator.cookieEnabled||!document.cookie){window.location.href='https://passport.csdn.net/login?code=applets'}</script>"
    head = (
        f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">{_structured(post)}'
        f"<title>{escape(post.title)}-CSDN博客</title>{_ALWAYS}"
        f'<script>var articleTitle = "{escape(post.title)}"; var articleId = {number}; var username = "{post.account_id}";</script>'
        f"{bounce if setting.state is State.CSDN_LOGIN_BOUNCE else ''}</head>"
    )
    body = (
        f'<body class="nodata " style=""><div class="blog-content-box"><h1 class="title-article" id="articleContentId">{escape(post.title)}</h1>'
        f'<a class="follow-nickName" href="https://blog.csdn.net/{post.account_id}">{escape(post.account)}</a>'
        f'<div id="article_content" class="article_content clearfix"><div id="content_views" class="markdown_views">{text}{pictures}</div></div></div>'
        f"{_PROMPTS if setting.state is State.CSDN_PROMPTS else ''}<script>"
    )
    return page(head, body, filler(min(page_bytes, 200_000)), "</script></body></html>")
