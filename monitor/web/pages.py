"""The pages for people: how everything stands, and one link. No script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Row

from monitor.dump import PRESERVATION, STATUSES
from monitor.model import COUNTS, Status
from monitor.report import words
from monitor.report.clean import clean, href
from monitor.report.why import why
from monitor.store import report as standing
from monitor.store import service, tally
from monitor.store import web as read
from monitor.store.overview import Whole
from monitor.store.report import Copy
from monitor.store.tally import Tally
from monitor.web.api import find
from monitor.web.door import Refusal
from monitor.web.sentences import Anchor, Line, Sentences, page_of
from monitor.web.window import WINDOW

SHOWN = 15  # links of each list
ROWS = 50  # of each list of a link's page
LATELY = timedelta(days=30)
STYLE = files("monitor.web").joinpath("templates/style.css").read_text(encoding="utf-8")
STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A list of the status page. ``more`` leads to what is not shown."""

    heading: str
    count: int
    lines: tuple[Line, ...]
    more: Anchor | None


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a link's page: when, what, and what was seen."""

    when: str
    what: str
    detail: str = ""
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    heading: str
    items: tuple[Item, ...]
    older: str = ""


async def status(request: web.Request) -> web.Response:
    """The four numbers, then what died, what is in danger, what was walled of late."""
    window = request.app[WINDOW]
    now, say = window.now(), _sentences(request)
    lately: dict[str, Any] = {"since": now - LATELY, "limit": SHOWN}
    async with window.read() as db:
        numbers = await tally.count(db)
        died, deaths = await read.turned(db, Status.DEAD, **lately)
        endangered, dangers = await standing.in_danger(db, SHOWN)
        walled, walls = await read.turned(db, Status.BLIND, **lately)
        network = await service.get(db, service.NETWORK)
        problems, troubles = await standing.source_problems(db), await standing.troubles(db)
        last = await read.last_look(db)
    since, days = f"since={LATELY.days}d", LATELY.days
    died_more, walled_more = f"/api/status?status=dead&{since}", f"/api/status?status=blind&{since}"
    offline = ""
    if network is not None and network.failures:
        offline = say.say("offline", at=say.moment(network.updated_at), note=clean(network.note or "–", 200))
    notes = [*_of_sources(say, problems), *_of_services(say, troubles)]
    sections = (
        _section(say, "died_lately", [say.died(one) for one in died], deaths, died_more, days=days),
        _section(
            say, "in_danger", [say.endangered(one) for one in endangered], dangers, "/api/status?at_risk=1"
        ),
        _section(say, "walled_lately", [say.walled(one) for one in walled], walls, walled_more, days=days),
    )
    return _page(
        "status.html",
        say,
        numbers=[(name, getattr(numbers, name)) for name in PRESERVATION],
        summary=_summary(say, numbers),
        times=f"{say.say('as_of', now=say.moment(now))} "
        + (say.say("last_look", at=say.moment(last)) if last else say.say("no_look")),
        offline=offline,
        notes=notes,
        sections=sections,
    )


def _section(
    say: Sentences, heading: str, lines: Sequence[Line], count: int, all_of_them: str, **values: object
) -> Section:
    rest = count - len(lines)
    more = Anchor(say.say("more", count=rest), all_of_them) if rest else None
    return Section(heading=say.say(heading, **values), count=count, lines=tuple(lines), more=more)


def _summary(say: Sentences, numbers: Tally) -> str:
    if not numbers.links:
        return say.say("no_links")
    parts = [
        say.say("part", count=getattr(numbers, name), status=say.status(name))
        for name in STATUSES
        if getattr(numbers, name)
    ]
    separator = "，" if say.language == "zh" else ", "
    return say.say("totals", links=numbers.links, parts=separator.join(parts), at_risk=numbers.at_risk)


def _of_sources(say: Sentences, problems: Sequence[standing.SourceProblem]) -> list[str]:
    return [
        say.say("source_problem", path=clean(one.path, 120), problem=clean(one.problem, 200))
        if one.problem or not one.missing_since
        else say.say("source_missing", path=clean(one.path, 120), since=say.day(one.missing_since))
        for one in problems
    ]


def _of_services(say: Sentences, troubles: Sequence[standing.Trouble]) -> list[str]:
    """All services but our own network, which has a line of its own."""
    return [
        say.say(
            "trouble" if one.note else "trouble_unknown", name=clean(one.name, 40), note=clean(one.note, 200)
        )
        for one in troubles
        if one.name != service.NETWORK
    ]


async def link(request: web.Request) -> web.Response:
    """One link: why it stands as it does, its history with evidence, its copies, the next look."""
    say = _sentences(request)
    try:
        found = await find(request)
    except Refusal as refusal:
        return _page("problem.html", say, status=refusal.status, sentence=clean(refusal.sentence, 600))
    row = found.row
    copy = Copy(row.copy_url, row.copy_archive, row.copy_at) if row.copy_id and row.copy_url else None
    return _page(
        "link.html",
        say,
        title=clean(row.title, 300) or clean(row.url, 300),
        address=Anchor(clean(row.url, 2000), href(row.url)),
        json=page_of(row.url, "/api/link"),
        standing=row.status,
        why=clean(why(row, language=say.language, zone=say.zone, died_of=found.died_of), 2000),
        evidence=say.evidence(row.evidence),
        risks=_risks(say, row),
        copy=say.copy(copy),
        missing=say.say("is_lost" if row.status == Status.DEAD else "no_copy"),
        groups=[group for group in _groups(say, found) if group.items],
    )


def _risks(say: Sentences, link: Row[Any]) -> list[str]:
    if not link.at_risk or link.status == Status.DEAD:
        return []
    signs = words.signs(say.language, Status(link.status), link.risk_reasons or [])
    return [sentence for sentence in (say.chance(link.chance_90d), *signs) if sentence]


def _groups(say: Sentences, found: Whole) -> list[Group]:
    places = [
        Item("", clean(place["path"], 200) + (f":{place['line']}" if place["line"] else ""))
        for place in found.places
    ]
    return [
        _group(say, "lists", places),
        _group(say, "history", [_span(say, one) for one in reversed(found.spans)]),
        _group(say, "changes", [_flip(say, one) for one in reversed(found.flips)]),
        _group(say, "copies", [_snapshot(say, one) for one in reversed(found.snapshots)]),
        _group(say, "jobs", [_job(say, one) for one in reversed(found.jobs)]),
    ]


def _group(say: Sentences, heading: str, items: Sequence[Item]) -> Group:
    rest = len(items) - ROWS
    return Group(say.say(heading), tuple(items[:ROWS]), say.say("older", count=rest) if rest > 0 else "")


def _span(say: Sentences, span: Row[Any]) -> Item:
    when = say.say("span", start=say.moment(span.started_at), end=say.moment(span.ended_at))
    what = say.say(
        "look" if span.checks == 1 else "looks",
        outcome=say.status(span.outcome),
        reason=say.reason(span.reason),
        checks=span.checks,
        rule=clean(span.rule, 64),
    )
    return Item(when, what, say.evidence(span.evidence))


def _flip(say: Sentences, flip: Row[Any]) -> Item:
    old, new = say.status(flip.old), say.status(flip.new)
    what = say.say("flip", old=old, new=new, reason=say.reason(flip.reason))
    return Item(say.moment(flip.at), what, say.evidence(flip.evidence))


def _snapshot(say: Sentences, copy: Row[Any]) -> Item:
    key = "verified" if copy.grade in COUNTS else "not_judged" if copy.grade is None else "does_not_count"
    address = href(copy.url)
    what = f"{say.archive(copy.archive)} ({say.say(key)})"
    return Item(say.moment(copy.captured_at), what, clean(copy.url, 300), address)


def _job(say: Sentences, job: Row[Any]) -> Item:
    said = " ".join(clean(part, 300) for part in (job.code, job.message) if part)
    return Item(say.moment(job.created_at), f"{say.archive(job.archive)}: {clean(job.state, 20)}", said)


def _sentences(request: web.Request) -> Sentences:
    report = request.app[WINDOW].settings.report
    return Sentences(report.language, report.zone)


def _page(template: str, say: Sentences, *, status: int = 200, **values: Any) -> web.Response:
    text = _templates().get_template(template).render(say=say, style=Markup(STYLE), **values)  # noqa: S704  (ours)
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8")


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("monitor.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
