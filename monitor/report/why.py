"""Why a link stands as it does and when the next look is: one sentence from the data of the decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from monitor.model import Outcome, Reason, Status
from monitor.report import words
from monitor.report.language import N_, NN_, Language, Text, tell

STANDING: dict[Status, Text] = {
    Status.PENDING: N_("Not looked at yet."),
    Status.ALIVE: N_("Alive: {reason} (seen {checked})."),
    Status.SUSPECT: NN_(
        "Suspect: {reason}; failing since {failing}, once so far, not confirmed yet.",
        "Suspect: {reason}; failing since {failing}, {failures} times so far, not confirmed yet.",
        "failures",
    ),
    Status.DEAD: N_("Dead since {failing}: {reason}; confirmed {since}."),
    Status.BLIND: NN_(
        "Nothing can be said: {reason} at the last look; the article may well be there.",
        "Nothing can be said: {reason}, {walls} looks in a row; the article may well be there.",
        "walls",
    ),
}
WALLED = N_("Its last look met {reason}, which says nothing.")
_UNSAID = {Status.ALIVE: Reason.ARTICLE}  # what is believed while a wall hides it
RULES: dict[str, Text] = {
    "risk": N_("Next look {at}, every {every}: {risk}."),
    "young": N_("Next look {at}: young pages die most often."),
    "suspect": N_("Next look {at}, to confirm or acquit."),
    "dead": N_("Next look {at}, in case it comes back."),
    "came_back": N_("It seems to be back; next look {at} to be sure."),
    "walled": N_("Next look {at}."),
    "temporary": N_("Next look {at}: its address is temporary and dies by itself."),
    "outage": N_("The last look was not believed: its whole host is down. Next look {at}."),
    "wave": N_(
        "The last look was not believed: too many of its platform's links changed at once. Next look {at}."
    ),
    "marked": N_("Next look {at}, to see for itself."),
    "site": N_("Next look {at}: there is news of its site."),
    "elsewhere": N_("Only one place sees it fail: the next look, {at}, is made from another."),
    "mate": N_("Next look {at}: another link of its account has just disappeared."),
}
RISK = NN_(
    "of 100 pages like this about {count} dies within a year",
    "of 100 pages like this about {count} die within a year",
)
RISK_OF_ITS_ACCOUNT = NN_(
    "of 100 pages like this about {count} dies within a year, those of its account {factor:.1f} times as often "
    "({dead} of {of} dead, {expected} expected)",
    "of 100 pages like this about {count} die within a year, those of its account {factor:.1f} times as often "
    "({dead} of {of} dead, {expected} expected)",
)
HOURS = NN_("{count} hour", "{count} hours")
DAYS = NN_("{count} day", "{count} days")
NO_ANSWER = N_("no answer that helps")
UNWATCHED = N_("No list mentions it any more; it is not watched.")
IGNORED = N_("You asked to ignore it.")


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

    status = Status(link.status)
    walled = link.outcome == Outcome.WALLED and status is not Status.BLIND
    because = died_of or (link.reason if not walled else _UNSAID.get(status))
    standing = tell(
        language,
        STANDING[status],
        reason=words.reason(language, because) if because else tell(language, NO_ANSWER),
        checked=day(link.since if link.reason == Reason.MARKED else link.last_ok_at or link.last_checked_at),
        failing=day(link.failing_since),
        since=day(link.since),
        failures=link.failures,
        walls=link.walls,
    )
    sentences = [standing, _next(link, language=language, zone=zone)]
    if walled and link.reason:
        sentences.insert(1, tell(language, WALLED, reason=words.reason(language, link.reason)))
    if status is not Status.DEAD:
        sentences += _of_its_site(link, language)
    return ("" if language == "zh" else " ").join(one for one in sentences if one)


def _of_its_site(link: Standing, language: Language) -> list[str]:
    """What is known of the end of its site."""
    found = (one for one in link.risk_reasons or [] if one.get("code") in words.OF_THE_SITE)
    return [said for one in found if (said := words.sign(language, one))]


def _next(link: Standing, *, language: Language, zone: ZoneInfo) -> str:
    if not link.watched:
        return tell(language, UNWATCHED)
    if link.ignored:
        return tell(language, IGNORED)
    then = link.why_then or {}
    rule = RULES.get(str(then.get("rule")))
    if link.next_check_at is None or rule is None:
        return ""
    return tell(
        language,
        rule,
        at=words.day(language, link.next_check_at, zone),
        every=_every(float(then.get("every_s", 0)), language),
        risk=_risk(link, language),
    )


def _every(seconds: float, language: Language) -> str:
    days = timedelta(seconds=seconds) / timedelta(days=1)
    if days < 1:
        return tell(language, HOURS, count=round(days * 24))
    return tell(language, DAYS, count=round(days))


def _risk(link: Standing, language: Language) -> str:
    """The age's own risk, and the account's where there is one."""
    reasons = {str(found.get("code")): found for found in link.risk_reasons or []}
    base = reasons.get("age")
    if base is None:
        return "–"
    count = words.within_a_year(float(base["yearly"]))
    if account := reasons.get("account"):
        return tell(language, RISK_OF_ITS_ACCOUNT, count=count, **account)
    return tell(language, RISK, count=count)
