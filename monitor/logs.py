"""Logging for people on a terminal, and with fields of its own where systemd's journal listens.

The journal's native protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
"""

from __future__ import annotations

import logging
import os
import socket
import sys

PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
NOISY = ("apscheduler", "alembic", "asyncio", "aiosqlite", "urllib3")
JOURNAL = "/run/systemd/journal/socket"
OURS = ("action", "link_id", "host", "mail_id", "attempts", "period")  # of ``extra``: ROTWATCH_ACTION=look …
MAX_MESSAGE = 48 * 1024  # what the journal keeps of a line


def to_journal() -> bool:
    """Whether stderr is the journal: systemd names its device and inode in ``$JOURNAL_STREAM``."""
    try:
        stderr = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stderr.st_dev}:{stderr.st_ino}"


class PriorityFormatter(logging.Formatter):
    """``<6>text`` on stderr, which is the journal: it reads the priority and adds the time itself."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(priority + line for line in super().format(record).splitlines())


class JournalHandler(logging.Handler):
    """One entry an event, its ``extra`` as fields: ``journalctl -u rotwatch ROTWATCH_ACTION=look``.

    :param fallback: takes what the journal does not, so that nothing is lost.
    """

    def __init__(self, fallback: logging.Handler, *, address: str = JOURNAL) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(message)s"))
        self._fallback, self._address = fallback, address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        # a daemon never waits for its log
        self._socket.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._socket.sendto(self._entry(record), self._address)
        except OSError:
            self._fallback.handle(record)
        except (
            Exception
        ):  # as every handler of logging does: a wrong log call must not break what it tells of
            self.handleError(record)

    def close(self) -> None:
        self._socket.close()
        super().close()

    def _entry(self, record: logging.LogRecord) -> bytes:
        fields: dict[str, object] = {
            "MESSAGE": self.format(record)[:MAX_MESSAGE],
            "PRIORITY": PRIORITIES.get(record.levelno, 6),
            "SYSLOG_IDENTIFIER": "rotwatch",
            "CODE_FILE": record.pathname,
            "CODE_LINE": record.lineno,
            "CODE_FUNC": record.funcName,
            "LOGGER": record.name,
        }
        fields |= {f"ROTWATCH_{name.upper()}": vars(record)[name] for name in OURS if name in vars(record)}
        return b"".join(_field(name, str(value)) for name, value in fields.items())


def _field(name: str, value: str) -> bytes:
    """``NAME=value``, or with its length in front where the value has several lines and could forge another field."""
    data = value.encode("utf-8", "replace")
    if b"\n" not in data:
        return b"%s=%s\n" % (name.encode(), data)
    return b"%s\n%s%s\n" % (name.encode(), len(data).to_bytes(8, "little"), data)


def set_up(*, verbose: bool) -> None:
    """Log to stderr or the journal; one line an event, never a page's body, never a secret."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if to_journal():
        handler.setFormatter(PriorityFormatter("%(message)s"))
        handler = JournalHandler(handler)
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.ERROR)
