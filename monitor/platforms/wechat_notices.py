"""The sentences of WeChat's own error element, and where it sits in each era's layout. Pure.

Wordings are held in simplified characters with 账号; what the page says is brought to that form first.

Facts: docs/platforms.md, "WeChat: where the message sits" and "WeChat: states".
"""

from __future__ import annotations

import re

from monitor.model import Outcome, Reason
from monitor.platforms.base import Notice, first_match
from monitor.platforms.html import Document, text_of, tidy

_TITLES = (
    ".weui-msg__title, .global_error_msg, .weui_msg_title, .mesg-block p, "
    ".page_msg .title, .page_msg h2, .page_msg h4"
)
_WHOLE = ".weui-msg, .page_msg, .weui_msg, .mesg-block"
_DESCRIPTIONS = ".weui-msg__desc, .weui_msg_desc, .page_msg .text_tips, p.tips"

_SIMPLIFIED = str.maketrans(
    "內發佈刪該違規無視閱帳號註銷遷處於鏈連結過參數錯誤係統審暫時據設隱讀訪問頻請從開驗證環異後投訴經權關實為將",
    "内发布删该违规无视阅账号注销迁处于链连结过参数错误系统审暂时据设隐读访问频请从开验证环异后投诉经权关实为将",
)


def _notice(wording: str, outcome: Outcome, reason: Reason, rule: str) -> Notice:
    return Notice(re.compile(wording, re.IGNORECASE), outcome, reason, f"wechat.{outcome}.{rule}")


# The first that matches speaks: an account that is gone may mention the infringement it was closed for.
NOTICES = (
    _notice(
        r"未将文章素材同步|该链接已不可访问", Outcome.REMOVED, Reason.LOST_IN_MIGRATION, "lost_in_migration"
    ),
    _notice(r"迁移流程中|已申请(?:公众号)?账号迁移", Outcome.FAILED, Reason.MIGRATING, "migrating"),
    _notice(
        r"(?:公众号|账号)已(?:经)?迁移|account (?:has |was )?(?:been )?(?:migrated|transferred)",
        Outcome.FAILED,
        Reason.MIGRATED,
        "migrated",
    ),
    _notice(
        r"(?:发布者|作者)(?:主动)?删除|deleted by (?:the |its )?(?:author|publisher|poster|owner)",
        Outcome.REMOVED,
        Reason.DELETED_BY_AUTHOR,
        "by_author",
    ),
    _notice(
        r"(?:账号|公众号)(?:已|被|自主|主动|永久|经){0,3}(?:屏蔽|注销|封禁|封停)"
        r"|account (?:has been |was |is |has )?(?:blocked|deleted|cancell?ed|deregistered|closed|deactivated|banned)",
        Outcome.REMOVED,
        Reason.ACCOUNT_GONE,
        "account_gone",
    ),
    _notice(
        r"因违规|涉嫌侵权|被(?:多人)?投诉|发送失败|违反.{0,20}(?:法律|法规|规定|政策)|不实信息"
        r"|violat|has been reported|infring",
        Outcome.REMOVED,
        Reason.VIOLATION,
        "violation",
    ),
    _notice(
        r"链接已(?:经)?(?:过期|失效)|link (?:has |is )?expired",
        Outcome.FAILED,
        Reason.EXPIRED_LINK,
        "expired_link",
    ),
    _notice(
        r"参数错误|parameters? (?:error|is invalid|are invalid)|(?:invalid|wrong|incorrect) parameters?",
        Outcome.FAILED,
        Reason.BAD_LINK,
        "bad_link",
    ),
    _notice(
        r"系统(?:出错|错误|繁忙)|system (?:error|busy|is busy)",
        Outcome.FAILED,
        Reason.SERVER_ERROR,
        "server_error",
    ),
    _notice(r"审核中|under review|being reviewed", Outcome.FAILED, Reason.UNDER_REVIEW, "under_review"),
    _notice(r"隐私设置|privacy setting", Outcome.FAILED, Reason.PRIVATE, "private"),
    _notice(
        r"过于频繁|too (?:frequent|often|many)",
        Outcome.WALLED,
        Reason.RATE_LIMITED,
        "rate_limited",
    ),
    _notice(
        r"环境异常|完成验证|去验证|(?:abnormal|unusual) (?:environment|activity|access)|environment (?:is )?abnormal",
        Outcome.WALLED,
        Reason.CAPTCHA,
        "captcha",
    ),
    _notice(
        r"请(?:在|使用|用|从)?微信(?:客户端)?(?:打开|扫)|open .{0,30}(?:in|with|on) (?:the )?(?:weixin|wechat)",
        Outcome.WALLED,
        Reason.CLIENT_ONLY,
        "client_only",
    ),
    _notice(
        r"暂时无法查看|temporarily unavailable|cannot be viewed",
        Outcome.FAILED,
        Reason.UNAVAILABLE,
        "unavailable",
    ),
)
WALLS = tuple(notice for notice in NOTICES if notice.outcome is Outcome.WALLED)


def plain(text: str) -> str:
    """A sentence in the form the wordings are held in: simplified, 账号, no spaces between CJK characters."""
    simplified = tidy(text, 600).translate(_SIMPLIFIED).replace("帐", "账")
    return re.sub(r"(?<=[\u2e80-\uffef]) +(?=[\u2e80-\uffef])", "", simplified)


def read(document: Document) -> tuple[str, Notice | None] | None:
    """What the page's error element says and the notice it is; None when no error element has text.

    The description is asked only when the title means nothing known: the reason of a violation may be in another
    language, or name things (an account, a rule) that other notices are made of. Lost articles are the exception:
    their title says "migrated" and only the description says that this one was left behind.
    """
    titles = _texts(document, _TITLES) or _texts(document, _WHOLE)
    if not titles:
        return None
    description = next(iter(_texts(document, _DESCRIPTIONS)), "")
    if first_match(plain(f"{titles[0]} {description}"), NOTICES[:1]):
        return f"{titles[0]} {description}".strip(), NOTICES[0]
    for text in titles:
        if notice := first_match(plain(text), NOTICES):
            more = f" {description}" if notice.reason is Reason.VIOLATION and description not in text else ""
            return text + more, notice
    return (titles[0], first_match(plain(description), NOTICES)) if description else (titles[0], None)


def _texts(document: Document, selector: str) -> list[str]:
    found = (tidy(text_of(node)) for node in document.tree.css(selector)[:20])
    return [text for text in found if text]
