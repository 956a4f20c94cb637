"""The words that only the web has; all others are those of the report."""

from __future__ import annotations

from monitor.report import words
from monitor.report.words import Language

TEXT: dict[str, tuple[str, str]] = {
    "pending": ("not seen yet", "待查看"),
    "alive": ("alive", "在线"),
    "suspect": ("suspect", "可疑"),
    "dead": ("dead", "失效"),
    "blind": ("walled", "被拦住"),
    "ok": ("there", "正常"),
    "removed": ("removed", "被移除"),
    "gone": ("gone", "消失"),
    "failed": ("failed", "打不开"),
    "walled": ("walled", "被拦住"),
    "as_of": ("As of {now}.", "截至 {now}。"),
    "last_look": ("Last look {at}.", "最近一次查看：{at}。"),
    "no_look": ("Nothing has been looked at yet.", "尚未查看任何链接。"),
    "totals": (
        "{links} links: {parts}; {at_risk} at risk.",
        "共 {links} 个链接：{parts}；{at_risk} 个有风险。",
    ),
    "part": ("{count} {status}", "{count} 个{status}"),
    "no_links": (
        "Nothing is watched yet: rotwatch add FILE, or name a list under [[sources]].",
        "还没有监测任何链接：rotwatch add 文件，或在 [[sources]] 中写上清单。",
    ),
    "offline": (
        "Our own network is down since {at}; nothing is marked: {note}",
        "本机网络自 {at} 起中断，期间不作判断：{note}",
    ),
    "died_lately": ("Died in the last {days} days", "最近 {days} 天失效"),
    "walled_lately": ("Walled in the last {days} days", "最近 {days} 天被拦住"),
    "none": ("None.", "没有。"),
    "more": ("and {count} more: as JSON", "另有 {count} 项：JSON"),
    "find": ("Find a link", "查找链接"),
    "show": ("Show", "查看"),
    "numbers": ("The four numbers", "四个数字"),
    "overview": ("Overview", "总览"),
    "open": ("Open the page itself", "打开原网页"),
    "feed": ("Changes as a feed", "变化订阅"),
    "as_json": ("As JSON", "JSON"),
    "zone": ("Times are in {zone}.", "时间为 {zone} 时区。"),
    "copy_heading": ("Copy", "备份"),
    "lists": ("In lists", "出处"),
    "history": ("History", "历史"),
    "changes": ("Changes", "状态变化"),
    "copies": ("All copies", "全部备份"),
    "jobs": ("Archive jobs", "存档任务"),
    "span": ("{start} – {end}", "{start} – {end}"),
    "looks": (
        "{outcome}: {reason}, seen {checks} times by the rule {rule}",
        "{outcome}：{reason}，{checks} 次，规则 {rule}",
    ),
    "look": ("{outcome}: {reason}, seen once by the rule {rule}", "{outcome}：{reason}，1 次，规则 {rule}"),
    "flip": ("{old} → {new}: {reason}", "{old} → {new}：{reason}"),
    "verified": ("verified", "已核实"),
    "does_not_count": ("does not count", "不算数"),
    "not_judged": ("not judged yet", "尚未核实"),
    "older": ("{count} older ones: as JSON", "另有 {count} 条更早的：JSON"),
    "not_found": ("Not found", "找不到"),
    "feed_title": ("rotwatch: what changed", "rotwatch：链接变化"),
    "feed_entry": ("{status}: {title}", "{status}：{title}"),
    "badge_label": ("links", "链接"),
    "badge_says": ("{dead} dead, {at_risk} at risk", "{dead} 失效，{at_risk} 有风险"),
    "badge_nothing": ("none yet", "暂无"),
}


def say(language: Language, key: str, **values: object) -> str:
    """One text, with its values filled in."""
    if key not in TEXT:
        return words.say(language, key, **values)
    return TEXT[key][1 if language == "zh" else 0].format(**values)
