"""Handing a mail to a real SMTP server with real TLS, and every way in which it refuses."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, Envelope, Session

from monitor.config import Email
from monitor.demo.smtp import MailServer, MailTrouble
from monitor.report import send as organ
from monitor.report.mail import MailError
from monitor.report.send import send

MESSAGE = b"From: a@example.org\r\nTo: me@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nBody\r\n.\r\n"


class Choosy(MailServer):
    """Refuses some recipients."""

    refused: dict[str, str] = {}  # noqa: RUF012 - set by a test for its own server

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.refused.get(address):
            return answer
        return await super().handle_RCPT(server, session, envelope, address, options)


Start = Callable[..., Awaitable[Choosy]]


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    return tmp_path / "ca.pem"


@pytest.fixture
async def start(ca_file: Path) -> AsyncIterator[Start]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    started = []

    async def serve(name: str = "localhost", **options: Any) -> Choosy:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        server = Choosy(context, **options)
        await server.start()
        started.append(server)
        return server

    yield serve
    for server in started:
        await server.stop()


def email(server: MailServer, **other: Any) -> Email:
    values = {"sender": "a@example.org", "recipients": ("me@example.org",), **server.settings(), **other}
    return Email.model_validate(values)


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_a_mail_arrives_over_each_kind_of_connection(
    start: Start, ca_file: Path, security: str
) -> None:
    server = await start(security=security)
    assert await send(MESSAGE, email(server), ca_file=ca_file) == []
    [mail], [delivery] = server.mails, server.deliveries
    assert mail.get_content().splitlines() == ["Body", "."]
    assert delivery.over_tls is (security != "none")
    assert delivery.authenticated


async def test_no_login_is_made_where_none_is_configured(start: Start, ca_file: Path) -> None:
    server = await start(requires_login=False)
    await send(MESSAGE, email(server, username="", password=""), ca_file=ca_file)
    assert not server.deliveries[0].authenticated


async def failure(message: bytes, settings: Email, ca_file: Path | None, **options: bool) -> MailError:
    with pytest.raises(MailError) as caught:
        await send(message, settings, ca_file=ca_file, **options)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert sentence.endswith(".")
    assert "demo-password" not in sentence
    return caught.value


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_an_unknown_authority_is_refused_before_the_password_is_told(
    start: Start, security: str
) -> None:
    server = await start(security=security)
    error = await failure(MESSAGE, email(server), None)
    assert "certificate" in str(error)
    assert "network.ca_file" in str(error)
    assert not error.permanent
    assert not server.mails


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_another_host_is_refused(start: Start, ca_file: Path, security: str) -> None:
    server = await start("elsewhere.example", security=security)
    assert "certificate" in str(await failure(MESSAGE, email(server), ca_file))


async def test_a_server_without_starttls_gets_no_mail(start: Start, ca_file: Path) -> None:
    server = await start(security="none")
    error = await failure(MESSAGE, email(server, security="starttls"), ca_file)
    assert "STARTTLS" in str(error)
    assert "report.email" in str(error)


async def test_tls_where_there_is_none_ends_in_one_sentence(start: Start, ca_file: Path) -> None:
    server = await start(security="none")
    assert "security (now tls)" in str(await failure(MESSAGE, email(server, security="tls"), ca_file))


@pytest.mark.parametrize("broken", ["missing.pem", "empty.pem"])
async def test_a_broken_file_of_authorities_is_named(start: Start, tmp_path: Path, broken: str) -> None:
    server = await start()
    (tmp_path / "empty.pem").write_text("no certificate")
    error = await failure(MESSAGE, email(server), tmp_path / broken)
    assert broken in str(error)
    assert "PEM" in str(error)


async def test_a_wrong_password_is_said_and_may_be_mended(start: Start, ca_file: Path) -> None:
    error = await failure(MESSAGE, email(await start(), password="wrong"), ca_file)
    assert "report.email.password" in str(error)
    assert not error.permanent


async def test_a_missing_login_is_said_and_may_be_mended(start: Start, ca_file: Path) -> None:
    error = await failure(MESSAGE, email(await start(), username="", password=""), ca_file)
    assert "report.email.username" in str(error)
    assert not error.permanent


async def test_nobody_listening_is_said(start: Start, ca_file: Path) -> None:
    server = await start()
    await server.refuse()
    error = await failure(MESSAGE, email(server), ca_file)
    assert f"localhost:{server.port} cannot be used" in str(error)
    assert not error.permanent


async def test_a_name_that_does_not_exist_is_said(start: Start, ca_file: Path) -> None:
    error = await failure(MESSAGE, email(await start(), host="no-such-host.invalid"), ca_file)
    assert "no-such-host.invalid" in str(error)


async def test_a_server_that_hangs_is_left_in_time(
    start: Start, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    server.trouble = MailTrouble.HANG
    monkeypatch.setattr(organ, "COMMAND_TIMEOUT_S", 0.3)
    error = await failure(MESSAGE, email(server), ca_file)
    assert "does not answer in time" in str(error)
    assert not error.permanent


async def test_an_attempt_ends_before_its_lease_however_slow_the_server(
    start: Start, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor.report.outbox import LEASE

    assert LEASE.total_seconds() > organ.ATTEMPT_TIMEOUT_S > organ.DATA_TIMEOUT_S
    server = await start()
    server.trouble = MailTrouble.HANG
    monkeypatch.setattr(organ, "ATTEMPT_TIMEOUT_S", 0.3)
    assert "does not answer in time" in str(await failure(MESSAGE, email(server), ca_file))


async def test_a_server_that_says_nothing_at_all_is_left_in_time(
    start: Start, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    monkeypatch.setattr(organ, "COMMAND_TIMEOUT_S", 0.3)
    settings = email(await start(), port=listening.sockets[0].getsockname()[1])
    assert "does not answer in time" in str(await failure(MESSAGE, settings, ca_file))
    listening.close()


@pytest.mark.parametrize("trouble", [MailTrouble.NOT_NOW, MailTrouble.NOT_NOW_AFTER_DATA])
async def test_not_now_is_not_never(start: Start, ca_file: Path, trouble: MailTrouble) -> None:
    server = await start()
    server.trouble = trouble
    error = await failure(MESSAGE, email(server), ca_file)
    assert "at the moment (451" in str(error)
    assert not error.permanent


async def test_a_server_that_hangs_up_after_the_data_has_not_taken_the_mail(
    start: Start, ca_file: Path
) -> None:
    server = await start()
    server.trouble = MailTrouble.DROP_AFTER_DATA
    assert not (await failure(MESSAGE, email(server), ca_file)).permanent


async def test_an_unknown_recipient_is_for_good(start: Start, ca_file: Path) -> None:
    server = await start()
    server.trouble = MailTrouble.UNKNOWN_RECIPIENT
    error = await failure(MESSAGE, email(server), ca_file)
    assert "me@example.org (550" in str(error)
    assert error.permanent


async def test_one_unknown_recipient_does_not_keep_the_mail_from_the_others(
    start: Start, ca_file: Path
) -> None:
    server = await start()
    server.refused = {"gone@example.org": "550 no such user"}
    settings = email(server, recipients=("gone@example.org", "me@example.org"))
    [refusal] = await send(MESSAGE, settings, ca_file=ca_file)
    assert refusal == "gone@example.org (550 no such user)"
    assert server.deliveries[0].recipients == ("me@example.org",)


async def test_while_there_is_patience_a_busy_mailbox_puts_the_whole_mail_off(
    start: Start, ca_file: Path
) -> None:
    server = await start()
    server.refused = {"busy@example.org": "450 try again"}
    settings = email(server, recipients=("busy@example.org", "me@example.org"))
    error = await failure(MESSAGE, settings, ca_file)
    assert not error.permanent
    assert not server.mails
    assert await send(MESSAGE, settings, ca_file=ca_file, patient=False) == [
        "busy@example.org (450 try again)"
    ]
    assert server.deliveries[0].recipients == ("me@example.org",)


async def test_an_answer_of_the_server_cannot_forge_lines(start: Start, ca_file: Path) -> None:
    server = await start()
    server.refused = {"me@example.org": "550-no\r\n550 \x1b[31m\u202esuch user"}
    error = await failure(MESSAGE, email(server), ca_file)
    assert "\x1b" not in str(error)
