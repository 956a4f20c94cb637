"""The examination: each organ answers ok, warning or failed, with the mend."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

from monitor.config import SEARCHED, ConfigError, Settings, load
from monitor.fetch import Connectivity, Fetcher
from monitor.store import Store, StoreError, database_url, schema, tally

Level = Literal["ok", "warning", "failed"]
CLOCK_OFF_S = 120  # beyond this, certificates and schedules suffer
SMTP_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """``mend``: what to do, empty where all is well."""

    name: str
    level: Level
    found: str
    mend: str = ""


async def examine(config_file: str | None, database: str | None) -> AsyncIterator[Finding]:
    """Examine everything, in the order in which one thing needs another."""
    try:
        settings = load(config_file, database=database)
    except ConfigError as problem:
        yield Finding("config", "failed", str(problem), "Mend the line it names; config.toml lists every key.")
        return
    if settings.file:
        yield Finding("config", "ok", str(settings.file))
    else:
        yield Finding("config", "warning", "no file, all defaults", f"Put one at {' or '.join(SEARCHED)}.")
    async for finding in _database(settings):
        yield finding
    async with Fetcher(settings.network, base=settings.home) as fetcher:
        yield await _network(settings, fetcher)
        yield await _archive_org(settings, fetcher)
        yield await _clock(settings, fetcher)
    yield await _mail(settings)
    yield _systemd()


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    try:
        store = Store(database_url(settings.database.url, settings.state_directory))
    except StoreError as problem:
        yield Finding("database", "failed", str(problem), "Mend [database] url.")
        return
    try:
        problem_found = await schema.problem(store)
        if problem_found:
            yield Finding("database", "warning", problem_found, "It is made by: rotwatch add, rotwatch db upgrade.")
            return
        async with store.read() as db:
            numbers = await tally.count(db)
        yield Finding("database", "ok", f"{store.name}, {numbers.links} links")
        yield Finding("migrations", "ok", f"schema {schema.NEWEST}")
    except StoreError as problem:
        yield Finding("database", "failed", str(problem), "Do what the message says, then call doctor again.")
    finally:
        await store.close()


async def _network(settings: Settings, fetcher: Fetcher) -> Finding:
    if not settings.network.anchors:
        return Finding(
            "network",
            "warning",
            "no anchors: our own network is never doubted",
            "Name a few independent sites under [network] anchors.",
        )
    reach = await Connectivity(fetcher, settings.network.anchors).online()
    if reach.online:
        return Finding("network", "ok", reach.detail)
    return Finding("network", "failed", reach.detail, "Check the connection, DNS and [network] proxy.")


async def _archive_org(settings: Settings, fetcher: Fetcher) -> Finding:
    from monitor.archives.wayback import Wayback, WaybackError  # noqa: PLC0415

    wayback = settings.archives.wayback
    if not wayback.enabled:
        return Finding("archive.org", "warning", "switched off", "Set [archives.wayback] enabled = true.")
    if not wayback.has_keys:
        return Finding(
            "archive.org",
            "warning",
            "no keys: saving is slow and often refused",
            "Get free keys at https://archive.org/account/s3.php and set access_key and secret_key.",
        )
    return Finding("archive.org", "ok", "keys are set")


async def _clock(settings: Settings, fetcher: Fetcher) -> Finding:
    """Compare our clock with the Date header of an anchor."""
    for anchor in settings.network.anchors:
        page = await fetcher.fetch(anchor, max_bytes=1024)
        said = page.headers.get("date")
        if not said:
            continue
        try:
            off_s = abs((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            continue
        if off_s > CLOCK_OFF_S:
            return Finding(
                "clock", "failed", f"{off_s:.0f} s off ({anchor} says {said})", "Switch on time synchronisation."
            )
        return Finding("clock", "ok", f"within {off_s:.0f} s of {anchor}")
    zone = time.strftime("%Z")
    return Finding("clock", "warning", f"nobody to compare with (zone {zone})", "Connect to the network and try again.")


async def _mail(settings: Settings) -> Finding:
    email = settings.report.email
    if not email.host or not email.recipients:
        return Finding(
            "mail", "warning", "no weekly mail: no host or no recipients", "Set [report.email] host, sender, recipients."
        )
    return Finding("mail", "ok", f"{email.host}:{email.port}")


def _systemd() -> Finding:
    if "NOTIFY_SOCKET" in os.environ:
        return Finding("systemd", "ok", "this process is a service that reports to systemd")
    if not Path("/run/systemd/system").is_dir():
        return Finding("systemd", "warning", "this machine does not run systemd", "Start rotwatch run by other means.")
    unit = next((p for p in _UNITS if Path(p).exists()), None)
    if unit:
        return Finding("systemd", "ok", unit)
    return Finding("systemd", "warning", "no unit is installed", "See the README: installing it as a service.")


_UNITS = ("/etc/systemd/system/rotwatch.service", "/usr/lib/systemd/system/rotwatch.service")
