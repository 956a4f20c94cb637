"""A report as a page has it: in words, cleaned, cut to a readable length, but not yet in any markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from monitor.model import Status
from monitor.report import words
from monitor.report.clean import clean, href
from monitor.report.gather import Report
from monitor.report.language import Language
from monitor.report.words import say
from monitor.store.report import Change, Copy, Danger, Entry, Place, Refusal

SHOWN_IN_A_QUIET_WEEK = 3
PLACES_SHOWN = 3
PATH_AT_MOST = 40
NUMBERS = ("safe", "exposed", "rescued", "lost")


@dataclass(frozen=True, slots=True)
class Number:
    name: str  # safe, exposed, rescued, lost
    label: str
    meaning: str
    value: int
    change: str


@dataclass(frozen=True, slots=True)
class Anchor:
    text: str
    href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One link: its title, what is said of it, its copy (or, in ``missing``, that there is none)."""

    title: str
    address: Anchor
    sentences: tuple[str, ...]
    copy: Anchor | None
    missing: str
    elsewhere: tuple[Anchor, ...]
    places: str


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    heading: str
    count: int
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    language: Language
    subject: str
    title: str
    period: str
    numbers: tuple[Number, ...]
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    advice: tuple[str, ...]
    history: str  # the picture in words
    footer: str


def view(report: Report, language: Language, zone: ZoneInfo, *, shown: int, attachment: str) -> View:
    """:param shown: so many of each list of changes.
    :param attachment: the file name under which the whole lists are sent.
    """
    return _Writer(report, language, zone, shown, attachment).view()


class _Writer:
    def __init__(
        self, report: Report, language: Language, zone: ZoneInfo, shown: int, attachment: str
    ) -> None:
        self.report, self.language, self.zone = report, language, zone
        self.shown, self.attachment = shown, attachment

    def say(self, key: str, **values: object) -> str:
        return say(self.language, key, **values)

    def reason(self, code: str | None) -> str:
        return clean(words.reason(self.language, code or ""), 80)

    def day(self, at: datetime) -> str:
        return words.day(self.language, at, self.zone)

    def view(self) -> View:
        report = self.report
        start, end = (words.moment(self.language, at, self.zone) for at in (report.start, report.end))
        return View(
            language=self.language,
            subject=self.subject(),
            title=self.say("title"),
            period=self.say("period", start=start, end=end),
            numbers=tuple(self.number(name) for name in NUMBERS),
            summary=tuple(self.summary()),
            sections=tuple(section for section in self.sections() if section.count),
            advice=tuple(self.say(key) for key in _advice(report)),
            history=self.history(),
            footer=self.say("footer", zone=self.zone.key),
        )

    def subject(self) -> str:
        report = self.report
        if report.quiet:
            return self.say("subject_quiet", **{name: getattr(report.now, name) for name in NUMBERS})
        if not report.died:
            return self.say("subject_other", endangered=report.endangered, copies=report.copies)
        first = report.died[0]
        title = clean(first.title or first.url, 60)
        key = "subject_died" if len(report.died) == 1 else "subject_many"
        lost = self.say("subject_lost", lost=len(report.lost)) if report.lost else ""
        return self.say(key, title=title, died=len(report.died)) + lost

    def number(self, name: str) -> Number:
        value: int = getattr(self.report.now, name)
        before = self.report.before
        change = words.change(value - getattr(before, name)) if before else ""
        return Number(name, self.say(name), self.say(f"{name}_means"), value, change)

    def summary(self) -> Iterable[str]:
        report = self.report
        yield self.say("watched", links=report.now.links, endangered=report.endangered)
        if report.quiet:
            yield self.say("quiet")
        if report.due:
            yield self.say("missed", due=words.moment(self.language, report.due, self.zone))

    def history(self) -> str:
        """What the picture shows."""
        days, weeks = self.report.days, self.report.weeks
        if not days:
            return ""
        first, last = days[0], days[-1]
        return self.say(
            "history_said",
            start=first.day.isoformat(),
            end=last.day.isoformat(),
            alive_before=_share(first.alive, first.links),
            alive=_share(last.alive, last.links),
            readable_before=_share(first.readable, first.links),
            readable=_share(last.readable, last.links),
            deaths=" ".join(str(week.rescued + week.lost) for week in weeks),
        )

    def sections(self) -> Iterable[Section]:
        report = self.report
        yield self.section("died", report.died, [self.died(change) for change in report.died[: self.shown]])
        yield self.danger()
        yield self.section(
            "came_back", report.came_back, [self.back(c) for c in report.came_back[: self.shown]]
        )
        yield self.section(
            "newly_blind", report.newly_blind, [self.blind(c) for c in report.newly_blind[: self.shown]]
        )
        yield self.section("refused", report.refused, [self.refused(r) for r in report.refused[: self.shown]])
        more = report.copies - len(report.copied)
        yield Section(
            "copied",
            self.say("copied"),
            report.copies,
            tuple(self.line(entry) for entry in report.copied),
            more=self.say("more_copied", count=more) if more else "",
        )
        notes = tuple(self.notes())
        yield Section("troubles", self.say("troubles"), len(notes), notes=notes)

    def section(self, name: str, changes: Sequence[Entry], lines: list[Line]) -> Section:
        more = len(changes) - len(lines)
        attached = self.say("more_attached", count=more, file=self.attachment) if more else ""
        return Section(name, self.say(name), len(changes), tuple(lines), more=attached)

    def danger(self) -> Section:
        report = self.report
        shown = report.in_danger[:SHOWN_IN_A_QUIET_WEEK] if report.quiet else report.in_danger
        more = report.endangered - len(shown)
        return Section(
            "in_danger",
            self.say("in_danger"),
            report.endangered,
            tuple(self.endangered(danger) for danger in shown),
            more=self.say("more_danger", count=more) if more else "",
        )

    def line(self, entry: Entry, *sentences: str, missing: str = "", search: bool = False) -> Line:
        url = clean(entry.url, 90)
        return Line(
            title=clean(entry.title, 120) or url,
            address=Anchor(url, href(entry.url)),
            sentences=tuple(sentence for sentence in sentences if sentence),
            copy=self.copy(entry.copy),
            missing="" if entry.copy else missing,
            elsewhere=_searches(entry.url) if search and not entry.copy else (),
            places=self.places(entry.references),
        )

    def copy(self, copy: Copy | None) -> Anchor | None:
        if copy is None:
            return None
        text = self.say("copy", archive=self.archive(copy.archive), at=self.day(copy.captured_at))
        return Anchor(text, href(copy.url))

    def archive(self, name: str) -> str:
        return self.say(name) if name in {"local", "wayback"} else clean(name, 30)

    def places(self, references: Sequence[Place]) -> str:
        if not references:
            return ""
        shown = [f"{_short(place.path)}:{place.line}" for place in references[:PLACES_SHOWN]]
        if rest := len(references) - len(shown):
            shown.append(self.say("and_places", count=rest))
        return self.say("in_lists", places=", ".join(shown))

    def evidence(self, text: str) -> str:
        seen = clean(text, 160)
        return self.say("evidence", evidence=seen) if seen else ""

    def died(self, change: Change) -> Line:
        said = self.say("died_said", reason=_capital(self.reason(change.reason)), at=self.day(change.at))
        return self.line(
            change, said, self.evidence(change.evidence), missing=self.say("is_lost"), search=True
        )

    def back(self, change: Change) -> Line:
        said = self.say("back_said", at=self.day(change.at), reason=self.reason(change.reason))
        return self.line(change, said, missing=self.say("no_copy"))

    def blind(self, change: Change) -> Line:
        said = self.say("blind_said", at=self.day(change.at), reason=self.reason(change.reason))
        return self.line(change, said, self.evidence(change.evidence), missing=self.say("no_copy"))

    def refused(self, refusal: Refusal) -> Line:
        why = clean(refusal.message, 200) or clean(refusal.code, 60)
        key = "captured_wall_said" if refusal.wall else "refused_said"
        said = self.say(key, archive=self.archive(refusal.archive), at=self.day(refusal.at), why=why)
        return self.line(refusal, said)

    def endangered(self, danger: Danger) -> Line:
        happened = {"since": self.day(danger.since), "reason": self.reason(danger.reason)}
        if danger.status is Status.SUSPECT:  # the chance is that of a page that answers
            sentences = [self.say("suspected", **happened)]
        else:
            sentences = [self.say("chance", chance=_percent(danger.chance_90d))]
        if danger.status is Status.BLIND:
            sentences.insert(0, self.say("blind_said", at=happened["since"], reason=happened["reason"]))
        sentences += words.signs(self.language, danger.status, danger.risk_reasons)
        return self.line(danger, *sentences, missing=self.say("no_copy"))

    def notes(self) -> Iterable[str]:
        for source in self.report.sources:
            path = clean(source.path, 120)
            if source.problem or not source.missing_since:
                yield self.say("source_problem", path=path, problem=clean(source.problem, 200))
            else:
                yield self.say("source_missing", path=path, since=self.day(source.missing_since))
        for trouble in self.report.troubles:
            key = "trouble" if trouble.note else "trouble_unknown"
            yield self.say(key, name=clean(trouble.name, 40), note=clean(trouble.note, 200))
        for subject, error in self.report.undelivered:
            yield self.say("undelivered", subject=clean(subject, 80), error=clean(error, 200))


def _advice(report: Report) -> Iterable[str]:
    """What the person can do, as keys of the words."""
    if report.lost:
        yield "do_lost"
    if any(danger.copy is None for danger in report.in_danger):
        yield "do_danger"
    if report.now.exposed and report.wayback == "anonymous":
        yield "do_keys"
    if report.now.exposed and report.wayback == "off":
        yield "do_wayback"
    if report.newly_blind:
        yield "do_blind"
    if report.sources:
        yield "do_sources"


def _searches(url: str) -> tuple[Anchor, ...]:
    """Two archives that a person can ask; they have no interface for programs."""
    target = quote(url[:1500], safe="", errors="replace")
    return (
        Anchor("archive.today", f"https://archive.today/newest/{target}"),
        Anchor("web.archive.org", f"https://web.archive.org/web/*/{target}"),
    )


def _percent(chance: float) -> str:
    return f"{chance:.0%}" if chance >= 0.01 else "<1%"


def _share(count: int, links: int) -> str:
    return f"{100 * count / links:.1f}%"


def _short(path: str) -> str:
    """The end of a long path: the name of the file, and as many of its folders as fit."""
    line = clean(path, 400)
    if len(line) <= PATH_AT_MOST:
        return line
    tail = line[-PATH_AT_MOST:]
    return "…" + tail[tail.find("/") :] if "/" in tail else clean(line, PATH_AT_MOST)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
