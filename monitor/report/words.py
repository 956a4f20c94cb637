"""The words of the report in each language it speaks, and how it writes times and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from monitor.model import Reason

Language = Literal["en", "zh"]
_COLUMN: dict[Language, int] = {"en": 0, "zh": 1}

TEXT: dict[str, tuple[str, str]] = {
    "safe": ("safe", "安全"),
    "exposed": ("exposed", "无备份"),
    "rescued": ("rescued", "已抢救"),
    "lost": ("lost", "已丢失"),
    "safe_means": ("alive, copied", "在线·有备份"),
    "exposed_means": ("alive, no copy", "在线·无备份"),
    "rescued_means": ("dead, copied", "失效·有备份"),
    "lost_means": ("dead, no copy", "失效·无备份"),
    "title": ("Your reading list", "你的阅读清单"),
    "period": ("{start} to {end}", "{start} 至 {end}"),
    "watched": (
        "Links watched: {links}. In danger: {endangered}.",
        "共 {links} 个链接，{endangered} 个有风险。",
    ),
    "changed": ("Changes since {start}.", "变化自 {start} 起计算。"),
    "quiet": (
        "A quiet week: nothing died and nothing came back.",
        "平静的一周：没有链接失效，也没有链接恢复。",
    ),
    "missed": (
        "This report was due on {due}. rotwatch was not running then, or had nobody to send it to.",
        "本期报告应于 {due} 发出；当时 rotwatch 没有运行，或没有设置收件人。",
    ),
    "died": ("Died", "已失效"),
    "came_back": ("Came back", "已恢复"),
    "in_danger": ("In danger", "有风险"),
    "newly_blind": ("Walled: nothing can be said", "被拦住，无法判断"),
    "copied": ("First copies verified", "新增的可靠备份"),
    "refused": ("No copy could be made", "备份失败"),
    "troubles": ("Trouble", "故障"),
    "advice": ("What you can do", "你可以做的"),
    "died_said": ("{reason}, found {at}.", "{reason}（{at} 发现）。"),
    "back_said": ("Back since {at}: {reason}.", "{at} 起恢复：{reason}。"),
    "blind_said": (
        "Walled since {at}: {reason}. It may well be alive.",
        "{at} 起被拦住：{reason}。文章可能仍在。",
    ),
    "evidence": ("Seen: “{evidence}”", "依据：“{evidence}”"),
    "chance": ("{chance} likely to die within 90 days.", "90 天内失效的可能性：{chance}。"),
    "suspected": (
        "Failing since {since}: {reason}. Not confirmed yet.",
        "{since} 起打不开：{reason}，尚未确认。",
    ),
    "refused_said": ("{archive}, {at}: {why}", "{archive}，{at}：{why}"),
    "no_copy": ("No copy", "无备份"),
    "is_lost": ("Lost: no copy", "已丢失：无备份"),
    "copy": ("Saved copy: {archive}, {at}", "备份：{archive}，{at}"),
    "local": ("local copy", "本地备份"),
    "wayback": ("Wayback Machine", "互联网档案馆"),
    "elsewhere": ("Look for it at", "可到这里寻找："),
    "in_lists": ("In {places}", "出处：{places}"),
    "and_places": ("and {count} more", "等另外 {count} 处"),
    "more_attached": ("and {count} more: see {file}", "另有 {count} 项：见附件 {file}"),
    "more_danger": (
        "and {count} more: rotwatch status --at-risk",
        "另有 {count} 项：rotwatch status --at-risk",
    ),
    "more_copied": ("and {count} more", "另有 {count} 项"),
    "source_missing": ("The list {path} is missing since {since}.", "清单 {path} 自 {since} 起找不到了。"),
    "source_problem": ("The list {path} cannot be read: {problem}", "清单 {path} 读不了：{problem}"),
    "trouble": ("{name}: {note}", "{name}：{note}"),
    "trouble_unknown": ("{name} does not answer as it should.", "{name} 工作不正常。"),
    "undelivered": (
        "A report never arrived (“{subject}”): {error}",
        "有一份报告没有送达（“{subject}”）：{error}",
    ),
    "do_lost": (
        "Look for the lost ones in other archives: each has two links that open a search.",
        "到其他档案馆寻找已丢失的文章：每一条下面都有两个搜索链接。",
    ),
    "do_danger": (
        "Ask for copies of what is in danger now: rotwatch archive",
        "现在就为有风险的链接请求备份：rotwatch archive",
    ),
    "do_keys": (
        "Saving without archive.org keys often fails. Get free ones: https://archive.org/account/s3.php",
        "没有 archive.org 密钥时存档常常失败。免费申请：https://archive.org/account/s3.php",
    ),
    "do_wayback": (
        "Let archive.org keep copies, too: archives.wayback.enabled = true",
        "让互联网档案馆也保存备份：archives.wayback.enabled = true",
    ),
    "do_blind": (
        "Open the walled ones in your own browser: a captcha or a login keeps rotwatch out.",
        "用自己的浏览器打开被拦住的链接：验证码或登录把 rotwatch 挡在外面。",
    ),
    "do_sources": (
        "Mend the paths of the lists that cannot be read: [[sources]] in the configuration.",
        "修正读不到的清单的路径：配置文件中的 [[sources]]。",
    ),
    "footer": (
        "Times are in {zone}. How each verdict was reached: rotwatch show URL",
        "时间为 {zone} 时区。每个结论的依据：rotwatch show URL",
    ),
    "subject_quiet": (
        "rotwatch: a quiet week ({safe} safe, {exposed} exposed, {rescued} rescued, {lost} lost)",
        "rotwatch：平静的一周（安全 {safe}，无备份 {exposed}，已抢救 {rescued}，已丢失 {lost}）",
    ),
    "subject_died": ("rotwatch: “{title}” died", "rotwatch：《{title}》已失效"),
    "subject_many": ("rotwatch: {died} died: “{title}” …", "rotwatch：{died} 篇失效：《{title}》等"),
    "subject_lost": (", {lost} lost without a copy", "，其中 {lost} 篇没有备份"),
    "subject_other": (
        "rotwatch: nothing died, {endangered} in danger, {copies} newly copied",
        "rotwatch：没有失效，{endangered} 个有风险，新增备份 {copies} 个",
    ),
}

REASONS: dict[Reason, tuple[str, str]] = {
    Reason.ARTICLE: ("the article is there", "文章还在"),
    Reason.PAGE: ("the page is there", "页面还在"),
    Reason.SAME_TEXT: ("the text is the same as before", "正文与之前一致"),
    Reason.SAME_TITLE: ("the title is the one in the list", "标题与清单一致"),
    Reason.DELETED_BY_AUTHOR: ("deleted by its author", "被作者删除"),
    Reason.DELETED: ("deleted", "已被删除"),
    Reason.VIOLATION: ("removed by the platform for a violation", "因违规被平台移除"),
    Reason.ACCOUNT_GONE: ("the account is gone", "账号已注销或被封"),
    Reason.LOST_IN_MIGRATION: ("lost when the account moved", "账号迁移时丢失"),
    Reason.NOT_FOUND: ("not found", "页面不存在"),
    Reason.NO_SUCH_HOST: ("the domain does not exist any more", "域名已不存在"),
    Reason.SOFT_404: ("a “not found” page that pretends to be fine", "返回的是“找不到”页面"),
    Reason.PARKED: ("the domain is parked or for sale", "域名被停放或出售"),
    Reason.SITE_GONE: ("the whole site was given up", "整个网站已停用"),
    Reason.TIMEOUT: ("no answer in time", "超时无响应"),
    Reason.DNS: ("the name service failed", "域名解析出错"),
    Reason.TLS: ("the certificate or encryption failed", "证书或加密连接出错"),
    Reason.CONNECTION: ("no connection", "无法连接"),
    Reason.PROTOCOL: ("an answer that makes no sense", "响应无法理解"),
    Reason.REFUSED_ADDRESS: ("an address rotwatch must not visit", "不允许访问的地址"),
    Reason.SERVER_ERROR: ("the server reports an error", "服务器出错"),
    Reason.MAINTENANCE: ("closed for maintenance", "网站维护中"),
    Reason.HOME_PAGE: ("leads to the home page instead", "跳转到了首页"),
    Reason.OTHER_PAGE: ("leads to another article", "跳转到了别的文章"),
    Reason.EXPIRED_LINK: ("a temporary address that has expired", "临时链接已过期"),
    Reason.BAD_LINK: ("the platform cannot read this address", "平台无法识别这个地址"),
    Reason.UNAVAILABLE: ("not to be seen at the moment", "暂时无法查看"),
    Reason.UNDER_REVIEW: ("under review", "内容审核中"),
    Reason.PRIVATE: ("made private", "已设为私密"),
    Reason.MIGRATED: ("moved to another account", "已迁移到别的账号"),
    Reason.MIGRATING: ("the account is being moved", "账号正在迁移"),
    Reason.WITHHELD: ("withheld until its author changes it", "待作者修改后才显示"),
    Reason.EMPTY: ("an empty page", "页面为空"),
    Reason.SITE_SUSPENDED: ("the site is suspended", "网站被暂停"),
    Reason.ICP_BLOCK: ("blocked for want of registration (ICP)", "因未备案被阻断"),
    Reason.CAPTCHA: ("a captcha", "验证码"),
    Reason.CHALLENGE: ("a browser check", "浏览器检查"),
    Reason.LOGIN: ("a login page", "需要登录"),
    Reason.FORBIDDEN: ("access refused", "拒绝访问"),
    Reason.RATE_LIMITED: ("too many requests", "访问过于频繁"),
    Reason.CLIENT_ONLY: ("opens only inside the app", "只能在客户端打开"),
    Reason.BLOCKED: ("a firewall refuses us", "被防火墙拦截"),
    Reason.UNKNOWN_LAYOUT: ("a page built as no rule knows yet", "页面结构是规则尚不认识的"),
    Reason.MARKED: ("you said so", "由你标记"),
}

SIGNS: dict[str, tuple[str, str]] = {
    "age": ("Pages of its age die at {yearly:.0%} a year.", "这个年龄的页面每年约有 {yearly:.0%} 失效。"),
    "account": (
        "Of the {of} other links of its account {dead} are dead.",
        "同一账号的另外 {of} 个链接中有 {dead} 个已失效。",
    ),
    "failed_lately": ("It failed {times} of the last 5 times.", "最近 5 次中有 {times} 次打不开。"),
    "was_away": ("It was away already within the last 90 days.", "最近 90 天内曾经消失过。"),
    "lands_elsewhere": ("It leads to another page than before.", "现在跳转到了别的页面。"),
    "shrunk": ("Its text is less than half of what it was.", "正文不到原来的一半。"),
    "temporary_address": ("Its address is temporary and expires by itself.", "这是临时地址，会自行过期。"),
}

_WEEKDAYS = (("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), tuple("一二三四五六日"))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def say(language: Language, key: str, **values: object) -> str:
    """One text of the table, with its values filled in."""
    return TEXT[key][_COLUMN[language]].format(**values)


def reason(language: Language, code: str) -> str:
    """A reason code in words; one that this version does not know is shown as it is."""
    try:
        return REASONS[Reason(code)][_COLUMN[language]]
    except ValueError:
        return code.replace("_", " ")


def sign(language: Language, found: Mapping[str, Any]) -> str | None:
    """What makes a link risky (a reason of :class:`monitor.policy.Risk`) as a sentence; None for an unknown one."""
    text = SIGNS.get(str(found.get("code")))
    try:
        return text[_COLUMN[language]].format(**found) if text else None
    except (KeyError, ValueError):  # written by another version
        return None


def moment(language: Language, at: datetime, zone: ZoneInfo) -> str:
    """A time for people: ``Mon 23 Nov 2026 08:00``."""
    local = at.astimezone(zone)
    weekday = _WEEKDAYS[_COLUMN[language]][local.weekday()]
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日 周{weekday} {local:%H:%M}"
    return f"{weekday} {day(language, at, zone)} {local:%H:%M}"


def day(language: Language, at: datetime, zone: ZoneInfo) -> str:
    """A date for people: ``23 Nov 2026``."""
    local = at.astimezone(zone)
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日"
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def change(difference: int) -> str:
    """A difference with its sign: ``+3``, ``−2``, ``±0``."""
    return f"+{difference}" if difference > 0 else f"−{-difference}" if difference else "±0"
