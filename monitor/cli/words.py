"""The words that only ``status`` and ``show`` have; all others are those of the report."""

from __future__ import annotations

from monitor.report import words
from monitor.report.language import N_, NN_, Language, Text, tell

TEXT: dict[str, Text] = {
    "pending": N_("pending"),
    "alive": N_("alive"),
    "suspect": N_("suspect"),
    "dead": N_("dead"),
    "blind": N_("blind"),
    "ok": N_("ok"),
    "removed": N_("removed"),
    "gone": N_("gone"),
    "failed": N_("failed"),
    "walled": N_("walled"),
    "safe_means": N_("copied"),
    "exposed_means": N_("no copy yet"),
    "comma": N_(", "),
    "totals": NN_(
        "{links:,} link: {parts}; {at_risk:,} at risk.",
        "{links:,} links: {parts}; {at_risk:,} at risk.",
        "links",
    ),
    "part": N_("{count:,} {status}"),
    "none_yet": N_("none yet"),
    "changes": N_("Changes are since a week ago."),
    "head_status": N_("Status"),
    "head_title": N_("Title"),
    "head_address": N_("Address"),
    "head_why": N_("Why"),
    "head_copy": N_("Copy"),
    "not_looked_at": N_("not looked at yet"),
    "since": N_("{reason}, since {at}"),
    "copied_at": N_("copy {at}"),
    "no_copy": N_("no copy"),
    "why_and_copy": N_("{why}; {copy}"),
    "more": N_(
        "… and {count:,} more ({kinds} in all): --status, --at-risk, --platform and --since choose, "
        "--all lists every link."
    ),
    "no_such": N_("No link is like that."),
    "well_so_far": NN_(
        "Of those seen nothing died and nothing is in danger; {count:,} link not looked at yet.",
        "Of those seen nothing died and nothing is in danger; {count:,} links not looked at yet.",
    ),
    "well": N_("Nothing died and nothing is in danger."),
    "no_daemon": N_("No daemon runs: nothing is looked at. Start one: rotwatch run"),
    "daemons": NN_(
        "A daemon runs at {places}; last sign of life {seconds} s ago.",
        "{count} daemons run at {places}; last sign of life {seconds} s ago.",
    ),
    "offline": N_("Offline since {at}: nothing is marked ({note})"),
    "was_offline": N_("Offline when last tried, {at}: nothing is marked ({note})"),
    "no_answer": N_("no answer"),
    "rests": N_("{name} rests until {at}: {note}"),
    "wished": N_("it asked for it"),
    "in_danger": N_("{status} (in danger)"),
    "one_place": N_("Only from {place} it fails ({outcome}, {at}): another place has seen it since."),
    "lists": N_("In lists"),
    "time_line": N_("Time line"),
    "copies": N_("Copies"),
    "jobs": N_("Archive jobs"),
    "seen": N_("{outcome}: {reason} ({looks}) [{rule}]"),
    "looks": NN_("{count} look", "{count} looks"),
    "until": N_("until {at}"),
    "from": N_("from {place}"),
    "by_hand": N_("(added by hand)"),
    "ignore": N_("ignore"),
    "recheck": N_("recheck"),
    "marked": N_("marked {word} by {who}"),
    "verified": N_("verified"),
    "does_not_count": N_("does not count"),
    "not_judged": N_("not judged yet"),
}


def say(language: Language, key: str, **values: object) -> str:
    """One text, with its values filled in."""
    if key not in TEXT:
        return words.say(language, key, **values)
    return tell(language, TEXT[key], **values)
