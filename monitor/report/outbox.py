"""The outbox: a report is composed once a period, kept as a row, and sent until the server has taken it.

Two daemons may share the database: the row's key decides who composes, a lease who sends. Killed between the
server's answer and the mark, a daemon's mail goes out once more, with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, time, timedelta
from pathlib import Path

from monitor.config import WEEKDAYS, Settings
from monitor.model import Clock
from monitor.outage import patiently
from monitor.report import mail
from monitor.report.gather import Report, gather
from monitor.report.mail import Composed, MailError
from monitor.report.send import send
from monitor.store import Store, outbox
from monitor.store import report as read
from monitor.store.outbox import Kind, Mail, MailState

log = logging.getLogger(__name__)

WEEK = timedelta(days=7)
LATE = timedelta(hours=1)  # a report older than this says why
LEASE = timedelta(minutes=30)  # longer than any attempt takes (monitor.report.send)
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=6)
PATIENCE = timedelta(days=1)  # with a recipient that is refused for the moment while others are not
GIVEN_UP_AFTER = timedelta(days=7)
KEPT = timedelta(days=90)  # what was sent, whole


def due_period(settings: Settings, now: datetime) -> tuple[datetime, datetime]:
    """The week that ended at the last scheduled moment, in the time of ``report.timezone``."""
    weekday, _, clock_time = settings.report.schedule.partition(" ")
    hour, minute = map(int, clock_time.split(":"))
    zone = settings.report.zone
    today = now.astimezone(zone).date()
    date = today - timedelta(days=(today.weekday() - WEEKDAYS.index(weekday)) % 7)
    end = datetime.combine(date, time(hour, minute), zone)
    if end > now:
        date -= WEEK
        end = datetime.combine(date, time(hour, minute), zone)
    return datetime.combine(date - WEEK, time(hour, minute), zone), end


async def queue_weekly(store: Store, settings: Settings, now: datetime) -> bool:
    """Compose the report of the last scheduled moment, unless that was done.

    It begins where the one before ended, and ends now: no change is in two reports, and none in no report,
    however long nothing was running or whenever the schedule was altered.

    :returns: whether there is a new mail in the outbox.
    :raises MailError: the configured addresses are none.
    """
    email = settings.report.email
    if not mail.sends(email):
        return False
    start, end = due_period(settings, now)
    period = end.date().isoformat()
    async with store.read() as db:
        born = await read.first_added(db)
        if born is None or born >= end or await outbox.find(db, Kind.WEEKLY, period) is not None:
            return False
        start = await outbox.last_created(db, Kind.WEEKLY) or start
        due = end if now - end > LATE else None
        report = await gather(db, settings, start=start, end=now, due=due)
    composed = await asyncio.to_thread(mail.compose, report, settings, kind=Kind.WEEKLY, period=period)
    async with store.write() as db:
        new = await outbox.put(
            db,
            kind=Kind.WEEKLY,
            period=period,
            subject=composed.subject,
            message=composed.message,
            now=now,
        )
    if new:
        log.info("composed the weekly report of %s", period, extra={"action": "report", "period": period})
    return new


async def deliver(store: Store, settings: Settings, clock: Clock, worker: str) -> bool:
    """Try to send one mail that is due.

    :param worker: who holds the lease; unlike that of any other process.
    :returns: whether there was one; the caller may ask again at once.
    """
    if not mail.sends(settings.report.email):
        return False
    now = clock()
    async with store.read() as db:
        mail_id = await outbox.next_due(db, now)
    if mail_id is None:
        return False
    claimed = await _claim(store, mail_id, worker, now)
    if claimed is None:
        return True  # another daemon was faster; there may be more
    try:
        await _send(claimed, settings, patient=now - claimed.created_at < PATIENCE)
    except MailError as error:
        await _put_off(store, claimed, worker, error, clock())
    else:
        await _sent(store, claimed, worker, clock())
    return True


async def send_now(store: Store, settings: Settings, report: Report, worker: str, clock: Clock) -> None:
    """Send ``report`` at once, beside the weekly ones; a failure is final, the caller hears of it.

    :raises MailError: it could not be sent.
    """
    now, period = clock(), _moment(report.end)
    composed = once(report, settings)
    async with store.write() as db:
        await outbox.put(
            db, kind=Kind.ONCE, period=period, subject=composed.subject, message=composed.message, now=now
        )
        mail_id = await outbox.find(db, Kind.ONCE, period)
        claimed = mail_id and await outbox.claim(db, mail_id, worker, now=now, lease_until=now + LEASE)
    if not claimed:
        raise MailError("Another report was asked for at this very moment: ask again.")
    try:
        await _send(claimed, settings, patient=False)
    except MailError as error:
        await _finish(store, claimed, worker, MailState.GIVEN_UP, at=clock(), error=str(error))
        raise
    await _sent(store, claimed, worker, clock())


async def forget(store: Store, now: datetime) -> None:
    """Drop the content of old mails."""
    async with store.write() as db:
        forgotten = await outbox.forget(db, now - KEPT)
    if forgotten:
        log.info("dropped the content of %d old mails", forgotten, extra={"action": "report"})


def once(report: Report, settings: Settings) -> Composed:
    """The mail of a report asked for by hand. :raises MailError: the configured addresses are none."""
    return mail.compose(report, settings, kind=Kind.ONCE, period=_moment(report.end))


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"


async def _claim(store: Store, mail_id: int, worker: str, now: datetime) -> Mail | None:
    async with store.write() as db:
        return await outbox.claim(db, mail_id, worker, now=now, lease_until=now + LEASE)


async def _send(claimed: Mail, settings: Settings, *, patient: bool) -> None:
    ca_file = settings.network.ca_file
    refused = await send(
        claimed.message,
        settings.report.email,
        ca_file=settings.home / Path(ca_file).expanduser() if ca_file else None,
        patient=patient,
    )
    log.info("sent “%s”", claimed.subject, extra={"action": "mail", "mail_id": claimed.id})
    for refusal in refused:
        log.error("no mail for %s", refusal, extra={"action": "mail", "mail_id": claimed.id})


async def _put_off(store: Store, claimed: Mail, worker: str, error: MailError, now: datetime) -> None:
    again = now + min(FIRST_PAUSE * 2 ** min(claimed.attempts - 1, 10), LONGEST_PAUSE)
    over = error.permanent or again - claimed.created_at >= GIVEN_UP_AFTER
    state, at = (MailState.GIVEN_UP, now) if over else (MailState.QUEUED, again)
    log.log(
        logging.ERROR if over else logging.WARNING,
        "“%s” %s: %s",
        claimed.subject,
        "is given up" if over else f"waits until {again:%Y-%m-%d %H:%M}Z",
        error,
        extra={"action": "mail", "mail_id": claimed.id, "attempts": claimed.attempts},
    )
    await _finish(store, claimed, worker, state, at=at, error=str(error))


async def _sent(store: Store, claimed: Mail, worker: str, at: datetime) -> None:
    """Mark it, for as long as the database is away: without the mark it would go out once more."""
    await patiently("mark a mail", lambda: _finish(store, claimed, worker, MailState.SENT, at=at))


async def _finish(
    store: Store, claimed: Mail, worker: str, state: MailState, *, at: datetime, error: str | None = None
) -> None:
    async with store.write() as db:
        held = await outbox.finish(db, claimed.id, worker, state, at=at, error=error)
    if not held:
        log.warning(
            "the lease of “%s” ran out before its attempt ended; it may arrive twice",
            claimed.subject,
            extra={"action": "mail", "mail_id": claimed.id},
        )
