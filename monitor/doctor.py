"""The examination: each organ answers ok, warning or failed, with the mend."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from monitor import alerts
from monitor.archives import retention
from monitor.archives.answers import KEYS, Budget, Refused
from monitor.archives.gate import Gate, Paused
from monitor.archives.local import LocalArchive
from monitor.archives.wayback import Wayback
from monitor.config import Settings
from monitor.config_file import SEARCHED, ConfigError, load
from monitor.counted import counted
from monitor.fetch import Connectivity, Fetcher
from monitor.fetch.connectivity import date_of
from monitor.model import Clock
from monitor.report import mail
from monitor.report.mail import MailError
from monitor.report.send import greet
from monitor.service_files import UNIT
from monitor.store import Store, StoreError, database_url, parts, schema, service, snapshots, tally, workers
from monitor.store import alerts as told
from monitor.web.door import is_loopback

Level = Literal["ok", "warning", "failed"]
OFFLINE = "not asked: offline"
LITTLE_ROOM = 100_000_000  # bytes
CLOCK_OFF_S = 120  # beyond this, certificates and schedules suffer
SECRETS = (
    "report.email.password",
    "archives.wayback.access_key",
    "archives.wayback.secret_key",
    "web.token",
    "alerts.urls",
)
UNITS = (f"/etc/systemd/system/{UNIT}", f"/usr/lib/systemd/system/{UNIT}")
WEB_TIMEOUT_S = 3
COPIES_TRIED = 500  # of the oldest and of the newest: whether their files are here
FILES_MISSING = (
    "Restore them from a backup; where several machines look, let all write into one shared folder"
    " (docs/machines.md, archives.local.directory)."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """``mend``: what to do; empty where all is well, or where nothing can be said before another finding is mended."""

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
        yield _config(settings.file)
    else:
        yield Finding("config", "warning", "no file, all defaults", f"Put one at {' or '.join(SEARCHED)}.")
    store, findings = await _database(settings)
    for finding in findings:
        yield finding
    try:
        async with Fetcher(settings.network, base=settings.home) as fetcher:
            network = await _network(settings, fetcher)
            online = network.level != "failed"
            yield network
            yield await _archive_org(settings, store, fetcher if online else None, clock)
            yield await _local_copies(settings, store)
            yield await _clock(settings, fetcher, clock) if online else Finding("clock", "warning", OFFLINE)
        yield await _alerts(settings, store, online=online)
        yield await _daemon(store, clock)
    except ConfigError as problem:
        online = False
        yield Finding("network", "failed", str(problem), "Mend the [network] section.")
    finally:
        if store:
            await store.close()
    yield await _mail(settings, online=online)
    yield await _web(settings)
    yield _systemd()


def _config(file: Path) -> Finding:
    """``file`` was read a moment ago."""
    values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    told = [name for name in SECRETS if _value(values, name)]
    if told and file.stat().st_mode & stat.S_IROTH:
        return Finding(
            "config",
            "warning",
            f"{file} can be read by everybody, and {', '.join(told)} stands in it",
            "Move it to /etc/credstore (see systemd/README.md), or chmod 600 the file where no service reads it.",
        )
    return Finding("config", "ok", str(file))


def _value(values: Any, name: str) -> Any:
    for part in name.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


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
        Finding("database", "ok", f"{store.name}, {counted(numbers.links, 'link')}"),
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


async def _archive_org(
    settings: Settings, store: Store | None, fetcher: Fetcher | None, clock: Clock
) -> Finding:
    """:param fetcher: None where we are offline."""
    wayback, name = settings.archives.wayback, "archive.org"
    if not wayback.enabled:
        return Finding(name, "warning", "switched off", "Set archives.wayback.enabled = true.")
    if not wayback.has_keys:
        return Finding(
            name,
            "warning",
            f"no keys: {wayback.daily_saves} saves a day at most, many refused; with keys thousands",
            KEYS,
        )
    if store is None:
        return Finding(
            name, "warning", "not asked: there is no database to keep its limits in", "Mend the database."
        )
    if fetcher is None:
        return Finding(name, "warning", OFFLINE)
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


async def _local_copies(settings: Settings, store: Store | None) -> Finding:
    name, own = "local copies", settings.archives.local
    if not own.enabled:
        return Finding(name, "warning", "switched off", "Set archives.local.enabled = true.")
    local = LocalArchive.of(settings)
    there = next(path for path in (local.directory, *local.directory.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding(name, "failed", f"{there} cannot be written", "Let this user write there.")
    if store and await retention.is_full(store, local):
        found = f"the {own.max_gb:g} GB are used up by copies that nothing replaces: no new ones are kept"
        return Finding(name, "failed", found, "Raise archives.local.max_gb.")
    of = f" of {own.max_gb:g} GB" if own.max_gb else ""
    found = f"{local.size() / 1e6:.1f} MB{of} in {local.directory}"
    if store:
        async with store.read() as db:
            named = await snapshots.some_files(db, sample=COPIES_TRIED)
            waiting = await parts.waiting(db)
        if missing := sorted(named - local.files().keys()):
            found = (
                f"{local.directory} has not got {counted(len(missing), 'file')} of copies, like {missing[0]}"
            )
            return Finding(name, "warning", found, FILES_MISSING)
        found += f", {waiting} copies wait for their pictures"
    if (free := shutil.disk_usage(there).free) < LITTLE_ROOM:
        return Finding(name, "warning", f"{found}; {free / 1e6:.0f} MB are free", "Make room on the disk.")
    return Finding(name, "ok", found)


async def _clock(settings: Settings, fetcher: Fetcher, clock: Clock) -> Finding:
    """Compare our clock with what an anchor says in its Date header."""
    for anchor in settings.network.anchors:
        page = await fetcher.fetch(anchor, method="HEAD")
        said = date_of(page)
        if said is None:
            continue
        off_s = abs((said - clock()).total_seconds())
        if off_s > CLOCK_OFF_S:
            return Finding(
                "clock", "failed", f"{off_s:.0f} s off {anchor}", "Switch on time synchronisation."
            )
        return Finding("clock", "ok", f"within {off_s:.0f} s of {anchor}")
    return Finding("clock", "warning", "nobody to compare with", "Connect to the network and try again.")


async def _mail(settings: Settings, *, online: bool) -> Finding:
    email = settings.report.email
    try:
        if not mail.sends(email):
            found = "no weekly mail: no host or no recipients"
            return Finding("mail", "warning", found, "Set report.email.host, sender and recipients.")
        ca_file = settings.home / settings.network.ca_file if settings.network.ca_file else None
        await greet(email, ca_file=ca_file)
    except MailError as problem:
        not_reached = isinstance(problem.__cause__, OSError)
        if not_reached and not online:  # a server at home may answer all the same
            return Finding("mail", "warning", f"{email.host}:{email.port} does not answer: offline")
        return Finding("mail", "failed", str(problem), "Mend the [report.email] section.")
    return Finding("mail", "ok", f"{email.host}:{email.port} takes mail from {email.sender}")


async def _alerts(settings: Settings, store: Store | None, *, online: bool) -> Finding:
    count = len(settings.alerts.urls)
    if not count:
        return Finding("alerts", "ok", "off: what died is told by mail and page only")
    try:
        alerts.check(settings.alerts)
    except (alerts.AlertsError, ConfigError) as problem:
        return Finding("alerts", "failed", str(problem), "Do what it says, then: rotwatch notify --test")
    if store:
        async with store.read() as db:
            row = await service.get(db, told.NAME)
        if row is not None and row.failures:
            found = f"the last message was not taken by {row.note}"
            if not online:
                return Finding("alerts", "warning", f"{found}: offline")
            return Finding("alerts", "failed", found, "Mend alerts.urls, then: rotwatch notify --test")
    return Finding("alerts", "ok", "1 target" if count == 1 else f"{count} targets")


async def _daemon(store: Store | None, clock: Clock) -> Finding:
    mend = "Start it: rotwatch run, or for good: rotwatch service install"
    if store is None:
        return Finding("daemon", "warning", "nothing is known without a database", mend)
    async with store.read() as db:
        live = await workers.live(db, clock())
    if not live:
        return Finding("daemon", "warning", "none runs: nothing is looked at", mend)
    return Finding(
        "daemon", "ok", f"{len(live)} running, at {', '.join(sorted({one.vantage for one in live}))}"
    )


async def _web(settings: Settings) -> Finding:
    host, _, port = settings.web.listen.rpartition(":")
    host = host.strip("[]")
    if port == "0":
        return Finding("web page", "ok", "off")
    if not is_loopback(host) and not settings.web.token.get_secret_value():
        found = f"{settings.web.listen} is open to other machines without a token, so it is not served"
        return Finding("web page", "failed", found, "Set web.token, or listen to 127.0.0.1.")
    try:
        async with asyncio.timeout(WEB_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, int(port))
        writer.close()
    except (OSError, TimeoutError):
        found = f"nothing listens at {settings.web.listen}"
        return Finding("web page", "warning", found, "It comes with the daemon: rotwatch run")
    return Finding("web page", "ok", f"http://{settings.web.listen}/")


def _systemd() -> Finding:
    if "NOTIFY_SOCKET" in os.environ:
        return Finding("systemd", "ok", "this process is a service that reports to systemd")
    if not Path("/run/systemd/system").is_dir():
        return Finding(
            "systemd", "warning", "this machine does not run systemd", "Start rotwatch run by other means."
        )
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user" / UNIT
    if unit := next((path for path in (*UNITS, str(own)) if Path(path).exists()), None):
        return Finding("systemd", "ok", unit)
    return Finding("systemd", "warning", "no unit is installed", "Install it: rotwatch service install")
