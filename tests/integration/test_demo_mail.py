from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage

import aiosmtplib
import pytest

from monitor.demo import World
from monitor.demo.smtp import MailServer, MailTrouble


@asynccontextmanager
async def acted(security: str = "starttls", *, requires_login: bool = True) -> AsyncIterator[World]:
    async with World(lambda: datetime(2026, 11, 1, tzinfo=UTC)) as world:
        await world.mail_server.stop()
        world.mail_server.port = 0
        world.mail_server.security, world.mail_server.requires_login = security, requires_login
        await world.mail_server.start()
        yield world


def mail() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = (
        "rotwatch@example.org",
        "reader@example.org",
        "本周：3 篇文章消失",
    )
    made.set_content("独家解读\n")
    made.add_alternative("<p>独家解读</p>", subtype="html")
    return made


async def send(world: World, *, password: str | None = None, login: bool = True) -> None:
    server = world.mail_server
    await aiosmtplib.send(
        mail(),
        hostname=server.host,
        port=server.port,
        username=server.username if login else None,
        password=(password or server.password) if login else None,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        cert_bundle=str(world.ca_file),
        timeout=2,
    )


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_a_mail_arrives_whole(security: str) -> None:
    async with acted(security) as world:
        await send(world)
        (arrived,) = world.mails
        assert arrived["Subject"] == "本周：3 篇文章消失"
        assert arrived.get_body(("plain",)).get_content().strip() == "独家解读"  # type: ignore[union-attr]
        (delivery,) = world.mail_server.deliveries
        assert delivery.sender == "rotwatch@example.org"
        assert delivery.recipients == ("reader@example.org",)
        assert delivery.over_tls == (security != "none")
        assert delivery.authenticated


async def test_a_wrong_or_missing_login_is_refused() -> None:
    async with acted() as world:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await send(world, password="wrong")
        with pytest.raises(aiosmtplib.SMTPException, match="Authentication required"):
            await send(world, login=False)
        assert not world.mails


async def test_a_server_can_take_mail_from_anybody() -> None:
    async with acted("none", requires_login=False) as world:
        await send(world, login=False)
        assert len(world.mails) == 1


@pytest.mark.parametrize(
    ("trouble", "error", "taken"),
    [
        (MailTrouble.NOT_NOW, aiosmtplib.SMTPSenderRefused, 0),
        (MailTrouble.UNKNOWN_RECIPIENT, aiosmtplib.SMTPRecipientsRefused, 0),
        (MailTrouble.NOT_NOW_AFTER_DATA, aiosmtplib.SMTPDataError, 0),
        (MailTrouble.HANG, aiosmtplib.SMTPTimeoutError, 0),
        (MailTrouble.DROP_AFTER_DATA, aiosmtplib.SMTPServerDisconnected, 1),
    ],
)
async def test_the_server_fails_as_it_is_told(
    trouble: MailTrouble, error: type[Exception], taken: int
) -> None:
    async with acted() as world:
        world.mail_server.trouble = trouble
        with pytest.raises(error):
            await send(world)
        assert len(world.mails) == taken
        world.mail_server.trouble = MailTrouble.NONE
        await send(world)
        assert len(world.mails) == taken + 1


async def test_a_refusing_server_comes_back_on_the_same_port() -> None:
    async with acted() as world:
        port = world.mail_server.port
        await world.mail_server.refuse()
        with pytest.raises(aiosmtplib.SMTPConnectError):
            await send(world)
        await world.mail_server.start()
        assert world.mail_server.port == port
        await send(world)
        assert len(world.mails) == 1


def test_an_unknown_security_is_refused() -> None:
    with pytest.raises(ValueError, match="starttls, tls or none"):
        MailServer(None, security="ssl")  # type: ignore[arg-type]
