"""The acted mail server: real SMTP on 127.0.0.1, with STARTTLS, TLS or neither, and with troubles."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import StrEnum

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from monitor.demo.door import bound


class MailTrouble(StrEnum):
    """How the mail server fails; refusing connections is :meth:`MailServer.refuse`."""

    NONE = "none"
    HANG = "hang"  # it takes the connection and says nothing more after EHLO
    NOT_NOW = "not_now"  # 451 to the sender
    UNKNOWN_RECIPIENT = "unknown_recipient"  # 550 to the recipient
    NOT_NOW_AFTER_DATA = "not_now_after_data"  # 451 to the message
    DROP_AFTER_DATA = "drop_after_data"  # it has the message and hangs up before saying so


@dataclass(frozen=True, slots=True)
class Delivery:
    """The envelope of one accepted mail."""

    sender: str
    recipients: tuple[str, ...]
    over_tls: bool
    authenticated: bool


class MailServer:
    """An SMTP server in the running loop. ``mails`` and ``deliveries`` hold what it took, in order.

    ``security`` is ``starttls``, ``tls`` or ``none``. A mail that was taken before the server hung up is in
    ``mails`` too: that is what makes sending twice visible.
    """

    username = "rotwatch"
    password = "demo-password"  # noqa: S105 - opens nothing

    def __init__(
        self, context: ssl.SSLContext, *, security: str = "starttls", requires_login: bool = True
    ) -> None:
        if security not in {"starttls", "tls", "none"}:
            raise ValueError(f"security is {security!r}: take starttls, tls or none.")
        self.security, self.requires_login = security, requires_login
        self.trouble = MailTrouble.NONE
        self.mails: list[EmailMessage] = []
        self.deliveries: list[Delivery] = []
        self.connections = 0
        self.host, self.port = "localhost", 0
        self._context = context
        self._server: asyncio.Server | None = None
        self._holder: socket.socket | None = None
        self._open: set[SMTP] = set()

    async def start(self) -> None:
        """Listen; on the same port as before, if there was one. While we refuse, a second socket holds it."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # it warns of its own use of a deprecated name
        context = self._context if self.security == "tls" else None
        if self._holder is None:
            self._holder = bound(self.port)
            self.port = self._holder.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(
            self._greet, "127.0.0.1", self.port, ssl=context, reuse_port=True
        )

    async def refuse(self) -> None:
        """Refuse connections from now on; :meth:`start` opens again."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def stop(self) -> None:
        """Close, and cut the connections that stand."""
        await self.refuse()
        if self._holder is not None:
            self._holder.close()
            self._holder = None
        for connection in self._open:
            _hang_up(connection)
        self._open.clear()

    def settings(self) -> dict[str, object]:
        """The keys of ``[report.email]`` that lead here."""
        return {
            "host": self.host,
            "port": self.port,
            "security": self.security,
            "username": self.username,
            "password": self.password,
        }

    def _greet(self) -> SMTP:
        self.connections += 1
        # auth_required stays off: the server would warn about logins without TLS. handle_MAIL asks for them.
        made = SMTP(
            self,
            hostname="mail.example",
            enable_SMTPUTF8=True,
            tls_context=self._context if self.security == "starttls" else None,
            require_starttls=self.security == "starttls",
            auth_require_tls=self.security == "starttls",
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._open.add(made)
        return made

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and data == LoginPassword(
            self.username.encode(), self.password.encode()
        )
        return AuthResult(success=good, handled=False)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.trouble is MailTrouble.HANG:
            await asyncio.Event().wait()
        if self.requires_login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if self.trouble is MailTrouble.NOT_NOW:
            return "451 4.3.0 Temporary failure, please try again later"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.trouble is MailTrouble.UNKNOWN_RECIPIENT:
            return f"550 5.1.1 {address}: no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.trouble is MailTrouble.NOT_NOW_AFTER_DATA:
            return "451 4.3.0 Temporary failure, please try again later"
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.mails.append(message_from_bytes(content, EmailMessage, policy=default))
        over_tls = self.security == "tls" or session.ssl is not None
        self.deliveries.append(
            Delivery(
                envelope.mail_from or "", tuple(envelope.rcpt_tos), over_tls, bool(session.authenticated)
            )
        )
        if self.trouble is MailTrouble.DROP_AFTER_DATA:
            _hang_up(server)
        return "250 OK"


def _hang_up(connection: SMTP) -> None:
    if isinstance(connection.transport, asyncio.WriteTransport):
        connection.transport.abort()
