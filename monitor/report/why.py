"""Why a link stands as it does and when the next look is: one sentence from the data of the decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from monitor.model import Outcome, Reason, Status
from monitor.report import words
from monitor.report.words import Language

STANDING: dict[Status, tuple[str, str]] = {
    Status.PENDING: ("Not looked at yet.", "尚未查看。"),
    Status.ALIVE: ("Alive: {reason} (seen {checked}).", "在线：{reason}（{checked} 查看）。"),
    Status.SUSPECT: (
        "Suspect: {reason}; failing since {failing}, {failures} times so far, not confirmed yet.",
        "可疑：{reason}；自 {failing} 起 {failures} 次打不开，尚未确认。",
    ),
    Status.DEAD: (
        "Dead since {failing}: {reason}; confirmed {since}.",
        "自 {failing} 起失效：{reason}；{since} 确认。",
    ),
    Status.BLIND: (
        "Nothing can be said: {reason}, {walls} looks in a row; the article may well be there.",
        "无法判断：{reason}，连续 {walls} 次；文章可能仍在。",
    ),
}
WALLED = ("Its last look met {reason}, which says nothing.", "最近一次查看遇到{reason}，说明不了什么。")
_UNSAID = {Status.ALIVE: Reason.ARTICLE}  # what is believed while a wall hides it
RULES: dict[str, tuple[str, str]] = {
    "risk": ("Next look {at}, every {every}: {risk}.", "下次查看 {at}，间隔 {every}：{risk}。"),
    "young": ("Next look {at}: young pages die most often.", "下次查看 {at}：新文章最容易消失。"),
    "suspect": ("Next look {at}, to confirm or acquit.", "下次查看 {at}，以便确认。"),
    "dead": ("Next look {at}, in case it comes back.", "下次查看 {at}，看是否恢复。"),
    "came_back": ("It seems to be back; next look {at} to be sure.", "似乎已恢复；{at} 再查看确认。"),
    "walled": ("Next look {at}.", "下次查看 {at}。"),
    "temporary": (
        "Next look {at}: its address is temporary and dies by itself.",
        "下次查看 {at}：这是临时地址，会自行失效。",
    ),
    "outage": (
        "The last look was not believed: its whole host is down. Next look {at}.",
        "最近一次查看未予采信：整个网站都打不开。下次查看 {at}。",
    ),
    "wave": (
        "The last look was not believed: too many of its platform's links changed at once. Next look {at}.",
        "最近一次查看未予采信：该平台同时变化的链接太多。下次查看 {at}。",
    ),
    "marked": ("Next look {at}, to see for itself.", "{at} 再查看核实。"),
    "mate": (
        "Next look {at}: another link of its account has just disappeared.",
        "下次查看 {at}：同一账号的另一个链接刚刚消失。",
    ),
}
RISKS: dict[str, tuple[str, str]] = {
    "risk": ("pages like this die at {yearly:.0%} a year", "此类页面每年约 {yearly:.0%} 失效"),
    "account": (
        "its account's links at {factor:.1f} times that ({dead} of {of} dead, {expected} expected)",
        "该账号的链接为其 {factor:.1f} 倍（{of} 个中 {dead} 个失效，预期 {expected} 个）",
    ),
}


class Standing(Protocol):
    """A row of the table ``link``, as far as it is needed here."""

    status: str
    since: datetime
    outcome: str | None
    reason: str | None
    failing_since: datetime | None
    failures: int
    walls: int
    last_checked_at: datetime | None
    last_ok_at: datetime | None
    next_check_at: datetime | None
    why_then: Mapping[str, Any] | None
    risk_reasons: list[Mapping[str, Any]] | None
    watched: bool
    ignored: bool


def why(link: Standing, *, language: Language, zone: ZoneInfo, died_of: str | None = None) -> str:
    """What ``show`` says of a link.

    :param died_of: the reason of its flip to dead, if it is dead: its last look may have met something else.
    """

    def day(at: datetime | None) -> str:
        return words.day(language, at, zone) if at else "–"

    column = 1 if language == "zh" else 0
    status = Status(link.status)
    walled = link.outcome == Outcome.WALLED and status is not Status.BLIND
    because = died_of or (link.reason if not walled else _UNSAID.get(status))
    standing = STANDING[status][column].format(
        reason=words.reason(language, because)
        if because
        else ("no answer that helps", "没有可用的答复")[column],
        checked=day(link.since if link.reason == Reason.MARKED else link.last_ok_at or link.last_checked_at),
        failing=day(link.failing_since),
        since=day(link.since),
        failures=link.failures,
        walls=link.walls,
    )
    sentences = [standing, _next(link, language=language, zone=zone)]
    if walled and link.reason:
        sentences.insert(1, WALLED[column].format(reason=words.reason(language, link.reason)))
    return ("" if column else " ").join(one for one in sentences if one)


def _next(link: Standing, *, language: Language, zone: ZoneInfo) -> str:
    column = 1 if language == "zh" else 0
    if not link.watched:
        return ("No list mentions it any more; it is not watched.", "清单中已不再提到它；不再监测。")[column]
    if link.ignored:
        return ("You asked to ignore it.", "按你的要求不再监测。")[column]
    then = link.why_then or {}
    if link.next_check_at is None or then.get("rule") not in RULES:
        return ""
    return RULES[str(then["rule"])][column].format(
        at=words.day(language, link.next_check_at, zone),
        every=_every(float(then.get("every_s", 0)), column),
        risk=_risk(link, column),
    )


def _every(seconds: float, column: int) -> str:
    days = timedelta(seconds=seconds) / timedelta(days=1)
    if days < 1:
        return (f"{days * 24:.0f} hours", f"{days * 24:.0f} 小时")[column]
    return (f"{days:.0f} days", f"{days:.0f} 天")[column]


def _risk(link: Standing, column: int) -> str:
    """The age's own risk, then the account's factor where there is one."""
    reasons = {str(found.get("code")): found for found in link.risk_reasons or []}
    base = reasons.get("age")
    if base is None:
        return "–"
    text = RISKS["risk"][column].format(yearly=float(base["yearly"]))
    if account := reasons.get("account"):
        text += ("，" if column else ", ") + RISKS["account"][column].format(**account)
    return text
