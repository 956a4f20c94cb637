"""The words that only the web has; all others are those of the report."""

from __future__ import annotations

from monitor.report import words
from monitor.report.language import N_, NN_, Language, Text, tell

TEXT: dict[str, Text] = {
    "pending": N_("not seen yet"),
    "alive": N_("alive"),
    "suspect": N_("suspect"),
    "dead": N_("dead"),
    "blind": N_("walled"),
    "ok": N_("there"),
    "removed": N_("removed"),
    "gone": N_("gone"),
    "failed": N_("failed"),
    "walled": N_("walled"),
    "as_of": N_("As of {now}."),
    "last_look": N_("Last look {at}."),
    "no_look": N_("Nothing has been looked at yet."),
    "totals": NN_(
        "{links} link: {parts}; {at_risk} at risk.", "{links} links: {parts}; {at_risk} at risk.", "links"
    ),
    "part": N_("{count} {status}"),
    "no_links": N_("Nothing is watched yet: rotwatch add FILE, or name a list under [[sources]]."),
    "offline": N_("Our own network is down since {at}; nothing is marked: {note}"),
    "died_lately": N_("Died in the last {days} days"),
    "walled_lately": N_("Walled in the last {days} days"),
    "none": N_("None."),
    "more": N_("and {count} more: as JSON"),
    "find": N_("Find a link"),
    "show": N_("Show"),
    "numbers": N_("The four numbers"),
    "overview": N_("Overview"),
    "open": N_("Open the page itself"),
    "feed": N_("Changes as a feed"),
    "as_json": N_("As JSON"),
    "zone": N_("Times are in {zone}."),
    "copy_heading": N_("Copy"),
    "lists": N_("In lists"),
    "history": N_("History"),
    "changes": N_("Changes"),
    "copies": N_("All copies"),
    "jobs": N_("Archive jobs"),
    "span": N_("{start} – {end}"),
    "looks": N_("{outcome}: {reason}, seen {checks} times by the rule {rule}"),
    "look": N_("{outcome}: {reason}, seen once by the rule {rule}"),
    "flip": N_("{old} → {new}: {reason}"),
    "verified": N_("verified"),
    "does_not_count": N_("does not count"),
    "not_judged": N_("not judged yet"),
    "older": NN_("{count} older one: as JSON", "{count} older ones: as JSON"),
    "not_found": N_("Not found"),
    "feed_title": N_("rotwatch: what changed"),
    "feed_entry": N_("{status}: {title}"),
    "badge_label": N_("links"),
    "badge_says": N_("{dead} dead, {at_risk} at risk"),
    "badge_nothing": N_("none yet"),
}


def say(language: Language, key: str, **values: object) -> str:
    """One text, with its values filled in."""
    if key not in TEXT:
        return words.say(language, key, **values)
    return tell(language, TEXT[key], **values)
