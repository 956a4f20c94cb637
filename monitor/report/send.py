"""Handing a mail to the SMTP server, and what its refusals mean."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiosmtplib
from aiosmtplib import SMTP

from monitor.config import Email
from monitor.report import mail
from monitor.report.clean import clean
from monitor.report.mail import MailError

COMMAND_TIMEOUT_S = 60.0
GOODBYE_TIMEOUT_S = 5.0
DATA_TIMEOUT_S = 600.0  # RFC 5321, 4.5.3.2.6: to give up earlier brings the mail twice
ATTEMPT_TIMEOUT_S = 1500.0  # of everything together; shorter than the lease (monitor.report.outbox)
LOGIN_CODES = {530, 534, 535, 538}  # mended in the configuration, not by writing another mail


async def send(message: bytes, email: Email, *, ca_file: Path | None, patient: bool = True) -> list[str]:
    """Give ``message`` to the server, for all recipients at once.

    :param ca_file: a PEM file of authorities to trust besides the system's.
    :param patient: put the whole mail off while a recipient is refused for the moment; else send it to the others.
    :returns: the recipients it could not be given to, each with the reason; empty when all was well.
    :raises MailError: nothing was sent.
    """
    async with _connected(email, ca_file) as server:
        return await _hand_over(server, message, email, patient=patient)


async def greet(email: Email, *, ca_file: Path | None) -> None:
    """Connect and log in, send nothing: whether mail could go out.

    :raises MailError: it could not.
    """
    async with _connected(email, ca_file) as server:
        await server.quit(timeout=GOODBYE_TIMEOUT_S)


@contextlib.asynccontextmanager
async def _connected(email: Email, ca_file: Path | None) -> AsyncIterator[SMTP]:
    """The server after greeting and login. What goes wrong with it meanwhile is raised as a MailError."""
    try:
        async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
            server = _server(email, ca_file)
            try:
                await server.connect()
                yield server
            finally:
                server.close()
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _explained(error, email, f"{email.host}:{email.port}") from error


def _server(email: Email, ca_file: Path | None) -> SMTP:
    return SMTP(
        hostname=email.host,
        port=email.port,
        timeout=COMMAND_TIMEOUT_S,
        local_hostname=_own_name(),
        use_tls=email.security == "tls",
        start_tls=email.security == "starttls",
        tls_context=None if email.security == "none" else _context(ca_file),
        username=email.username or None,
        password=email.password.get_secret_value() or None,
    )


async def _hand_over(server: SMTP, message: bytes, email: Email, *, patient: bool) -> list[str]:
    await server.mail(mail.sender(email).addr_spec)
    refusals = []
    addresses = [address.addr_spec for address in mail.recipients(email)]
    for address in addresses:
        try:
            await server.rcpt(address)
        except aiosmtplib.SMTPRecipientRefused as refusal:
            refusals.append(refusal)
    temporary = any(refusal.code < 500 for refusal in refusals)
    if len(refusals) == len(addresses) or (patient and temporary):
        raise aiosmtplib.SMTPRecipientsRefused(refusals)
    await server.data(message, timeout=DATA_TIMEOUT_S)
    with contextlib.suppress(aiosmtplib.SMTPException):  # it has the mail, whatever becomes of the goodbye
        await server.quit(timeout=GOODBYE_TIMEOUT_S)
    return [_refusal(refusal) for refusal in refusals]


def _own_name() -> str:
    """What we call ourselves to the server; asks no name service, which may hang."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _context(ca_file: Path | None) -> ssl.SSLContext:
    """Stricter than for the web, where old servers are let pass: nothing here is worth a stolen password."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise MailError(
                f"network.ca_file {ca_file} cannot be used ({error.strerror or error}): name a PEM file."
            ) from None
    return context


def _explained(error: Exception, email: Email, where: str) -> MailError:
    """What went wrong as one sentence that says what to do."""
    said = _said(error)
    if certificate := _certificate_error(error):
        return MailError(
            f"The certificate of {where} is not trusted ({clean(certificate.verify_message)}): "
            "check report.email.host, or name its authority in network.ca_file."
        )
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return MailError(
                f"{where} refuses the login ({said}): check report.email.username and report.email.password."
            )
        case aiosmtplib.SMTPSenderRefused(code=code) if code in LOGIN_CODES:
            return MailError(f"{where} wants a login ({said}): set report.email.username and password.")
        case aiosmtplib.SMTPRecipientsRefused():
            lines = "; ".join(_refusal(refusal) for refusal in error.recipients)
            permanent = all(refusal.code >= 500 for refusal in error.recipients)
            return MailError(f"{where} refuses {lines}: check report.email.recipients.", permanent=permanent)
        case aiosmtplib.SMTPResponseException(code=code) if 400 <= code < 500:
            return MailError(f"{where} takes no mail at the moment ({said}).")
        case aiosmtplib.SMTPSenderRefused():
            return MailError(
                f"{where} refuses the sender ({said}): check report.email.sender.", permanent=True
            )
        case aiosmtplib.SMTPDataError():
            return MailError(f"{where} refuses the mail ({said}).", permanent=True)
        case TimeoutError():
            return MailError(f"{where} does not answer in time ({said}): check report.email.host and port.")
    return MailError(
        f"{where} cannot be used ({said}): check report.email.host, port and security (now {email.security})."
    )


def _said(error: Exception) -> str:
    """The server's own words, or the system's."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return clean(f"{error.code} {error.message}")
    return clean(str(error)) or type(error).__name__


def _refusal(refusal: aiosmtplib.SMTPRecipientRefused) -> str:
    return clean(f"{refusal.recipient} ({refusal.code} {refusal.message})")


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None
