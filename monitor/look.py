"""One look at a link: fetch the page, judge it, and decide what follows."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor import platforms
from monitor.config import Policy, Shutdown
from monitor.fetch import Fetcher
from monitor.model import Article, Known, Outcome, Page, Reason, Status, Verdict
from monitor.platforms.likeness import SAME, pack, sketch, unpack
from monitor.platforms.transport import CERTIFICATE_EXPIRED
from monitor.policy import Doubt, Experience, Site, State, assess, next_look, step, vantage
from monitor.policy.risk import ELSEWHERE
from monitor.policy.site import announced
from monitor.policy.status import LIKE_ENOUGH
from monitor.policy.vantage import NOWHERE, Place
from monitor.store.checks import Look
from monitor.store.claims import Due
from monitor.urls import NotALink, clean

log = logging.getLogger(__name__)

SHRUNK = 0.5  # of the text of the last good copy


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen. ``article`` only for a living page that was read to its end."""

    page: Page
    verdict: Verdict
    article: Article | None = None


async def observe(
    fetcher: Fetcher,
    url: str,
    known: Known,
    *,
    full: bool,
    suspect: bool = False,
    leave: bool = False,
    wait: Callable[[], Awaitable[None]],
) -> Observation:
    """Look at ``url`` once.

    :param full: read the page to its end, for its text; else only as far as the verdict needs.
    :param suspect: it was failing before: a page that seems alive is compared with what a made-up neighbour of its
        address answers.
    :param leave: it is the last for now that is asked of its host.
    :param wait: awaited before a second request to the host.
    """
    enough = None if full else platforms.enough
    reading = platforms.Reading(await fetcher.fetch(url, enough=enough, leave=leave))
    verdict = reading.judge(known)
    if verdict.reason is Reason.MIGRATED and verdict.moved_to:
        await wait()
        reading = platforms.Reading(await fetcher.fetch(verdict.moved_to, enough=enough, leave=leave))
        verdict = replace(reading.judge(known), moved_to=verdict.moved_to)
    if (suspect and verdict.outcome is Outcome.OK) or verdict.reason in ELSEWHERE:
        neighbour = platforms.probe_url(url)
        if neighbour:
            await wait()
            verdict = reading.judge(replace(known, probe=await fetcher.fetch(neighbour, leave=leave)))
    page = reading.page
    return Observation(page, verdict, reading.article(verdict) if page.complete else None)


def wants_all(due: Due, policy: Policy) -> bool:
    """Whether the page is read to its end: at the first look, for suspects, and every few looks."""
    doubtful = due.state.failing_since is not None or due.state.status in (Status.SUSPECT, Status.DEAD)
    return due.sketch is None or doubtful or due.looks % policy.full_look_every == 0


def known_of(due: Due) -> Known:
    return Known(title=due.title or None, sketch=unpack(due.sketch) if due.sketch else None)


def decide(
    due: Due,
    seen: Observation,
    now: datetime,
    policy: Policy,
    *,
    experience: Experience | None = None,
    doubt: Doubt | None = None,
    place: Place = NOWHERE,
    shutdowns: Sequence[Shutdown] = (),
) -> Look:
    """What a look at a link means for its status, its risk and its next look.

    :param experience: what the list has lived through, where that is known.
    :param doubt: why the look is not believed: then it is kept as evidence and changes nothing.
    :param place: where it was made from, and what other places saw.
    :param shutdowns: of sites that have said when they close.
    """
    state, flip = (due.state, None) if doubt else step(due.state, seen.verdict, now, policy)
    waits = doubt is None and vantage.alone(due.state, state, seen.verdict, place)
    if waits:
        state, flip = vantage.held(due.state, state), None
    article = seen.article
    text = sketch(article.text) if article and article.text else None
    good = text if text and _is_good(due, state, seen.verdict) else None
    shrunk = bool(text and due.sketch and text.total < SHRUNK * unpack(due.sketch).total)
    published = article.published_at if article else None
    born = min(due.published_at or published or due.added_at, now)
    risk = assess(
        state,
        url=due.url,
        platform=due.platform,
        reason=seen.verdict.reason,
        born=born,
        account=due.mates,
        experience=experience or {},
        shrunk=shrunk,
        site=_site(due, seen.verdict, shutdowns),
        now=now,
        policy=policy,
    )
    if state.status is Status.DEAD:
        risk = replace(risk, at_risk_copied=False, at_risk_uncopied=False)
    return Look(
        due=due,
        at=now,
        verdict=seen.verdict,
        http_status=seen.page.http_status,
        final_url=_elsewhere(seen.page),
        state=state,
        flip=flip,
        risk=risk,
        next=vantage.ask_elsewhere(now, place.here)
        if waits
        else next_look(state, risk, born=born, now=now, policy=policy, doubt=doubt),
        only_from=place.here if waits else due.only_from if doubt else None,
        sketch=pack(good) if good else None,
        account=article.account if article else None,
        published_at=published,
        changed_at=now if good and not shrunk and _is_another(seen.verdict) else None,
    )


def tell(look: Look) -> None:
    """One line in the log."""
    if not log.isEnabledFor(logging.INFO):
        return
    due, verdict = look.due, look.verdict
    log.info(
        "%s %s (%s) %s%s",
        verdict.outcome,
        due.url,
        verdict.rule,
        look.state.status,
        f", was {look.flip.old}" if look.flip else "",
        extra={"action": "look", "link_id": due.id, "host": due.host},
    )


def _site(due: Due, verdict: Verdict, shutdowns: Sequence[Shutdown]) -> Site:
    """What is known of its site; whether a certificate is still expired only this look tells."""
    expired = due.site.certificate_expired_since if verdict.rule == CERTIFICATE_EXPIRED else None
    closes = announced(due.host, shutdowns) if shutdowns else None
    return Site(due.site.registration, expired, closes)


def _is_good(due: Due, state: State, verdict: Verdict) -> bool:
    """Whether the text that was seen is the article's: what lives at a dead address may be something else."""
    returned = due.state.status is not Status.DEAD or state.status is Status.ALIVE
    return returned and (verdict.likeness is None or verdict.likeness >= LIKE_ENOUGH)


def _is_another(verdict: Verdict) -> bool:
    """Whether the text is much of another one than before: copies of the old one do not show it."""
    return verdict.likeness is not None and verdict.likeness < SAME


def _elsewhere(page: Page) -> str | None:
    """Where the page answered, if not at its own address; what cannot be cleaned is not kept."""
    if page.final_url == page.url:
        return None
    try:
        final = clean(page.final_url)
    except NotALink:
        return None
    return final if final != page.url else None
