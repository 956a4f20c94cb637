# ruff: noqa: E501 - markup is read best as the platform breaks it

"""The notices of mp.weixin.qq.com, word for word, in the page structure of each era (docs/platforms.md, "WeChat: states")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from monitor.demo.pages.layouts import weigh
from monitor.demo.posts import Post
from monitor.demo.reply import Reply, Visit
from monitor.demo.state import Setting, State
from monitor.demo.text import token


@dataclass(frozen=True, slots=True)
class Notice:
    """``title`` and ``reason`` as shown; ``english`` the title for readers of English, where it is known;
    ``layout`` the structure today."""

    title: str
    reason: str = ""
    english: str = ""
    layout: str = "2025"


_VIOLATION = "此内容因违规无法查看"
_VIOLATION_EN = "Unable to view this content because it violates regulation"
_MARKETING = "由用户投诉并经平台审核，涉嫌过度营销、骚扰用户"
_RULES = "接相关投诉，此内容违反《互联网用户公众账号信息服务管理规定》"

NOTICES: dict[State, Notice] = {
    State.WECHAT_DELETED: Notice(
        "该内容已被发布者删除", english="The content has been deleted by the author.", layout="2025-warn"
    ),
    State.WECHAT_VIOLATION: Notice(_VIOLATION, english=_VIOLATION_EN),
    State.WECHAT_VIOLATION_MARKETING: Notice(_VIOLATION, _MARKETING, _VIOLATION_EN),
    State.WECHAT_VIOLATION_RULES: Notice(_VIOLATION, _RULES, _VIOLATION_EN),
    State.WECHAT_VIOLATION_MIXED: Notice(_VIOLATION_EN, _RULES),
    State.WECHAT_INFRINGEMENT: Notice("此内容被投诉且经审核涉嫌侵权，无法查看。"),
    State.WECHAT_COMPLAINTS: Notice("此内容被多人投诉，相关的内容无法进行查看。"),
    State.WECHAT_SENDING_FAILED: Notice("此内容发送失败无法查看"),
    State.WECHAT_UNLAWFUL: Notice("此内容因涉嫌违反相关法律法规和政策发送失败"),
    State.WECHAT_RUMOUR: Notice("此文章被第三方评估为不实信息"),
    State.WECHAT_ACCOUNT_BLOCKED: Notice("此帐号已被屏蔽, 内容无法查看"),
    State.WECHAT_ACCOUNT_CLOSED: Notice("此账号已自主注销，内容无法查看"),
    State.WECHAT_ACCOUNT_INFRINGED: Notice("此帐号被投诉且经审核涉嫌侵权。此帐号已注销，内容无法查看。"),
    State.WECHAT_LOST_IN_MIGRATION: Notice("原帐号迁移时未将文章素材同步至新帐号，该链接已不可访问"),
    State.WECHAT_MIGRATED: Notice(
        "该公众号已迁移", "该公众号已迁移至新的帐号，原帐号已回收。若需访问原文章链接，请点击下方按钮。"
    ),
    State.WECHAT_MIGRATING: Notice("此帐号处于帐号迁移流程中"),
    State.WECHAT_MIGRATION_ASKED: Notice("此帐号已申请公众号帐号迁移"),
    State.WECHAT_EXPIRED: Notice("链接已过期"),
    State.WECHAT_BAD_LINK: Notice("参数错误", layout="2025-warn"),
    State.WECHAT_SYSTEM_ERROR: Notice("系统出错"),
    State.WECHAT_UNDER_REVIEW: Notice("内容审核中"),
    State.WECHAT_UNAVAILABLE: Notice("该内容暂时无法查看"),
    State.WECHAT_PRIVATE: Notice("根据作者隐私设置，无法查看该内容"),
    State.WECHAT_RATE_LIMITED: Notice(
        "你的访问过于频繁，需要从微信打开验证身份",
        "访问过于频繁，请用微信扫描二维码进行访问",
        layout="script",
    ),
    State.WECHAT_RATE_LIMITED_2017: Notice("操作过于频繁，请稍后再试", layout="2016"),
    State.WECHAT_CLIENT_ONLY: Notice("请在微信客户端打开链接"),
    State.WECHAT_CAPTCHA_RENDERED: Notice(
        "环境异常", "当前环境异常，完成验证后即可继续访问。", layout="rendered"
    ),
}


def notice(visit: Visit, post: Post | None, setting: Setting) -> Reply:
    """The notice of a state. ``setting.layout``: ``2016``, ``2019``, ``2025``, ``2025-warn``, ``bare`` or ``old``."""
    which = NOTICES[setting.state]
    title = which.english if which.english and visit.wants_english else which.title
    layout = setting.layout or which.layout
    if layout not in _LAYOUTS:
        raise ValueError(f"WeChat has no layout {layout!r}: take one of {', '.join(_LAYOUTS)}.")
    script = _variables(post, setting, filled=layout == "2016")
    return _LAYOUTS[layout](escape(title), escape(which.reason), script)


def _variables(post: Post | None, setting: Setting, *, filled: bool) -> str:
    if setting.state is State.WECHAT_MIGRATED:
        name = "transfer_target_link" if setting.layout == "2019" else "transferTargetLink"
        target = (
            setting.target or f"https://mp.weixin.qq.com/s/{token(22, 'moved', setting.state)}"
        ).replace("&", "\\x26amp;")
        return f"<script>var {name} = '{target}';</script>"
    if filled and post is not None:  # some dead pages of 2016 kept them
        return f'<script>var biz = "Mz{post.account_id[:12]}==";var mid = "2650000001";var sn = "{token(32, post.seed)}";</script>'
    if setting.state is State.WECHAT_DELETED:
        return '<script>var biz = ""||"";var sn = ""||"";var mid = ""||"";var idx = ""||"";</script>'
    return ""


def _head(title: str = "") -> str:
    return f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title>'


def _era_2016(title: str, reason: str, script: str) -> Reply:
    return weigh(
        _head(),
        '</head><body class="zh_CN"><div class="page_msg"><div class="inner"><span class="msg_icon_wrp"><i class="icon80_smile">'
        f'</i></span><div class="msg_content"><p class="title global_error_msg">{title}</p><p class="tips">{reason}</p></div>'
        f"</div></div>{script}</body></html>",
        size=20_000,
    )


def _era_2019(title: str, reason: str, script: str) -> Reply:
    return weigh(
        _head(),
        '</head><body class="zh_CN"><div class="weui-msg"><div class="weui-msg__icon-area"><i class="weui-icon-warn"></i></div>'
        f'<div class="weui-msg__text-area"><h2 class="weui-msg__title">{title}</h2><p class="weui-msg__desc">{reason}</p></div>'
        f"</div>{script}</body></html>",
        size=32_000,
    )


def _era_2025(title: str, reason: str, script: str) -> Reply:
    return weigh(
        _head(),
        '</head><body class="zh_CN"><div id="js_cont_wrp"><div class="weui-msg"><div class="weui-msg__icon-area">'
        '<i class="weui-icon-warn weui-icon_msg-primary"></i></div><div class="weui-msg__text-area">'
        f'<h2 class="weui-msg__title">{title}</h2><div class="weui-msg__desc"><p class="tips">{reason}</p></div></div></div>'
        f"</div>{script}</body></html>",
        size=36_000,
    )


def _era_2025_warn(title: str, reason: str, script: str) -> Reply:
    return weigh(
        _head(),
        '</head><body class="zh_CN"><div class="weui-msg"><div class="weui-msg__icon-area"><i class="weui-icon-warn"></i></div>'
        f'<div class="weui-msg__text-area"><div class="weui-msg__title warn">{title}</div>'
        f'<div class="weui-msg__desc">{reason}</div></div></div>{script}</body></html>',
        size=33_000,
    )


def _bare(title: str, reason: str, script: str) -> Reply:
    return weigh(
        _head(title),
        f'</head><body><div class="mesg-block"><p>{title}</p></div>{script}{reason}</body></html>',
        size=0,
    )


def _old(title: str, reason: str, script: str) -> Reply:
    return weigh(
        _head(),
        f'</head><body><div class="weui_msg"><div class="weui_text_area"><h4 class="weui_msg_title">{title}</h4>'
        f'<p class="weui_msg_desc">{reason}</p></div></div>{script}</body></html>',
        size=9_000,
    )


def _in_script(title: str, reason: str, script: str) -> Reply:
    return weigh(
        _head(),
        '</head><body class="zh_CN"><script>document.write(\'<div class="weui-msg"><h2 class="weui-msg__title">'
        f"{title}</h2><p>{reason}</p></div>');</script>{script}</body></html>",
        size=12_000,
    )


def _rendered(title: str, reason: str, script: str) -> Reply:
    return weigh(
        _head(),
        '<script src="https://captcha.gtimg.com/1/TCaptcha.js"></script></head>'
        '<body class="zh_CN" data-pageid="mmbizwap:secitptpage/verify.html"><div class="weui-msg">'
        f'<h2 class="weui-msg__title">{title}</h2><p class="weui-msg__desc">{reason}</p>'
        f'<a class="weui-btn weui-btn_primary" id="js_verify">去验证</a></div>{script}</body></html>',
        size=17_000,
    )


_LAYOUTS: dict[str, Callable[[str, str, str], Reply]] = {
    "2016": _era_2016,
    "2019": _era_2019,
    "2025": _era_2025,
    "2025-warn": _era_2025_warn,
    "bare": _bare,
    "old": _old,
    "script": _in_script,
    "rendered": _rendered,
}
