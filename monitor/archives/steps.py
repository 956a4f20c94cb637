"""What follows for a job from an answer of archive.org. Pure: job, answer and time in, job out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.archives.answers import (
    Accepted,
    Answer,
    Class,
    Pending,
    Refused,
    Saved,
    Unanswered,
    midnight_after,
    rest_ends,
)
from monitor.archives.verify import Graded
from monitor.store.archives import NEVER, Job, JobState

TRIES = {Class.TRANSIENT: 5, Class.ODD: 2, Class.LOOK_UP: 5, Class.ALREADY: 3}
AGAIN_AFTER = timedelta(minutes=15)  # times four each time
AGAIN_AT_MOST = timedelta(hours=24)
POLL_AT_MOST_S = 15.0
POLLED_FOR = timedelta(minutes=10)
STATE_KEPT = timedelta(hours=1)  # archive.org forgets, and says "pending" for ever
APPEARS_AFTER = timedelta(minutes=5)
CLOCKS_DIFFER = timedelta(minutes=2)
LOOK_UPS_GIVEN_UP = timedelta(days=3)  # a save helps even if look-ups never answer
PLAYBACK_GIVEN_UP = timedelta(days=14)
NEW_JOB_AFTER = timedelta(days=3)  # trouble that was not the link's
WALL_AGAIN_AFTER = timedelta(days=30)
BAD_CAPTURES = 5  # of others, opened before we make our own
PLAYBACKS = 4


def queued(job: Job, due: datetime, code: str, message: str = "") -> Job:
    return replace(
        job, state=JobState.QUEUED, not_before=due, code=code, message=message or None, remote_id=None
    )


def ended(job: Job, state: JobState, code: str | None, message: str, *, again: datetime) -> Job:
    """A finished job. ``again``: when the link may get another, if its status stays what it is."""
    return replace(job, state=state, code=code, message=message or None, not_before=again)


def not_attempted(job: Job, barred: str | None, now: datetime) -> Job:
    """Asked for, but not to be: an address that is ``barred``, or a link that nobody watches any more."""
    if barred:
        return ended(
            job, JobState.NOT_ATTEMPTED, barred, "This address does not go to archives.", again=NEVER
        )
    return ended(
        job, JobState.NOT_ATTEMPTED, "not-wanted", "No list that may be archived mentions it.", again=now
    )


def retried(job: Job, kind: Class, code: str, message: str, now: datetime) -> Job:
    """Again after 15 min, 1 h, 4 h … as often as the class allows; then the job has failed."""
    attempts = job.attempts + 1
    if attempts >= TRIES[kind]:
        return ended(
            replace(job, attempts=attempts), JobState.FAILED, code, message, again=now + NEW_JOB_AFTER
        )
    wait = min(AGAIN_AFTER * 4 ** (attempts - 1), AGAIN_AT_MOST)
    return queued(replace(job, attempts=attempts), now + wait, code, message)


# look-ups


def captured(job: Job, snapshot_id: int, due: datetime, code: str) -> Job:
    """There is a capture to open at ``due``."""
    return replace(
        job,
        state=JobState.CAPTURED,
        snapshot_id=snapshot_id,
        not_before=due,
        code=code,
        message=None,
        attempts=0,
        remote_id=None,
    )


def none_found(job: Job, now: datetime) -> Job:
    """Nothing there that is worth opening: submitted next. What is saved too often today waits for tomorrow."""
    due = midnight_after(now) if job.code == "too-many-daily-captures" else now
    return queued(job, due, "no-capture")


def look_up_unknown(job: Job, why: str, now: datetime) -> Job:
    """No answer that tells. It is no try: archive.org's trouble must not use up the link's."""
    age = now - job.created_at
    if age > LOOK_UPS_GIVEN_UP and job.state is JobState.QUEUED:
        return queued(job, now, "no-look-up", why)
    wait = _by_age(job.created_at, now)
    if job.state is JobState.OUTCOME_UNKNOWN:
        return replace(job, not_before=now + wait, message=why)
    return queued(job, now + wait, "look-up-unknown", why)


def _by_age(since: datetime, now: datetime) -> timedelta:
    """How long to wait for an answer that tells: half as long again as we have waited, from 15 min to a day."""
    return min(max((now - since) / 2, AGAIN_AFTER), AGAIN_AT_MOST)


def excluded(job: Job) -> Job:
    return ended(
        job,
        JobState.FAILED,
        "excluded",
        "archive.org keeps no captures of this site, at its owner's wish.",
        again=NEVER,
    )


# submissions


def about_to_submit(job: Job, now: datetime) -> Job:
    """Written before the request is sent, so that a submission is never forgotten."""
    return replace(
        job,
        state=JobState.OUTCOME_UNKNOWN,
        submitted_at=now,
        not_before=now + APPEARS_AFTER,
        remote_id=None,
        snapshot_id=None,
        code="submitting",
        message=None,
    )


def after_answer(job: Job, answer: Answer, now: datetime, *, poll_every_s: float) -> Job:
    """What follows from an answer that is no capture, to a submission or to a poll."""
    match answer:
        case Accepted(job_id, starts_in):
            starts = now + starts_in
            return replace(
                job,
                state=JobState.SUBMITTED,
                remote_id=job_id,
                submitted_at=starts,
                not_before=starts + timedelta(seconds=poll_every_s),
                code=None,
                message=None,
            )
        case Pending():
            return _pending(job, now, poll_every_s)
        case Unanswered(message):
            return _unanswered(job, message, now, poll_every_s)
        case Refused():
            return _refused(job, answer, now)
    raise ValueError(f"a capture is no matter of waiting: {answer}")


def _pending(job: Job, now: datetime, poll_every_s: float) -> Job:
    """5 s, then 1.4 times longer each time, up to 15 s; the waits so far are the time since the submission."""
    passed = max(now - (job.submitted_at or now), timedelta(0))
    if passed >= POLLED_FOR:
        return lost_sight(job, "It was pending for ten minutes.", now)
    wait_s = min(poll_every_s + 0.4 * passed.total_seconds(), max(POLL_AT_MOST_S, poll_every_s))
    return replace(job, not_before=now + timedelta(seconds=wait_s))


def _unanswered(job: Job, message: str, now: datetime, poll_every_s: float) -> Job:
    if job.state is JobState.SUBMITTED:
        return replace(_pending(job, now, poll_every_s), message=message)
    return replace(job, not_before=now + APPEARS_AFTER, code="no-answer", message=message)


def lost_sight(job: Job, message: str, now: datetime) -> Job:
    """Nobody tells any more what became of a submission: look it up."""
    due = max(now, (job.submitted_at or now) + APPEARS_AFTER)
    return replace(
        job, state=JobState.OUTCOME_UNKNOWN, not_before=due, remote_id=None, code="no-answer", message=message
    )


def too_old_to_poll(job: Job, now: datetime) -> bool:
    return job.submitted_at is None or now - job.submitted_at >= STATE_KEPT


def _refused(job: Job, refused: Refused, now: datetime) -> Job:
    code, message = refused.code, refused.message
    match refused.kind:
        case Class.PERMANENT:
            return ended(job, JobState.FAILED, code, message, again=NEVER)
        case Class.ALREADY | Class.LOOK_UP:
            again = retried(job, refused.kind, code, message, now)
            wait = APPEARS_AFTER if refused.kind is Class.LOOK_UP else timedelta(0)
            return again if again.state is JobState.FAILED else replace(again, not_before=now + wait)
        case Class.HOST | Class.ACCOUNT:
            return queued(job, rest_ends(refused.rest, now) if refused.rest else now, code, message)
        case Class.OPERATOR:
            return queued(job, now, code, message)
    return retried(job, refused.kind, code, message, now)


def is_ours(job: Job, saved: Saved) -> bool:
    """Whether a capture can come from the job's submission."""
    return job.submitted_at is not None and saved.capture.at >= job.submitted_at - CLOCKS_DIFFER


def not_saved(job: Job, now: datetime, *, troubled: bool) -> Job:
    """A submission of unknown outcome left no capture: submit again.

    :param troubled: archive.org answers nobody, so that it was no try of this link's.
    """
    if troubled:
        return queued(job, now + APPEARS_AFTER, "not-saved", job.message or "")
    message = job.message or "It was submitted, and no capture appeared."
    return retried(job, Class.TRANSIENT, "not-saved", message, now)


# captures


def after_grading(job: Job, graded: Graded, now: datetime) -> Job:
    """A bad capture of others sends us on to the next one. Once we have asked for one ourselves it ends the job: who
    is shown a wall now is shown one again in a minute."""
    if graded.counts:
        return ended(job, JobState.VERIFIED, None, "", again=now)
    rule = graded.verdict.rule
    if job.submitted_at is None:
        return queued(job, now, "not-the-article", f"{rule}: {graded.why}")
    state, code = (JobState.CAPTURED_WALL, rule) if graded.grade == "X" else (JobState.FAILED, "unproven")
    return ended(job, state, code, graded.why, again=NEVER if job.dead else now + WALL_AGAIN_AFTER)


def landed_at_wall(job: Job, original: str, now: datetime) -> Job:
    message = f"It was led to {original[:200]}"
    again = NEVER if job.dead else now + WALL_AGAIN_AFTER
    return ended(job, JobState.CAPTURED_WALL, "led-elsewhere", message, again=again)


def not_played(job: Job, why: str, now: datetime, *, wait: timedelta) -> Job:
    """A capture that does not open yet. After some tries the link is looked up anew, if we did not make it."""
    attempts = job.attempts + 1
    if attempts >= PLAYBACKS and job.submitted_at is not None:
        return ended(job, JobState.FAILED, "not-played", why, again=now + NEW_JOB_AFTER)
    if attempts >= PLAYBACKS:
        return queued(replace(job, attempts=0), now, "not-played", why)
    return replace(job, attempts=attempts, not_before=now + wait * 2 ** (attempts - 1), message=why)


def playback_unknown(job: Job, why: str, now: datetime) -> Job:
    """No answer that tells whether the capture is there: it stays, and is opened later."""
    since = job.submitted_at or job.created_at
    if now - since > PLAYBACK_GIVEN_UP:
        return ended(job, JobState.FAILED, "playback-unknown", why, again=now + NEW_JOB_AFTER)
    return replace(job, not_before=now + _by_age(since, now), message=why)
