"""What becomes of an acted list in some months: who dies when and of what, who comes back, what else goes wrong.

All of it is drawn from a seed before anything runs; it is the truth that the verdicts are held against.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from monitor.demo.address import Place, place_of
from monitor.demo.state import State
from monitor.demo.text import random_of
from monitor.demo.text import title as made_title

YEAR = timedelta(days=365)
BEFORE = 0.1  # of a list is dead on the day it is first looked at
KNOWN_BEFORE = 0.4  # of its pages were captured by others in years past
YEARLY = {"wechat": 0.18, "zhihu": 0.1, "csdn": 0.1, "site": 0.1}
"""Single pages that die in a year: about twice what studies of shared links find, so that half a year shows some."""
GROUPS_YEARLY = 0.1  # accounts that are closed, and domains that lapse, with all their pages
RETURNS = 0.15  # of single deaths
PER_ACCOUNT = 5  # links, on average
MOST_OF_AN_ACCOUNT = 8
FEW = 3  # of so many one dies at least
QUIET = timedelta(weeks=5)  # nothing dies at the end, so that nearly all deaths can be found
HALF_YEAR = timedelta(weeks=26)  # what the dates of the troubles are for; they come again in the next

DEATHS: Mapping[str, Mapping[State, int]] = {
    "wechat": {
        State.WECHAT_DELETED: 8,
        State.WECHAT_VIOLATION: 3,
        State.WECHAT_VIOLATION_RULES: 1,
        State.WECHAT_COMPLAINTS: 1,
        State.WECHAT_INFRINGEMENT: 1,
    },
    "zhihu": {State.ZHIHU_NOT_FOUND: 2, State.ZHIHU_NOT_FOUND_200: 1},
    "csdn": {State.CSDN_NOT_FOUND: 1},
    "site": {State.NOT_FOUND: 3, State.GONE: 1, State.SOFT_404: 1},
}
GROUP_DEATHS: Mapping[str, Mapping[State, int]] = {
    "wechat": {State.WECHAT_ACCOUNT_CLOSED: 1, State.WECHAT_ACCOUNT_BLOCKED: 1},
    "site": {State.PARKED_FOR_SALE: 2, State.PARKED_LANDER: 1},
}
LIVING: Mapping[str, Mapping[State, int]] = {
    "wechat": {State.LIVE: 16, State.WECHAT_ARTICLE_2018: 3, State.WECHAT_TEXT: 1},
    "zhihu": {State.LIVE: 5, State.ZHIHU_LOGIN_MODAL: 1},
    "csdn": {State.LIVE: 3, State.CSDN_PROMPTS: 2},
    "site": {State.LIVE: 6, State.PAGE_GBK: 1},
}


class Kind(StrEnum):
    """What else goes wrong."""

    ARCHIVE = "archive"  # archive.org answers everybody "too many requests"
    CAPTCHAS = "captchas"  # WeChat shows one to whoever comes
    OUTAGE = "outage"  # Zhihu's servers report errors
    OFFLINE = "offline"  # our own network is down
    CHALLENGES = "challenges"  # Zhihu sends every visitor a browser check


WEATHER = (
    (Kind.ARCHIVE, 0.1, 7),
    (Kind.CAPTCHAS, 38, 10),
    (Kind.OUTAGE, 71, 2),
    (Kind.OFFLINE, 99, 1.5),
    (Kind.CHALLENGES, 115, 18),
)
"""The troubles of half a year: kind, day of their beginning, days; shorter runs have them sooner and shorter."""


@dataclass(frozen=True, slots=True)
class Trouble:
    kind: Kind
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """``at``: None = before the list was first looked at. ``whole_host``: its domain lapses."""

    state: State
    at: datetime | None = None
    back: datetime | None = None
    whole_host: bool = False

    def holds(self, moment: datetime) -> bool:
        begun = self.at is None or self.at <= moment
        return begun and not (self.back is not None and self.back <= moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One page: ``living`` is its kind while it lives, ``captured_at`` when others had it archived."""

    url: str
    title: str
    place: Place
    account: str
    published: datetime
    living: State
    captured_at: datetime | None
    death: Death | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """``lives``: a page each, by its key in :class:`monitor.demo.address.Place`."""

    start: datetime
    end: datetime
    lives: Mapping[str, Life]
    troubles: Sequence[Trouble]

    def dead(self, key: str, moment: datetime) -> bool:
        """Whether the page is truly dead then; walls and outages of its host do not count."""
        death = self.lives[key].death
        return death is not None and death.holds(moment)


def plan(reading_list: Sequence[tuple[str, str]], *, start: datetime, weeks: int, seed: int) -> Season:
    """Draw what becomes of each ``(url, title)``."""
    end = start + timedelta(weeks=weeks)
    titles = {place_of(url): (url, title) for url, title in reversed(reading_list)}
    accounts = _accounts(sorted(titles, key=lambda place: place.key), seed)
    deaths = _deaths(accounts, start, end, seed)
    lives = {
        place.key: _life(
            place,
            url=titles[place][0],
            title=titles[place][1],
            account=accounts[place],
            death=deaths.get(place),
            start=start,
            seed=seed,
        )
        for place in sorted(titles, key=lambda place: place.key)
    }
    return Season(start=start, end=end, lives=lives, troubles=tuple(_troubles(start, end)))


def _accounts(places: Sequence[Place], seed: int) -> dict[Place, str]:
    """Who wrote each page. A few accounts wrote several, as in any list; none wrote most."""
    wrote: dict[Place, str] = {}
    counts: defaultdict[tuple[str, int], int] = defaultdict(int)
    totals = defaultdict[str, int](int)
    for place in places:
        totals[place.platform] += 1
    for place in places:
        random = random_of("account", seed, place.key)
        kinds = max(1, math.ceil(totals[place.platform] / PER_ACCOUNT))
        number = int(kinds * random.random() ** 1.5)
        while counts[place.platform, number] >= MOST_OF_AN_ACCOUNT:
            number += 1
        counts[place.platform, number] += 1
        wrote[place] = made_title("account", seed, place.platform, number)[:6]
    return wrote


def _deaths(accounts: Mapping[Place, str], start: datetime, end: datetime, seed: int) -> dict[Place, Death]:
    """Deaths of before, then of whole accounts and domains, then single ones; nobody dies twice."""
    random = random_of("deaths", seed)
    free = dict.fromkeys(accounts)
    deaths: dict[Place, Death] = {}
    days = max(timedelta(days=1), end - start - QUIET - timedelta(days=3))

    def moment() -> datetime:
        return start + timedelta(days=3) + timedelta(seconds=round(random.random() * days.total_seconds()))

    def die(place: Place, death: Death) -> None:
        del free[place]
        deaths[place] = death

    def some(candidates: Sequence[Place], share: float, *, least: int = 0) -> list[Place]:
        return random.sample(candidates, max(min(least, len(candidates)), round(len(candidates) * share)))

    for platform, states in DEATHS.items():
        for place in some([one for one in free if one.platform == platform], BEFORE):
            die(place, Death(state=_draw(states, random)))
    for platform, states in GROUP_DEATHS.items():
        groups = _groups(free, accounts, platform)
        for name in random.sample(sorted(groups), _count(len(groups), GROUPS_YEARLY, days)):
            state, at = _draw(states, random), moment()
            for place in groups[name]:
                die(place, Death(state=state, at=at, whole_host=platform == "site"))
    for platform, states in DEATHS.items():
        candidates = [one for one in free if one.platform == platform]
        dying = random.sample(candidates, _count(len(candidates), YEARLY[platform], days))
        returning = set(some(dying, RETURNS, least=platform == "wechat"))
        for place in dying:
            at = moment()
            stays = min(timedelta(days=random.randint(25, 50)), (end - at) / 2)
            back = at + stays if place in returning else None
            die(place, Death(state=_draw(states, random), at=at, back=back))
    return deaths


def _groups(
    free: Mapping[Place, None], accounts: Mapping[Place, str], platform: str
) -> dict[str, list[Place]]:
    """The living pages of each account, or of each site."""
    groups: defaultdict[str, list[Place]] = defaultdict(list)
    for place in free:
        if place.platform == platform:
            groups[place.host if platform == "site" else accounts[place]].append(place)
    return groups


def _count(number: int, yearly: float, time: timedelta) -> int:
    """How many of ``number`` die in ``time``; one at least, where there are a few."""
    return max(number >= FEW, round(number * yearly * (time / YEAR)))


def _draw(states: Mapping[State, int], random: Random) -> State:
    return random.choices(list(states), weights=list(states.values()))[0]


def _life(
    place: Place,
    *,
    url: str,
    title: str,
    account: str,
    death: Death | None,
    start: datetime,
    seed: int,
) -> Life:
    random = random_of("life", seed, place.key)
    published = start - timedelta(days=random.randint(30, 1500), hours=random.randint(0, 23))
    captured = published + (start - timedelta(days=20) - published) * random.random()
    return Life(
        url=url,
        title=title,
        place=place,
        account=account,
        published=published,
        living=_draw(LIVING[place.platform], random),
        captured_at=captured if random.random() < KNOWN_BEFORE else None,
        death=death,
    )


def _troubles(start: datetime, end: datetime) -> Iterator[Trouble]:
    scale = min(1.0, (end - start) / HALF_YEAR)
    for half in range(math.ceil((end - start) / HALF_YEAR)):
        for kind, day, days in WEATHER:
            begins = start + half * HALF_YEAR + timedelta(days=day) * scale
            trouble = Trouble(kind, begins, begins + timedelta(days=days) * scale)
            if trouble.end < end:
                yield trouble
