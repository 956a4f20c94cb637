"""Short messages between the mails, through Apprise: grouped, at most one every so often, kept over restarts.

What there is to tell becomes one letter, a part of the row of :mod:`monitor.store.alerts`, before it is sent; it
stays until each target that is configured has taken it, a mended one too. One daemon at a time does this for all that
share the database. A daemon that dies between a sending and its mark sends that letter once more, nothing else does.

Targets are secrets: they are told by their number and scheme only.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Row

from monitor.config import Alerts, Settings
from monitor.config_file import ConfigError
from monitor.outage import patiently
from monitor.report import words
from monitor.report.clean import clean
from monitor.report.language import N_, NN_, Language, tell
from monitor.store import Store, service
from monitor.store import alerts as kept
from monitor.store.alerts import Death

log = logging.getLogger(__name__)

TOLD = 10  # links by name in one message; the rest as a number
SEND_TIMEOUT_S = 60
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=2)
SERVICES = {"network": service.NETWORK, "archive": "archive.org"}  # what [alerts] on names → its row

DIED = NN_("rotwatch: {count} link died", "rotwatch: {count} links died")
LOST = NN_(", {count} of them lost without a copy", ", {count} of them lost without a copy")
TROUBLE = N_("rotwatch: trouble")
OVER = N_("rotwatch: trouble is over")
LINK = N_("{title}: {reason}. {copy}")
COPY = N_("Copy: {url}")
NO_COPY = N_("No copy.")
MORE = NN_(
    "and {count} more: rotwatch status --status dead", "and {count} more: rotwatch status --status dead"
)
ARCHIVE_TROUBLE = N_("No copies are made at archive.org since {since}: {note}")
ARCHIVE_WELL = N_("archive.org takes copies again; it did not since {since}.")
NETWORK_TROUBLE = N_("This machine's network is away since {since}, and nothing is marked: {note}")
NETWORK_WELL = N_("This machine's network is back; it was away since {since}.")
TEST = N_("rotwatch: a test")
TEST_BODY = N_("This is how rotwatch will tell what died between the weekly mails.")
SENTENCES = {"archive": (ARCHIVE_TROUBLE, ARCHIVE_WELL), "network": (NETWORK_TROUBLE, NETWORK_WELL)}


class AlertsError(Exception):
    """Nothing can be sent at all; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody to tell. ``url`` is a secret; ``name`` is for people: its place in the list and its scheme."""

    url: str = field(repr=False)
    name: str

    @property
    def mark(self) -> str:
        """Names the target in the database without telling it."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]


def targets(settings: Alerts) -> list[Target]:
    """Whom ``alerts.urls`` names, in its order."""
    urls = [one.get_secret_value().strip() for one in settings.urls]
    return [Target(url, f"{number} ({_scheme(url)})") for number, url in enumerate(urls, start=1)]


def _scheme(url: str) -> str:
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]{0,20})://", url)
    return f"{found[1].lower()}://…" if found else "no URL"


def check(settings: Alerts) -> None:
    """Whether Apprise is there and knows every target.

    :raises AlertsError: it is not installed. :raises ConfigError: a target it does not know.
    """
    apprise = _apprise()
    for target in targets(settings):
        if apprise.Apprise.instantiate(target.url) is None:
            raise ConfigError(
                f"alerts.urls: Apprise cannot use target {target.name}: "
                "compare it with https://appriseit.com/services/."
            )


def _apprise() -> Any:
    """With all its services, which takes seconds the first time: not for the event loop."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of what its services import
            import apprise  # noqa: PLC0415

            apprise.Apprise.instantiate("json://localhost")  # loads them
    except ModuleNotFoundError:
        raise AlertsError("Alerts need Apprise: pip install 'rotwatch[alerts]'.") from None
    chatter = logging.getLogger("apprise")  # it tells URLs, which are secrets
    chatter.propagate = False
    chatter.setLevel(logging.WARNING)  # as it is captured for what to say
    return apprise


async def send(target: Target, title: str, body: str) -> str:
    """Tell ``target``.

    :returns: empty when it took the message, else why not, without the secrets of its URL.
    """
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            return await asyncio.to_thread(_send, target, title, body)
    except AlertsError as problem:
        return str(problem)
    except TimeoutError:
        return f"no answer within {SEND_TIMEOUT_S} s"


def _send(target: Target, title: str, body: str) -> str:
    apprise = _apprise()
    channel = apprise.Apprise.instantiate(target.url)
    if channel is None:
        return "Apprise does not know such a URL"
    herald = apprise.Apprise()
    herald.add(channel)
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
        taken = herald.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
        why = said.getvalue()
    return "" if taken else redacted(why, target.url) or "it was not taken"


def redacted(text: str, url: str) -> str:
    """``text`` in one line, without any part of ``url`` that may be a secret."""
    pieces = {piece for form in (url, unquote(url)) for piece in re.split(r"[^\w.-]+", form)}
    line = clean(text, 500)
    for piece in sorted(pieces - {_scheme(url).partition(":")[0]}, key=len, reverse=True):
        if len(piece) >= 4:
            line = line.replace(piece, "…")
    return line[:200]


@dataclass(frozen=True, slots=True)
class Letter:
    title: str
    body: str


def deaths_letter(deaths: Sequence[Death], language: Language) -> Letter:
    """What died, the lost ones first."""
    once = {death.url: death for death in deaths}.values()
    lost = sum(death.copy_url is None for death in once)
    title = tell(language, DIED, count=len(once)) + (tell(language, LOST, count=lost) if lost else "")
    lines = [
        tell(
            language,
            LINK,
            title=clean(death.title or death.url, 100),
            reason=words.reason(language, death.reason),
            copy=tell(language, COPY, url=clean(death.copy_url, 300))
            if death.copy_url
            else tell(language, NO_COPY),
        )
        for death in sorted(once, key=lambda one: one.copy_url is not None)[:TOLD]
    ]
    if len(once) > TOLD:
        lines.append(tell(language, MORE, count=len(once) - TOLD))
    return Letter(title, "\n".join(lines))


class Messenger:
    """:param clock: the time; ``tick`` may be called at any time by the daemon whose turn it is."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self._alerts, self._report = settings.alerts, settings.report
        self._targets = targets(settings.alerts)

    async def tick(self) -> None:
        """Write down what there is to tell, and tell what is due."""
        if not self._targets:
            return
        now = self._clock()
        async with self._store.write() as db:
            data = await kept.read(db)
            if data is None:  # what died before somebody wanted to be told is no news
                await kept.keep(db, {"flip": await kept.newest_flip(db)}, failures=0, note=None, now=now)
                return
            before = dict(data)
            if "dead" not in self._alerts.on:  # nor is what died while nobody wanted to hear of deaths
                data["flip"] = await kept.newest_flip(db)
            self._watch(data, await service.named(db, ""), now)
            if not data.get("letter") and _moment(data.get("next_at"), now) <= now:
                deaths = (
                    await kept.deaths(db, after=data["flip"], now=now) if "dead" in self._alerts.on else ()
                )
                self._write(data, deaths, now)
            if data != before:
                await kept.keep(db, data, failures=data.get("attempts", 0), note=data.get("note"), now=now)
        if data.get("letter") and _moment(data["send_at"], now) <= now:
            await self._send(data)

    def _watch(self, data: dict[str, Any], services: Sequence[Row[Any]], now: datetime) -> None:
        """Remember since when each service is in trouble, and what of it was told."""
        rows = {one.name: one for one in services}
        troubles: dict[str, Any] = {}
        for kind in sorted(self._alerts.on & SERVICES.keys()):
            row, known = rows.get(SERVICES[kind]), data.get("troubles", {}).get(kind)
            if row is not None and row.failures:
                troubles[kind] = (known or {"since": now.isoformat(), "told": False}) | {
                    "note": clean(row.note or "", 300),
                    "at_once": kind == "archive" and _keys_refused(row.data),
                    "over": False,
                }
            elif known and known["told"]:
                troubles[kind] = known | {"over": True}
        data["troubles"] = troubles

    def _write(self, data: dict[str, Any], deaths: Sequence[Death], now: datetime) -> None:
        """Make the letter of what is news, and remember that it is in there."""
        language = self._report.language
        letters = [deaths_letter(deaths, language)] if deaths else []
        letters += self._of_troubles(data["troubles"], now)
        if deaths:
            data["flip"] = deaths[-1].flip_id
        if not letters:
            return
        data["letter"] = {
            "title": letters[0].title,
            "body": "\n".join(one.body for one in letters),
            "took": [],
            "at": now.isoformat(),
        }
        data |= {"send_at": now.isoformat(), "attempts": 0}

    def _of_troubles(self, troubles: dict[str, Any], now: datetime) -> Iterator[Letter]:
        language, zone = self._report.language, self._report.zone
        patience = timedelta(seconds=self._alerts.trouble_after_s)
        for kind, known in list(troubles.items()):
            since = datetime.fromisoformat(known["since"])
            bad, well = SENTENCES[kind]
            said = {"since": words.moment(language, since, zone), "note": known["note"] or "–"}
            if known["over"]:
                yield Letter(tell(language, OVER), tell(language, well, **said))
                del troubles[kind]
            elif not known["told"] and (known["at_once"] or now - since >= patience):
                yield Letter(tell(language, TROUBLE), tell(language, bad, **said))
                known["told"] = True

    async def _send(self, data: dict[str, Any]) -> None:
        letter, refusals = dict(data["letter"]), {}
        took = set(letter.get("took", ()))
        for target in self._targets:
            if target.mark not in took:
                why = await send(target, letter["title"], letter["body"])
                if why:
                    refusals[target] = why
                else:
                    took.add(target.mark)
        now, letter["took"] = self._clock(), sorted(took)
        data = data | _after(letter, data["attempts"] + 1, now, self._alerts, refused=bool(refusals))
        note = "; ".join(f"{target.name}: {why}" for target, why in refusals.items()) or None
        if refusals:
            log.warning("no alert for %s", note, extra={"action": "alert", "attempts": data["attempts"]})
        else:
            log.info("told: %s", letter["title"], extra={"action": "alert"})
        if refusals and not data["letter"]:
            log.error("“%s” is given up", letter["title"], extra={"action": "alert"})
        data["note"] = note

        async def mark() -> None:
            async with self._store.write() as db:
                await kept.keep(db, data, failures=len(refusals), note=note, now=now)

        await patiently("mark a message", mark)  # it is sent: without the mark it would be once more


def _keys_refused(ledger: Any) -> bool:
    """What :mod:`monitor.archives.ledger` keeps: only a person can mend that, so waiting for its end is no use."""
    return bool(((ledger or {}).get("saves") or {}).get("keys_refused"))


def _after(
    letter: Mapping[str, Any], attempts: int, now: datetime, settings: Alerts, *, refused: bool
) -> dict[str, Any]:
    """The state after an attempt: done, or put off for those that did not take it, or given up."""
    written = datetime.fromisoformat(letter["at"])
    if not refused or now - written >= GIVEN_UP_AFTER:
        return {
            "letter": None,
            "attempts": 0,
            "next_at": (now + timedelta(seconds=settings.every_s)).isoformat(),
        }
    pause = min(FIRST_PAUSE * 2 ** min(attempts - 1, 10), LONGEST_PAUSE)
    return {"letter": letter, "attempts": attempts, "send_at": (now + pause).isoformat()}


def _moment(kept_as: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(kept_as) if kept_as else otherwise
