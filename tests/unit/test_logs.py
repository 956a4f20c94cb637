from __future__ import annotations

import io
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.logs import JournalHandler, PriorityFormatter, to_journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "journal"))
        listener.settimeout(60)
        yield listener


def fields(entry: bytes) -> dict[str, str]:
    """Read an entry as the journal does (JOURNAL_NATIVE_PROTOCOL)."""
    found, at = {}, 0
    while at < len(entry):
        end = entry.index(b"\n", at)
        name, is_plain, value = entry[at:end].partition(b"=")
        at = end + 1
        if not is_plain:
            size = int.from_bytes(entry[at : at + 8], "little")
            value, at = entry[at + 8 : at + 8 + size], at + 8 + size + 1
        found[name.decode()] = value.decode()
    return found


def logged(handler: logging.Handler, level: int, message: str, **extra: object) -> None:
    logger = logging.getLogger("monitor.sweep")
    logger.addHandler(handler)
    logger.propagate = False  # what is captured goes into the test's report, which must be Unicode
    try:
        logger.log(level, message, extra=extra)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
        handler.close()


def test_an_event_is_one_entry_with_its_level_place_and_fields(journal: socket.socket) -> None:
    handler = JournalHandler(logging.StreamHandler(io.StringIO()), address=journal.getsockname())
    logged(
        handler,
        logging.WARNING,
        "a host rests",
        action="sweep",
        host="a.example",
        link_id=7,
        other="no field",
    )
    entry = fields(journal.recv(65536))
    assert {
        name: entry[name] for name in ("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "LOGGER", "CODE_FUNC")
    } == {
        "MESSAGE": "a host rests",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "rotwatch",
        "LOGGER": "monitor.sweep",
        "CODE_FUNC": "logged",
    }
    assert {name: value for name, value in entry.items() if name.startswith("ROTWATCH_")} == {
        "ROTWATCH_ACTION": "sweep",
        "ROTWATCH_HOST": "a.example",
        "ROTWATCH_LINK_ID": "7",
    }
    assert entry["CODE_FILE"] == __file__


def test_words_of_strangers_cannot_forge_a_field(journal: socket.socket) -> None:
    handler = JournalHandler(logging.StreamHandler(io.StringIO()), address=journal.getsockname())
    logged(handler, logging.WARNING, "ok\nPRIORITY=0\nROTWATCH_ACTION=mail\ud800")
    entry = fields(journal.recv(65536))
    assert (entry["PRIORITY"], "ROTWATCH_ACTION" in entry) == ("4", False)
    assert entry["MESSAGE"] == "ok\nPRIORITY=0\nROTWATCH_ACTION=mail?"


def test_what_the_journal_does_not_take_goes_to_stderr_with_its_level(tmp_path: Path) -> None:
    stderr = io.StringIO()
    fallback = logging.StreamHandler(stderr)
    fallback.setFormatter(PriorityFormatter("%(message)s"))
    logged(JournalHandler(fallback, address=str(tmp_path / "nobody")), logging.ERROR, "two\nlines")
    assert stderr.getvalue() == "<3>two\n<3>lines\n"


def test_the_journal_is_believed_in_only_where_it_is_our_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert not to_journal()
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")  # inherited by a shell that a service started
    assert not to_journal()
    stderr = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{stderr.st_dev}:{stderr.st_ino}")
    assert to_journal()
