# ruff: noqa: E501 - markup is read best as the platform breaks it

"""What zhihu.com answers instead of an article: its error page, challenges, refusals (docs/platforms.md, "Zhihu: states")."""

from __future__ import annotations

import json
from collections.abc import Callable

from monitor.demo.pages.layouts import weigh
from monitor.demo.reply import HTML, Reply, Visit, json_reply, page
from monitor.demo.state import State
from monitor.demo.text import token


def not_found(status: int) -> Reply:
    """The error page of today. With 403 it is a refusal of our address, with 404 and 200 it is meant."""
    return weigh(
        '<!doctype html><html lang="zh"><head><meta charset="utf-8"/><title data-rh="true">404 - 知乎</title>',
        '</head><body><div id="root"><main role="main" class="App-main"><div class="ErrorPage"><div class="ErrorPage-content">'
        '<div class="ErrorPage-title">404</div><div class="ErrorPage-subtitle">你似乎来到了没有知识存在的荒原</div>'
        '<div class="ErrorPage-text"><a href="https://www.zhihu.com/">去往首页</a></div></div></div></main></div></body></html>',
        size=12_000,
        status=status,
    )


def _not_found_2016(visit: Visit) -> Reply:
    return weigh(
        '<!DOCTYPE html><html><head><meta charset="utf-8"/><title>404 - 知乎</title>',
        '</head><body><div class="page"><div class="error"><strong>404. 抱歉! 您访问的资源不存在!</strong>'
        "<p>请确认您输入的网址是否正确，如果问题持续存在，请发邮件至与我们取得联系。</p></div></div></body></html>",
        size=3_000,
        status=404,
    )


def _error(title: str, text: str, status: int) -> Reply:
    return weigh(
        f'<!doctype html><html><head><meta charset="utf-8"/><title>{title}</title>',
        f'</head><body><div class="ErrorPage"><h1 class="ErrorPage-title">{title}</h1><p>{text}</p></div></body></html>',
        size=6_000,
        status=status,
    )


def _challenge(visit: Visit, status: int) -> Reply:
    secret = token(64, "zse", visit.nonce)
    return page(
        '<!doctype html><html><head><meta charset="UTF-8"/><title>知乎，让每一次点击都充满意义 —— 欢迎来到知乎，发现问题背后的世界。</title>'
        f'<meta id="zh-zse-ck" content="004_{secret}"/></head><body>'
        '<script src="https://static.zhihu.com/zse-ck/v4/5e3b7ff1c8bd4e5a.js"></script></body></html>',
        status=status,
    )


def _unhuman(status: int) -> Reply:
    return weigh(
        '<!doctype html><html lang="zh"><head><meta charset="utf-8"/><title data-rh="true">安全验证 - 知乎</title>',
        '</head><body><div id="root"><main><div class="Unhuman"><section class="Unhuman-verificationCode">'
        '<div class="Unhuman-tip">系统监测到您的网络环境存在异常，为保证您的正常访问，请点击下方验证按钮进行验证。</div>'
        '<button class="Button">开始验证</button></section></div></main></div>'
        '<script id="js-initialData" type="text/json">{"initialState":{"entities":{}}}</script></body></html>',
        size=25_000,
        status=status,
    )


def _json(code: int, message: str, status: int, **more: object) -> Callable[[Visit], Reply]:
    text = json.dumps({"error": {"message": message, "code": code, **more}}, ensure_ascii=False)
    return lambda _: json_reply(text, status)


def _refused_client(visit: Visit) -> Reply:
    html = (
        b"<html>\r\n<head><title>400 Bad Request</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n"
        b"<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n"
    )
    return Reply(status=400, headers=(HTML, ("Server", "openresty")), parts=(html,), zipped=False)


_LIMITED = "您当前请求存在异常，暂时限制本次访问。如有疑问，您可以通过手机摇一摇或登录后私信知乎小管家反馈。"
_UNHUMAN_URL = "https://www.zhihu.com/account/unhuman?type=unhuman&message=系统监测到您的网络环境存在异常"

WALLS: dict[State, Callable[[Visit], Reply]] = {
    State.ZHIHU_NOT_FOUND: lambda _: not_found(404),
    State.ZHIHU_NOT_FOUND_200: lambda _: not_found(200),
    State.ZHIHU_NOT_FOUND_403: lambda _: not_found(403),
    State.ZHIHU_NOT_FOUND_2016: _not_found_2016,
    State.ZHIHU_PAGE_MISSING: lambda _: _error("页面无法访问", "您访问的页面不存在", 200),
    State.ZHIHU_BAD_REQUEST: lambda _: _error("请求错误", "无法访问当前页面", 404),
    State.ZHIHU_CHALLENGE: lambda visit: _challenge(visit, 403),
    State.ZHIHU_CHALLENGE_200: lambda visit: _challenge(visit, 200),
    State.ZHIHU_UNHUMAN: lambda _: _unhuman(200),
    State.ZHIHU_UNHUMAN_403: lambda _: _unhuman(403),
    State.ZHIHU_JSON_40352: _json(
        40352,
        "系统监测到您的网络环境存在异常，为保证您的正常访问，请点击下方验证按钮进行验证。",
        403,
        need_login=True,
        redirect=_UNHUMAN_URL,
    ),
    State.ZHIHU_JSON_40353: _json(40353, "请您登录后查看更多专业优质内容。", 403, need_login=True),
    State.ZHIHU_JSON_40362: _json(40362, _LIMITED, 403),
    State.ZHIHU_JSON_40362_200: _json(40362, _LIMITED, 200),
    State.ZHIHU_JSON_10003: _json(10003, "请求参数异常，请升级客户端后重试。", 403),
    State.ZHIHU_JSON_100: _json(100, "ERR_TICKET_NOT_EXIST", 401, name="ZERR_NOT_LOGIN"),
    State.ZHIHU_REFUSED_CLIENT: _refused_client,
}
