"""The outbox: one mail a period, sent once, never lost; on a real database and a real mail server."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.config import Settings
from monitor.demo.smtp import MailServer, MailTrouble
from monitor.report import outbox as organ
from monitor.report import send as sending
from monitor.report.mail import MailError
from monitor.report.outbox import deliver, due_period, queue_weekly, send_now
from monitor.report.send import send
from monitor.store import Store, StoreError, database_url, schema
from monitor.store.tables import flip, link, outbox

pytestmark = pytest.mark.both_engines

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY)


@pytest.fixture
async def store(store: Store) -> Store:
    await add(store, 1, MONDAY - 3 * WEEK)
    return store


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MailServer]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    made = MailServer(context)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def settings(server: MailServer, tmp_path: Path) -> Settings:
    email = {**server.settings(), "sender": "rotwatch@example.org", "recipients": ["me@example.org"]}
    return Settings.model_validate(
        {"report": {"email": email}, "network": {"ca_file": "ca.pem"}, "file": tmp_path / "config.toml"}
    )


async def add(store: Store, number: int, at: datetime, **values: Any) -> None:
    row = {
        "url": f"https://e.org/{number}",
        "platform": "generic",
        "host": "e.org",
        "title": f"Post {number}",
        "added_at": at,
        "since": at,
        **values,
    }
    async with store.write() as db:
        await db.execute(insert(link).values(row))


async def die(store: Store, number: int, at: datetime) -> None:
    row = {"at": at, "old": "suspect", "new": "dead", "reason": "deleted_by_author"}
    async with store.write() as db:
        await db.execute(update(link).where(link.c.url == f"https://e.org/{number}").values(status="dead"))
        link_id = select(link.c.id).where(link.c.url == f"https://e.org/{number}").scalar_subquery()
        await db.execute(insert(flip).values(link_id=link_id, **row))


async def rows(store: Store) -> list[Row[Any]]:
    async with store.read() as db:
        return list(await db.execute(select(outbox).order_by(outbox.c.id)))


def parsed(row: Row[Any]) -> EmailMessage:
    message = message_from_bytes(row.message, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    return str(body.get_content())


# composing


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (MONDAY, MONDAY),
        (MONDAY + WEEK - MINUTE, MONDAY),
        (MONDAY - MINUTE, MONDAY - WEEK),
        (MONDAY + timedelta(days=3), MONDAY),
    ],
)
def test_the_period_ends_at_the_last_scheduled_moment(now: datetime, end: datetime) -> None:
    assert due_period(Settings(), now) == (end - WEEK, end)


def test_a_week_across_summer_time_begins_and_ends_at_the_same_time_of_day() -> None:
    settings = Settings.model_validate({"report": {"schedule": "mon 08:00", "timezone": "Europe/Berlin"}})
    start, end = due_period(settings, datetime(2026, 3, 31, tzinfo=UTC))
    assert (start.hour, end.hour) == (8, 8)
    assert end.astimezone(UTC) - start.astimezone(UTC) == WEEK - timedelta(hours=1)


async def test_a_report_is_composed_once_a_period(store: Store, settings: Settings) -> None:
    assert await queue_weekly(store, settings, MONDAY + MINUTE)
    assert not await queue_weekly(store, settings, MONDAY + 2 * MINUTE)
    assert await queue_weekly(store, settings, MONDAY + WEEK)
    assert [row.period for row in await rows(store)] == ["2026-11-23", "2026-11-30"]


async def test_two_daemons_compose_one_report(store: Store, settings: Settings, tmp_path: Path) -> None:
    other = Store(store.url)
    try:
        made = await asyncio.gather(*(queue_weekly(each, settings, MONDAY) for each in (store, other) * 5))
    finally:
        await other.close()
    assert sorted(made) == [False] * 9 + [True]
    assert len(await rows(store)) == 1


async def test_nobody_to_write_to_is_no_error(store: Store) -> None:
    assert not await queue_weekly(store, Settings(), MONDAY)
    assert not await deliver(store, Settings(), Clock(MONDAY), "a")
    assert await rows(store) == []


async def test_nothing_is_told_of_the_time_before_the_first_link(tmp_path: Path, settings: Settings) -> None:
    store = Store(database_url("sqlite:///new.db", tmp_path))
    try:
        await schema.upgrade(store)
        assert not await queue_weekly(store, settings, MONDAY)
        await add(store, 1, MONDAY + MINUTE)
        assert not await queue_weekly(store, settings, MONDAY + 2 * MINUTE)
        assert await queue_weekly(store, settings, MONDAY + WEEK)
    finally:
        await store.close()


async def test_a_missed_report_says_so_and_leaves_nothing_out(store: Store, settings: Settings) -> None:
    await queue_weekly(store, settings, MONDAY)
    await add(store, 2, MONDAY)
    await die(store, 2, MONDAY + timedelta(days=1))
    await queue_weekly(store, settings, MONDAY + 2 * WEEK + timedelta(days=2))
    punctual, late = [text_of(parsed(row)) for row in await rows(store)]
    assert "This report was due on" not in punctual
    assert "This report was due on Mon 7 Dec 2026 08:00" in late
    assert "Post 2" in late


async def test_each_death_is_in_exactly_one_report_even_when_the_schedule_changes(
    store: Store, settings: Settings
) -> None:
    for number in range(2, 16):
        await add(store, number, MONDAY)
        await die(store, number, MONDAY + timedelta(days=number))
    await queue_weekly(store, settings, MONDAY + WEEK)
    changed = settings.model_copy(
        update={"report": settings.report.model_copy(update={"schedule": "wed 20:00"})}
    )
    await queue_weekly(store, changed, MONDAY + timedelta(days=9, hours=12))
    await queue_weekly(store, changed, MONDAY + timedelta(days=16, hours=12))
    texts = [text_of(parsed(row)) for row in await rows(store)]
    assert len(texts) == 3
    for number in range(2, 16):
        assert sum(f"* Post {number}" in text.splitlines() for text in texts) == 1


async def test_addresses_that_are_none_are_said_at_once(store: Store, settings: Settings) -> None:
    for bad in ("me@example.org\r\nBcc: x@example.org", "nobody", "a@", "ü@example.org"):
        email = settings.report.email.model_copy(update={"recipients": (bad,)})
        broken = settings.model_copy(update={"report": settings.report.model_copy(update={"email": email})})
        with pytest.raises(MailError, match=r"report\.email\.recipients: .* is no e-mail address"):
            await queue_weekly(store, broken, MONDAY)


# delivering


async def test_a_report_arrives_whole(
    store: Store, settings: Settings, server: MailServer, clock: Clock
) -> None:
    await queue_weekly(store, settings, MONDAY)
    assert await deliver(store, settings, clock, "a")
    assert not await deliver(store, settings, clock, "a")
    [mail], [delivery] = server.mails, server.deliveries
    assert (delivery.sender, delivery.recipients) == ("rotwatch@example.org", ("me@example.org",))
    assert delivery.over_tls
    assert delivery.authenticated
    assert mail["Subject"].startswith("rotwatch: a quiet week")
    assert mail["From"] == "rotwatch <rotwatch@example.org>"
    assert mail["To"] == "me@example.org"
    assert mail["Date"].datetime == MONDAY
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<mailto:rotwatch@example.org?subject=unsubscribe>"
    assert not mail.defects
    html = mail.get_body(("html",))
    assert html is not None
    assert "in" in html.get_content()
    assert "exposed" in text_of(mail)
    [row] = await rows(store)
    assert (row.state, row.sent_at, row.error, row.leased_by) == ("sent", MONDAY, None, None)


async def test_reports_of_one_list_are_one_thread_and_each_is_its_own_mail(
    store: Store, settings: Settings
) -> None:
    await queue_weekly(store, settings, MONDAY)
    await queue_weekly(store, settings, MONDAY + WEEK)
    first, second = [parsed(row) for row in await rows(store)]
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]


async def test_a_server_that_is_down_for_two_days_gets_the_mail_once(
    store: Store, settings: Settings, server: MailServer, clock: Clock
) -> None:
    await server.refuse()
    await queue_weekly(store, settings, MONDAY)
    attempts = 0
    while clock.now < MONDAY + timedelta(days=2):
        attempts += await deliver(store, settings, clock, "a")
        clock.now += 5 * MINUTE
    [row] = await rows(store)
    assert row.state == "queued"
    assert "cannot be used" in row.error
    assert 12 < attempts < 18  # 5, 10, 20 … minutes, then every 6 hours
    await server.start()
    clock.now += timedelta(hours=6)
    assert await deliver(store, settings, clock, "a")
    assert len(server.mails) == 1


async def test_a_server_that_hangs_for_two_days_gets_the_mail_once(
    store: Store, settings: Settings, server: MailServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "COMMAND_TIMEOUT_S", 0.05)
    server.trouble = MailTrouble.HANG
    await queue_weekly(store, settings, MONDAY)
    while clock.now < MONDAY + timedelta(days=2):
        await deliver(store, settings, clock, "a")
        clock.now += timedelta(hours=6)
    [row] = await rows(store)
    assert row.state == "queued"
    assert "does not answer in time" in row.error
    monkeypatch.undo()
    server.trouble = MailTrouble.NONE
    assert await deliver(store, settings, clock, "a")
    assert not await deliver(store, settings, clock, "a")
    assert len(server.mails) == 1


async def test_a_connection_that_breaks_after_the_data_brings_the_same_mail_again(
    store: Store, settings: Settings, server: MailServer, clock: Clock
) -> None:
    """Whether it has the mail, only the server knows, and it did not say so: RFC 5321 has us send it again. One
    Message-ID makes it one mail to the reader, even where the server had kept it."""
    server.trouble = MailTrouble.DROP_AFTER_DATA
    await queue_weekly(store, settings, MONDAY)
    assert await deliver(store, settings, clock, "a")
    [row] = await rows(store)
    assert row.state == "queued"
    server.trouble = MailTrouble.NONE
    clock.now += 5 * MINUTE
    assert await deliver(store, settings, clock, "a")
    for _ in range(10):
        clock.now += timedelta(hours=6)
        assert not await deliver(store, settings, clock, "a")
    assert len(server.mails) == 2
    assert len({mail["Message-ID"] for mail in server.mails}) == 1


async def test_a_server_that_loses_the_mail_it_hangs_up_on_has_it_once_in_the_end(
    store: Store, settings: Settings, server: MailServer, clock: Clock
) -> None:
    server.trouble = MailTrouble.DROP_AFTER_DATA
    await queue_weekly(store, settings, MONDAY)
    assert await deliver(store, settings, clock, "a")
    server.mails.clear()
    server.trouble = MailTrouble.NONE
    clock.now += 5 * MINUTE
    assert await deliver(store, settings, clock, "a")
    assert len(server.mails) == 1


@pytest.mark.parametrize("trouble", [MailTrouble.NOT_NOW, MailTrouble.NOT_NOW_AFTER_DATA])
async def test_a_mail_refused_for_the_moment_is_tried_again(
    store: Store, settings: Settings, server: MailServer, clock: Clock, trouble: MailTrouble
) -> None:
    server.trouble = trouble
    await queue_weekly(store, settings, MONDAY)
    assert await deliver(store, settings, clock, "a")
    assert not await deliver(store, settings, clock, "a")
    server.trouble = MailTrouble.NONE
    clock.now += 5 * MINUTE
    assert await deliver(store, settings, clock, "a")
    assert len(server.mails) == 1
    [row] = await rows(store)
    assert (row.state, row.attempts, row.error) == ("sent", 2, None)


async def test_a_mail_refused_for_good_is_given_up_at_once_and_loudly(
    store: Store, settings: Settings, server: MailServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    server.trouble = MailTrouble.UNKNOWN_RECIPIENT
    await queue_weekly(store, settings, MONDAY)
    await deliver(store, settings, clock, "a")
    [row] = await rows(store)
    assert row.state == "given_up"
    assert "me@example.org (550" in row.error
    assert not any(record.exc_info for record in caplog.records)
    assert any(record.levelno == logging.ERROR and "given up" in record.message for record in caplog.records)
    assert not await deliver(store, settings, clock, "a")


async def test_after_a_week_a_mail_is_given_up_and_the_next_report_says_so(
    store: Store, settings: Settings, server: MailServer, clock: Clock
) -> None:
    server.trouble = MailTrouble.NOT_NOW
    await queue_weekly(store, settings, MONDAY)
    while clock.now < MONDAY + WEEK:
        await deliver(store, settings, clock, "a")
        clock.now += timedelta(hours=6)
    [row] = await rows(store)
    assert row.state == "given_up"
    await queue_weekly(store, settings, MONDAY + WEEK)
    assert "A report never arrived" in text_of(parsed((await rows(store))[1]))


async def test_two_daemons_send_one_mail(
    store: Store, settings: Settings, server: MailServer, clock: Clock, tmp_path: Path
) -> None:
    await queue_weekly(store, settings, MONDAY)
    other = Store(store.url)
    try:
        await asyncio.gather(
            *(deliver(each, settings, clock, f"daemon {n}") for n, each in enumerate((store, other) * 3))
        )
    finally:
        await other.close()
    assert len(server.mails) == 1


async def test_a_mail_held_by_a_killed_daemon_is_sent_when_its_lease_ends(
    store: Store, settings: Settings, server: MailServer, clock: Clock
) -> None:
    await queue_weekly(store, settings, MONDAY)
    async with store.write() as db:
        held = {"leased_by": "killed", "lease_until": MONDAY + organ.LEASE}
        await db.execute(update(outbox).values(held))
    assert not await deliver(store, settings, clock, "b")
    clock.now += organ.LEASE
    assert await deliver(store, settings, clock, "b")
    assert len(server.mails) == 1


async def test_killed_between_answer_and_mark_the_same_mail_comes_once_more_at_most(
    store: Store, settings: Settings, server: MailServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    async def kill(*_: object, **__: object) -> None:
        raise Killed

    await queue_weekly(store, settings, MONDAY)
    with monkeypatch.context() as patch:
        patch.setattr(organ, "_finish", kill)
        with pytest.raises(Killed):
            await deliver(store, settings, clock, "a")
    for _ in range(100):
        clock.now += 10 * MINUTE
        await deliver(store, settings, clock, "b")
    assert len(server.mails) == 2
    assert server.mails[0]["Message-ID"] == server.mails[1]["Message-ID"]


async def test_a_mail_is_not_sent_again_because_the_database_was_away_when_it_was_marked(
    store: Store, settings: Settings, server: MailServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue_weekly(store, settings, MONDAY)
    write, refused = store.write, 0

    @asynccontextmanager
    async def away_after_the_sending() -> AsyncIterator[AsyncConnection]:
        nonlocal refused
        if server.mails and refused < 2:
            refused += 1
            raise StoreError("The database does not answer.", passing=True)
        async with write() as db:
            yield db

    monkeypatch.setattr("monitor.outage.FIRST_S", 0.02)
    monkeypatch.setattr(store, "write", away_after_the_sending)
    assert await deliver(store, settings, clock, "one")
    clock.now += WEEK
    assert not await deliver(store, settings, clock, "another")
    assert refused == 2
    assert len(server.mails) == 1
    assert [row.state for row in await rows(store)] == ["sent"]


async def test_a_lease_that_ran_out_changes_nothing(
    store: Store, settings: Settings, server: MailServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue_weekly(store, settings, MONDAY)

    async def slow(*args: Any, **options: Any) -> list[str]:
        async with store.write() as db:  # another took it over meanwhile
            await db.execute(update(outbox).values(leased_by="b"))
        return await send(*args, **options)

    monkeypatch.setattr(organ, "send", slow)
    await deliver(store, settings, clock, "a")
    [row] = await rows(store)
    assert (row.state, row.leased_by) == ("queued", "b")


async def test_a_report_by_hand_leaves_the_week_alone(
    store: Store, settings: Settings, server: MailServer, clock: Clock
) -> None:
    from monitor.report.gather import gather

    async with store.read() as db:
        report = await gather(db, settings, start=MONDAY - WEEK, end=MONDAY - MINUTE)
    await send_now(store, settings, report, "hand", clock)
    assert await queue_weekly(store, settings, MONDAY)
    assert await deliver(store, settings, clock, "a")
    assert len(server.mails) == 2
    assert server.mails[0]["Message-ID"] != server.mails[1]["Message-ID"]


async def test_a_report_by_hand_that_fails_is_not_tried_again_behind_the_back(
    store: Store, settings: Settings, server: MailServer, clock: Clock
) -> None:
    from monitor.report.gather import gather

    await server.refuse()
    async with store.read() as db:
        report = await gather(db, settings, start=MONDAY - WEEK, end=MONDAY)
    with pytest.raises(MailError, match="cannot be used"):
        await send_now(store, settings, report, "hand", clock)
    await server.start()
    clock.now += timedelta(days=1)
    assert not await deliver(store, settings, clock, "a")
    [row] = await rows(store)
    assert (row.kind, row.state) == ("once", "given_up")


async def test_old_mails_lose_their_content_and_are_not_sent_again(
    store: Store, settings: Settings, server: MailServer, clock: Clock
) -> None:
    await queue_weekly(store, settings, MONDAY)
    await deliver(store, settings, clock, "a")
    await organ.forget(store, MONDAY + organ.KEPT)
    assert (await rows(store))[0].message
    await organ.forget(store, MONDAY + organ.KEPT + MINUTE)
    [row] = await rows(store)
    assert (row.message, row.state, row.sent_at) == (b"", "sent", MONDAY)
    assert not await queue_weekly(store, settings, MONDAY + MINUTE)
    assert not await deliver(store, settings, clock, "a")
    assert len(server.mails) == 1


async def test_a_mail_that_still_waits_is_never_emptied(
    store: Store, settings: Settings, clock: Clock
) -> None:
    await queue_weekly(store, settings, MONDAY)
    await organ.forget(store, MONDAY + 10 * organ.KEPT)
    assert (await rows(store))[0].message
