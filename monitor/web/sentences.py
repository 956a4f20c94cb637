"""What is said of a link, in one language and zone, cleaned of what strangers put into it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from monitor.model import Status
from monitor.report import words
from monitor.report.clean import clean, href
from monitor.report.language import Language
from monitor.store.report import Copy, Danger
from monitor.store.web import Turned
from monitor.web.words import TEXT, say


@dataclass(frozen=True, slots=True)
class Anchor:
    """``href`` is None where the address must not, or cannot, be opened."""

    text: str
    href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One link of a list: where its own page here is, what is said of it, and its copy or that there is none."""

    title: str
    page: str
    address: str
    sentences: tuple[str, ...]
    copy: Anchor | None
    missing: str


class Sentences:
    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self.language, self.zone = language, zone

    @property
    def tag(self) -> str:
        """The language for markup (BCP 47)."""
        return "zh-CN" if self.language == "zh" else "en"

    def say(self, key: str, **values: object) -> str:
        return say(self.language, key, **values)

    def moment(self, at: datetime | None) -> str:
        return words.moment(self.language, at, self.zone) if at else "–"

    def day(self, at: datetime) -> str:
        return words.day(self.language, at, self.zone)

    def reason(self, code: str | None) -> str:
        return clean(words.reason(self.language, code), 80) if code else "–"

    def status(self, name: str) -> str:
        """A status or an outcome as a word."""
        return self.say(name) if name in TEXT else clean(name, 20)

    def evidence(self, text: str | None) -> str:
        seen = clean(text or "", 300)
        return self.say("evidence", evidence=seen) if seen else ""

    def archive(self, name: str) -> str:
        return self.say(name) if name in {"local", "wayback"} else clean(name, 30)

    def copy(self, copy: Copy | None) -> Anchor | None:
        if copy is None:
            return None
        text = self.say("copy", archive=self.archive(copy.archive), at=self.day(copy.captured_at))
        return Anchor(text, href(copy.url))

    def chance(self, chance: float | None) -> str:
        if chance is None:
            return ""
        return self.say("chance", chance=f"{chance:.0%}" if chance >= 0.01 else "<1%")

    def died(self, link: Turned) -> Line:
        reason = self.reason(link.reason)
        said = self.say("died_said", reason=reason[:1].upper() + reason[1:], at=self.day(link.at))
        return self._turned(link, said, self.say("is_lost"))

    def walled(self, link: Turned) -> Line:
        said = self.say("blind_said", reason=self.reason(link.reason), at=self.day(link.at))
        return self._turned(link, said, self.say("no_copy"))

    def endangered(self, link: Danger) -> Line:
        sentences = [self.chance(link.chance_90d)]
        if link.status is Status.SUSPECT:
            suspected = self.say("suspected", since=self.day(link.since), reason=self.reason(link.reason))
            sentences.insert(0, suspected)
        sentences += words.signs(self.language, link.status, link.risk_reasons)
        return self._line(link.url, link.title, sentences, link.copy, self.say("no_copy"))

    def _turned(self, link: Turned, said: str, missing: str) -> Line:
        return self._line(link.url, link.title, [said, self.evidence(link.evidence)], link.copy, missing)

    def _line(self, url: str, title: str, sentences: list[str], copy: Copy | None, missing: str) -> Line:
        address = clean(url, 90)
        return Line(
            title=clean(title, 120) or address,
            page=page_of(url),
            address=address,
            sentences=tuple(sentence for sentence in sentences if sentence),
            copy=self.copy(copy),
            missing="" if copy else missing,
        )


def page_of(url: str, path: str = "/link") -> str:
    """Where a link is shown here."""
    return f"{path}?url={quote(url, safe='', errors='replace')}"
