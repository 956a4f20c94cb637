"""What the demo says."""

from __future__ import annotations

from monitor.demo.reckoning import Agreement, Loss
from monitor.demo.season import Kind
from monitor.report.language import N_, NN_, Text

TROUBLES: dict[Kind, Text] = {
    Kind.ARCHIVE: N_("archive.org answers “too many requests”"),
    Kind.CAPTCHAS: N_("WeChat shows a captcha to whoever comes"),
    Kind.OUTAGE: N_("Zhihu's servers report errors"),
    Kind.OFFLINE: N_("our own network is down"),
    Kind.CHALLENGES: N_("Zhihu wants a browser check"),
}
LOSSES: dict[Loss, Text] = {
    Loss.BEFORE: N_("dead before the first look, and nobody had archived it"),
    Loss.UNREAD: N_("never seen alive: it died behind a wall or an outage"),
    Loss.UNPROVEN: N_("no copy could be verified"),
}
OUTCOMES: dict[str, Text] = {
    "found": NN_("{count} death found", "{count} deaths found"),
    "back_before_confirmed": NN_(
        "{count} back before it was confirmed", "{count} back before they were confirmed"
    ),
    Agreement.CONFIRMING: NN_("{count} being confirmed", "{count} being confirmed"),
    Agreement.UNSEEN: NN_("{count} not looked at yet", "{count} not looked at yet"),
    Agreement.WALLED: NN_("{count} behind a wall", "{count} behind a wall"),
    Agreement.WRONG: NN_("{count} missed", "{count} missed"),
}
NEWS: dict[str, Text] = {
    "died": N_("dead"),
    "back": N_("back again"),
    "suspect": N_("suspect"),
    "acquitted": N_("acquitted"),
    "blind": N_("walled"),
}
TEXT: dict[str, Text] = {
    "head": N_("A reading list, its web acted on this machine"),
    "week": N_("week {week} of {weeks}"),
    "spent": N_("{looks} looks, {saves} copies asked for, {mails} mails"),
    "nothing_wrong": N_("Nothing is wrong"),
    "week_line": N_(
        "week {week:>2}  {day:>11}  safe {safe}  exposed {exposed}  rescued {rescued}  lost {lost}"
    ),
    "week_died": NN_("{count} died", "{count} died"),
    "week_back": NN_("{count} came back", "{count} came back"),
    "verdicts": NN_(
        "Of {links} verdict {agree} agrees with what was acted.",
        "Of {links} verdicts {agree} agree with what was acted.",
        "links",
    ),
    "wrong": NN_("{count} is wrong.", "{count} are wrong."),
    "unsettled": NN_("{count} is not settled: {why}.", "{count} are not settled: {why}."),
    "no_false": N_("No link was ever called dead that was not."),
    "false": NN_(
        "{count} link was called dead that was not:", "{count} links were called dead that were not:"
    ),
    "days": N_(
        "From a death to the look that noticed it: {noticed} days (at most {noticed_most}); until it was sure: {sure}"
        " ({sure_most})."
    ),
    "returns": NN_(
        "{count} page called dead came back, {found} of them known by now.",
        "{count} pages called dead came back, {found} of them known by now.",
    ),
    "lost": NN_("{count} lost: {why}", "{count} lost: {why}"),
    "took": N_("{looks} looks, {saves} copies asked for and {mails} mails in {seconds} seconds."),
    "kept": N_(
        "Kept in {folder}: rotwatch.db, archive/ (WARC), mails/ (HTML), rotwatch.log. To look further:"
    ),
    "not_kept": N_("Nothing was kept. To look further: rotwatch demo --keep DIR"),
    "stopped": N_(
        "Stopped in week {week} of {weeks}, in the middle of things: time would settle what is open."
    ),
}
