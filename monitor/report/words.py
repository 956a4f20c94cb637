"""The words of the report in each language it speaks, and how it writes times and numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from monitor.model import Reason, Status
from monitor.report.language import N_, NN_, Language, Text, tell

TEXT: dict[str, Text] = {
    "safe": N_("safe"),
    "exposed": N_("exposed"),
    "rescued": N_("rescued"),
    "lost": N_("lost"),
    "safe_means": N_("not dead, copied"),
    "exposed_means": N_("not dead, no copy"),
    "rescued_means": N_("dead, copied"),
    "lost_means": N_("dead, no copy"),
    "title": N_("Your reading list"),
    "period": N_("{start} to {end}"),
    "watched": NN_(
        "{links} link watched, {endangered} in danger.",
        "{links} links watched, {endangered} in danger.",
        "links",
    ),
    "quiet": N_("A quiet week: nothing died and nothing came back."),
    "missed": N_("This report was due on {due}. rotwatch was not running then, or had nobody to send it to."),
    "died": N_("Died"),
    "came_back": N_("Came back"),
    "in_danger": N_("In danger"),
    "newly_blind": N_("Walled: nothing can be said"),
    "copied": N_("First copies verified"),
    "refused": N_("No copy could be made"),
    "troubles": N_("Trouble"),
    "advice": N_("What you can do"),
    "died_said": N_("{reason}, found {at}."),
    "back_said": N_("Back since {at}: {reason}."),
    "blind_said": N_("Walled since {at}: {reason}. It may well be alive."),
    "evidence": N_("Seen: “{evidence}”"),
    "chance": N_("{chance} likely to die within 90 days."),
    "suspected": N_("Failing since {since}: {reason}. Not confirmed yet."),
    "refused_said": N_("{archive}, {at}: {why}"),
    "captured_wall_said": N_("{archive}, {at}: it was shown a wall instead of the article."),
    "no_copy": N_("No copy"),
    "is_lost": N_("Lost: no copy"),
    "copy": N_("Saved copy: {archive}, {at}"),
    "local": N_("local copy"),
    "wayback": N_("Wayback Machine"),
    "elsewhere": N_("Look for it at"),
    "in_lists": N_("In {places}"),
    "and_places": NN_("and in {count} more place", "and in {count} more places"),
    "more_attached": N_("and {count} more: see {file}"),
    "more_danger": N_("and {count} more: rotwatch status --at-risk"),
    "more_copied": N_("and {count} more"),
    "source_missing": N_("The list {path} is missing since {since}."),
    "source_problem": N_("The list {path} cannot be read: {problem}"),
    "trouble": N_("{name}: {note}"),
    "trouble_unknown": N_("{name} does not answer as it should."),
    "undelivered": N_("A report never arrived (“{subject}”): {error}"),
    "do_lost": N_("Look for the lost ones in other archives: each has two links that open a search."),
    "do_danger": N_("Ask for copies of what is in danger now: rotwatch archive"),
    "do_keys": N_(
        "Saving without archive.org keys often fails. Get free ones: https://archive.org/account/s3.php"
    ),
    "do_wayback": N_("Let archive.org keep copies, too: archives.wayback.enabled = true"),
    "do_blind": N_("Open the walled ones in your own browser: a captcha or a login keeps rotwatch out."),
    "do_sources": N_("Mend the paths of the lists that cannot be read: [[sources]] in the configuration."),
    "history": N_("How your list lives on"),
    "caption": N_(
        "Above, in percent: links alive (line), and those that can still be read, copies included (dashes). "
        "Below: links that died each week, with a copy (blue) and without (red)."
    ),
    "history_said": N_(
        "From {start} to {end}: links alive {alive_before} to {alive}; still to be read, copies included, "
        "{readable_before} to {readable}. Deaths week by week: {deaths}."
    ),
    "footer": N_("Times are in {zone}. How each verdict was reached: rotwatch show URL"),
    "subject_quiet": N_(
        "rotwatch: a quiet week ({safe} safe, {exposed} exposed, {rescued} rescued, {lost} lost)"
    ),
    "subject_died": N_("rotwatch: “{title}” died"),
    "subject_many": N_("rotwatch: {died} died: “{title}” …"),
    "subject_lost": N_(", {lost} lost without a copy"),
    "subject_other": N_("rotwatch: nothing died, {endangered} in danger, {copies} newly copied"),
}

REASONS: dict[Reason, Text] = {
    Reason.ARTICLE: N_("the article is there"),
    Reason.PAGE: N_("the page is there"),
    Reason.SAME_TEXT: N_("the text is the same as before"),
    Reason.SAME_TITLE: N_("the title is the one in the list"),
    Reason.DELETED_BY_AUTHOR: N_("deleted by its author"),
    Reason.DELETED: N_("deleted"),
    Reason.VIOLATION: N_("removed by the platform for a violation"),
    Reason.ACCOUNT_GONE: N_("the account is gone"),
    Reason.LOST_IN_MIGRATION: N_("lost when the account moved"),
    Reason.NOT_FOUND: N_("not found"),
    Reason.NO_SUCH_HOST: N_("the domain does not exist any more"),
    Reason.SOFT_404: N_("a “not found” page that pretends to be fine"),
    Reason.PARKED: N_("the domain is parked or for sale"),
    Reason.SITE_GONE: N_("the whole site was given up"),
    Reason.TIMEOUT: N_("no answer in time"),
    Reason.DNS: N_("the name service failed"),
    Reason.TLS: N_("the certificate or encryption failed"),
    Reason.CONNECTION: N_("no connection"),
    Reason.PROTOCOL: N_("an answer that makes no sense"),
    Reason.REFUSED_ADDRESS: N_("an address rotwatch must not visit"),
    Reason.SERVER_ERROR: N_("the server reports an error"),
    Reason.MAINTENANCE: N_("closed for maintenance"),
    Reason.HOME_PAGE: N_("leads to the home page instead"),
    Reason.OTHER_PAGE: N_("leads to another article"),
    Reason.EXPIRED_LINK: N_("a temporary address that has expired"),
    Reason.BAD_LINK: N_("the platform cannot read this address"),
    Reason.UNAVAILABLE: N_("not to be seen at the moment"),
    Reason.UNDER_REVIEW: N_("under review"),
    Reason.PRIVATE: N_("made private"),
    Reason.MIGRATED: N_("moved to another account"),
    Reason.MIGRATING: N_("the account is being moved"),
    Reason.WITHHELD: N_("withheld until its author changes it"),
    Reason.EMPTY: N_("an empty page"),
    Reason.SITE_SUSPENDED: N_("the site is suspended"),
    Reason.ICP_BLOCK: N_("blocked for want of registration (ICP)"),
    Reason.CAPTCHA: N_("a captcha"),
    Reason.CHALLENGE: N_("a browser check"),
    Reason.LOGIN: N_("a login page"),
    Reason.FORBIDDEN: N_("access refused"),
    Reason.RATE_LIMITED: N_("too many requests"),
    Reason.CLIENT_ONLY: N_("opens only inside the app"),
    Reason.BLOCKED: N_("a firewall refuses us"),
    Reason.UNKNOWN_LAYOUT: N_("a page built as no rule knows yet"),
    Reason.MARKED: N_("you said so"),
}

SIGNS: dict[str, Text] = {
    "age": NN_(
        "About {count} of 100 pages of its age is gone a year later.",
        "About {count} of 100 pages of its age are gone a year later.",
    ),
    "account": NN_(
        "{dead} of the {of} other links of its account is dead.",
        "{dead} of the {of} other links of its account are dead.",
        "dead",
    ),
    "failed_lately": NN_(
        "It failed {times} of the last 5 times.", "It failed {times} of the last 5 times.", "times"
    ),
    "was_away": N_("It has vanished and come back within the last 90 days."),
    "lands_elsewhere": N_("It leads to another page than before."),
    "shrunk": N_("Its text is less than half of what it was."),
    "shutdown": N_("Its site is to close on {date}. {note}"),
    "domain_expires": N_("The domain of its site expires on {date}."),
    "domain_ending": N_("The domain of its site was not renewed and is being deleted."),
    "certificate_expired": N_("The certificate of its site has been expired since {date} at least."),
    "temporary_address": N_("Its address is temporary and expires by itself."),
}
_UTC = ZoneInfo("UTC")  # days that registries tell
SIGNS_SHOWN = 2
YOUNG_DAYS = 180
OF_THE_SITE = {"shutdown", "domain_expires", "domain_ending", "certificate_expired"}
OF_THE_FAILURE = {"failed_lately", "was_away"}  # what a suspect is told for anyway

_WEEKDAYS = (
    "Mon",
    "Tue",
    "Wed",
    "Thu",
    "Fri",
    "Sat",
    "Sun",
)  # not of the system's locale, which may have none
_WEEKDAYS_ZH = "一二三四五六日"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def say(language: Language, key: str, **values: object) -> str:
    """One text of the table, with its values filled in."""
    return tell(language, TEXT[key], **values)


def reason(language: Language, code: str) -> str:
    """A reason code in words; one that this version does not know is shown as it is."""
    try:
        return tell(language, REASONS[Reason(code)])
    except ValueError:
        return code.replace("_", " ")


def within_a_year(yearly: float) -> int:
    """How many of 100 pages die within a year, at a risk of ``yearly`` deaths a link and year."""
    return min(99, max(1, round(100 * (1 - math.exp(-yearly)))))


def signs(language: Language, status: Status, found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why a link is in danger, as at most two sentences, from the reasons of its :class:`monitor.policy.Risk`.

    What only makes it safer is not told, nor the age of an old page where anything else is known; nor of a
    suspect what the failure that makes it one has left behind.
    """
    told, ages = [], []
    for one in found:
        code, factor = one.get("code"), one.get("factor")
        if code == "age":
            ages.append(one)
        elif (
            isinstance(factor, int | float)
            and factor > 1
            and not (status is Status.SUSPECT and code in OF_THE_FAILURE)
        ):
            told.append(one)
    young = [one for one in ages if one.get("days", 0) < YOUNG_DAYS]
    if not told and status is not Status.SUSPECT:
        young = ages
    sentences = (sign(language, one) for one in [*young, *told])
    return [sentence for sentence in sentences if sentence][:SIGNS_SHOWN]


def sign(language: Language, found: Mapping[str, Any]) -> str | None:
    """One reason of a risk as a sentence; None for an unknown one."""
    text = SIGNS.get(str(found.get("code")))
    try:
        values = {**found, "count": within_a_year(found["yearly"]) if "yearly" in found else 0}
        if "date" in found:
            values["date"] = day(language, datetime.fromisoformat(found["date"]).replace(tzinfo=UTC), _UTC)
        return tell(language, text, **values).strip() if text else None
    except (KeyError, TypeError, ValueError):  # written by another version
        return None


def moment(language: Language, at: datetime, zone: ZoneInfo) -> str:
    """A time for people: ``Mon 23 Nov 2026 08:00``."""
    local = at.astimezone(zone)
    if language == "zh":
        return f"{day(language, at, zone)} 周{_WEEKDAYS_ZH[local.weekday()]} {local:%H:%M}"
    return f"{_WEEKDAYS[local.weekday()]} {day(language, at, zone)} {local:%H:%M}"


def day(language: Language, at: datetime, zone: ZoneInfo) -> str:
    """A date for people: ``23 Nov 2026``."""
    local = at.astimezone(zone)
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日"
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def change(difference: int) -> str:
    """A difference with its sign: ``+3``, ``−2``, ``±0``."""
    return f"+{difference}" if difference > 0 else f"−{-difference}" if difference else "±0"
