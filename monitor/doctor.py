"""The examination: each organ answers ok, warning or failed, with the mend."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

from monitor.archives.answers import Budget, Refused
from monitor.archives.gate import Gate, Paused
from monitor.archives.wayback import Wayback
from monitor.config import Settings
from monitor.config_file import SEARCHED, ConfigError, load
from monitor.fetch import Connectivity, Fetcher
from monitor.model import Clock
from monitor.report import mail
from monitor.report.mail import MailError
from monitor.report.send import greet
from monitor.store import Store, StoreError, database_url, schema, tally

Level = Literal["ok", "warning", "failed"]
CLOCK_OFF_S = 120  # beyond this, certificates and schedules suffer
KEYS = (
    "Get free keys at https://archive.org/account/s3.php and set archives.wayback.access_key and secret_key."
)
UNITS = ("/etc/systemd/system/rotwatch.service", "/usr/lib/systemd/system/rotwatch.service")


@dataclass(frozen=True, slots=True)
class Finding:
    """``mend``: what to do, empty where all is well."""

    name: str
    level: Level
    found: str
    mend: str = ""


async def examine(config_file: str | None, database: str | None, clock: Clock) -> AsyncIterator[Finding]:
    """Examine everything, in the order in which one thing needs another."""
    try:
        settings = load(config_file, database=database)
    except ConfigError as problem:
        yield Finding("config", "failed", str(problem), "Mend what it names; config.toml lists every key.")
        return
    if settings.file:
        yield Finding("config", "ok", str(settings.file))
    else:
        yield Finding("config", "warning", "no file, all defaults", f"Put one at {' or '.join(SEARCHED)}.")
    store, findings = await _database(settings)
    for finding in findings:
        yield finding
    try:
        async with Fetcher(settings.network, base=settings.home) as fetcher:
            yield await _network(settings, fetcher)
            yield await _archive_org(settings, store, fetcher, clock)
            yield await _clock(settings, fetcher, clock)
    except ConfigError as problem:
        yield Finding("network", "failed", str(problem), "Mend the [network] section.")
    finally:
        if store:
            await store.close()
    yield await _mail(settings)
    yield _systemd()


async def _database(settings: Settings) -> tuple[Store | None, list[Finding]]:
    """The open store, where it can be used."""
    try:
        store = Store(database_url(settings.database.url, settings.state_directory))
    except StoreError as problem:
        return None, [Finding("database", "failed", str(problem), "Mend [database] url.")]
    try:
        if problem_found := await schema.problem(store):
            await store.close()
            mend = "Run: rotwatch db upgrade"
            return None, [Finding("database", "warning", problem_found, mend)]
        async with store.read() as db:
            numbers = await tally.count(db)
        async with store.write():
            pass  # a file that can only be read is found out here
    except StoreError as problem:
        await store.close()
        return None, [Finding("database", "failed", str(problem), "Do what it says, then call doctor again.")]
    return store, [
        Finding("database", "ok", f"{store.name}, {numbers.links} links"),
        Finding("migrations", "ok", f"schema {schema.NEWEST}"),
    ]


async def _network(settings: Settings, fetcher: Fetcher) -> Finding:
    if not settings.network.anchors:
        found, mend = (
            "no anchors: our own network is never doubted",
            "Name independent sites in network.anchors.",
        )
        return Finding("network", "warning", found, mend)
    reach = await Connectivity(fetcher, settings.network.anchors).online()
    if reach.online:
        return Finding("network", "ok", reach.detail)
    return Finding("network", "failed", reach.detail, "Check the connection, DNS and network.proxy.")


async def _archive_org(settings: Settings, store: Store | None, fetcher: Fetcher, clock: Clock) -> Finding:
    wayback, name = settings.archives.wayback, "archive.org"
    if not wayback.enabled:
        return Finding(name, "warning", "switched off", "Set archives.wayback.enabled = true.")
    if not wayback.has_keys:
        return Finding(name, "warning", "no keys: saving is slow and often refused", KEYS)
    if store is None:
        return Finding(
            name, "warning", "not asked: there is no database to keep its limits in", "Mend the database."
        )
    try:
        answer = await Wayback(Gate(store, fetcher, wayback, clock)).budget()
    except Paused as pause:
        return Finding(name, "warning", str(pause), "Wait; the daemon goes on by itself.")
    if isinstance(answer, Budget):
        return Finding(name, "ok", f"keys are right; {answer.used} of {answer.limit} captures used today")
    if isinstance(answer, Refused):
        return Finding(name, "failed", f"keys are refused ({answer.message or answer.code})", KEYS)
    return Finding(
        name, "warning", f"no answer ({answer.message})", "Try again later; the queue waits meanwhile."
    )


async def _clock(settings: Settings, fetcher: Fetcher, clock: Clock) -> Finding:
    """Compare our clock with what an anchor says in its Date header."""
    for anchor in settings.network.anchors:
        page = await fetcher.fetch(anchor, method="HEAD")
        said = _date(page.headers.get("date", ""))
        if said is None:
            continue
        off_s = abs((said - clock()).total_seconds())
        if off_s > CLOCK_OFF_S:
            return Finding(
                "clock", "failed", f"{off_s:.0f} s off {anchor}", "Switch on time synchronisation."
            )
        return Finding("clock", "ok", f"within {off_s:.0f} s of {anchor}")
    return Finding("clock", "warning", "nobody to compare with", "Connect to the network and try again.")


def _date(header: str) -> datetime | None:
    try:
        said = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    return said if said.tzinfo else None


async def _mail(settings: Settings) -> Finding:
    email = settings.report.email
    try:
        if not mail.sends(email):
            found = "no weekly mail: no host or no recipients"
            return Finding("mail", "warning", found, "Set report.email.host, sender and recipients.")
        ca_file = settings.home / settings.network.ca_file if settings.network.ca_file else None
        await greet(email, ca_file=ca_file)
    except MailError as problem:
        return Finding("mail", "failed", str(problem), "Mend the [report.email] section.")
    return Finding("mail", "ok", f"{email.host}:{email.port} takes mail from {email.sender}")


def _systemd() -> Finding:
    if "NOTIFY_SOCKET" in os.environ:
        return Finding("systemd", "ok", "this process is a service that reports to systemd")
    if not Path("/run/systemd/system").is_dir():
        return Finding(
            "systemd", "warning", "this machine does not run systemd", "Start rotwatch run by other means."
        )
    if unit := next((path for path in UNITS if Path(path).exists()), None):
        return Finding("systemd", "ok", unit)
    return Finding("systemd", "warning", "no unit is installed", "See systemd/README.md.")
