"""A rendered report as a mail: headers, two bodies and an attachment, as the bytes that go out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import cast

from monitor.config import Email, Settings
from monitor.report.clean import clean
from monitor.report.gather import Report
from monitor.report.render import PICTURE_ID, render

NOBODY = "rotwatch@localhost"  # the sender of a mail that is only written to a file
POLICY = SMTP.clone(cte_type="7bit")  # every server takes it, however old
SUBJECT_AT_MOST = 200


class MailError(Exception):
    """A mail cannot be sent. ``permanent``: trying again would not help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


def sends(email: Email) -> bool:
    """Whether there is a server and somebody to write to."""
    return bool(email.host and email.recipients)


def sender(email: Email) -> Address:
    """Who the mail is from: ``sender``, else the login where it is an address, else the first recipient.

    :raises MailError: no address.
    """
    login = email.username if "@" in email.username else ""
    written = email.sender or login or next(iter(email.recipients), NOBODY)
    address = _address("sender", written)
    name = address.display_name or "rotwatch"
    return Address(name, username=address.username, domain=address.domain)


def recipients(email: Email) -> tuple[Address, ...]:
    """:raises MailError: one of them is no address."""
    found = (_address("recipients", written) for written in email.recipients)
    return tuple({address.addr_spec: address for address in found}.values())


def _address(key: str, written: str) -> Address:
    name, spec = parseaddr(written)
    try:
        address = Address(clean(name, 80), addr_spec=spec)
    except (HeaderParseError, ValueError, IndexError):
        address = None
    usable = address and address.username and address.domain and spec.isascii() and written.isprintable()
    if address is None or not usable:
        raise MailError(
            f"report.email.{key}: {clean(written, 80)!r} is no e-mail address: write it like me@example.org.",
            permanent=True,
        )
    return address


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail as the outbox keeps it."""

    subject: str
    message: bytes


def compose(report: Report, settings: Settings, *, kind: str, period: str) -> Composed:
    """The whole mail of a report.

    :param kind: and ``period``: which one it is. Two mails of one report have one Message-ID, so that a mail
        program shows the same report once, should it ever arrive twice.
    :raises MailError: the configured addresses are none.
    """
    email = settings.report.email
    rendered = render(report, settings.report.language, settings.report.zone)
    subject = clean(rendered.subject, SUBJECT_AT_MOST)
    who = sender(email)
    # tells the reports of one installation from those of another with the same sender
    series = hashlib.sha256(f"{report.watching_since} {who.addr_spec}".encode()).hexdigest()[:16]
    thread = f"<reports.{series}@{who.domain}>"
    message = EmailMessage(policy=POLICY)
    message["From"] = who
    message["To"] = recipients(email) or "undisclosed-recipients:;"
    message["Subject"] = subject
    message["Date"] = report.end
    message["Message-ID"] = f"<{kind}.{period.replace(':', '')}.{series}@{who.domain}>"
    message["In-Reply-To"] = thread
    message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<mailto:{who.addr_spec}?subject=unsubscribe>"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    if rendered.picture:
        html = cast("EmailMessage", message.get_body(("html",)))
        html.add_related(rendered.picture, "image", "png", cid=f"<{PICTURE_ID}>", disposition="inline")
    if attached := rendered.attachment:
        main, _, sub = attached.mime.partition("/")
        message.add_attachment(attached.content, maintype=main, subtype=sub, filename=attached.name)
    return Composed(subject, message.as_bytes())
