"""What open jobs wait for, in a sentence for the person who waits with them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from monitor.archives.gate import Paused
from monitor.store.archives import JobState, Standing

_NEXT = {
    JobState.CAPTURED: "Captures to open once they are there: {count}, the first at {at}.",
    JobState.SUBMITTED: "Captures that archive.org is making: {count}.",
    JobState.OUTCOME_UNKNOWN: "An answer was lost: at {at} it is looked up whether the page was saved.",
    JobState.QUEUED: "archive.org gave no answer that tells: asked again at {at}.",
}


def waiting(
    jobs: Sequence[Standing],
    *,
    pause: Paused | None,
    no_saves: Paused | None,
    now: datetime,
    say: Callable[[datetime], str],
) -> str:
    """Why nothing seems to happen.

    :param pause: archive.org is asked nothing at all.
    :param no_saves: nothing is submitted there.
    :param say: a time as people read it.
    """
    if pause:
        return f"{pause.why} Nothing is asked before {say(pause.until)}."
    if any(one.first <= now for one in jobs if not one.to_submit):
        return "Asking archive.org."
    if any(one.to_submit and one.first <= now for one in jobs):
        if no_saves is None:
            return "Asking archive.org for captures."
        return f"Nothing is submitted before {say(no_saves.until)}: {no_saves.why}"
    nearest = min(jobs, key=lambda one: one.first, default=None)
    if nearest is None:
        return "Nothing is left to wait for."
    return _NEXT[nearest.state].format(count=nearest.count, at=say(nearest.first))
