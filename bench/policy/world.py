"""The acted truth: which pages die when, which come back, what stands in between. Nothing here knows the policy.

Rates follow the studies of docs/policy.md where there are some, not the policy's own table; the rest is assumed and
printed with the result. All times are days since the start.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from monitor.model import Outcome, Reason, Verdict

YEAR = 365.0
PLATFORMS = {"wechat": 0.56, "zhihu": 0.21, "csdn": 0.03}  # share of the links; the rest is on small sites
LINKS_A_SITE = 20_000 / 1_900
HISTORY = 6 * YEAR  # the oldest page of the list
NEW = 0.4  # of the links are added while we watch
DATED = 0.5  # of the pages on small sites say when they were published
NEVER = math.inf
PASSING = 90.0  # what is back within these days was never dead

HAZARD = ((2, 3.0), (7, 0.6), (30, 0.15), (180, 0.07), (NEVER, 0.045))
"""Deaths a year below an age: 8.2 % in the first year (Pew: 8 %), 4.4 % a year later (Pew: about 4 %)."""
RISKY, RISKY_TIMES = 0.10, 15.0  # share of the accounts whose pages die so many times as often as the others'
PURGED = 0.05  # of an old page's risk comes from purges of its account
PURGE_TAKES = 0.4  # of the account's pages, within two days
SITES_CLOSE = 0.02  # a year
BACK_IN_A_WEEK, BACK_IN_A_YEAR = 0.03, 0.02  # of the dead


def _verdict(outcome: Outcome, reason: Reason) -> Verdict:
    return Verdict(
        outcome=outcome, reason=reason, rule="bench", likeness=1.0 if outcome is Outcome.OK else None
    )


OK = _verdict(Outcome.OK, Reason.SAME_TEXT)
REMOVED = _verdict(Outcome.REMOVED, Reason.DELETED_BY_AUTHOR)
NOT_FOUND = _verdict(Outcome.GONE, Reason.NOT_FOUND)
NO_HOST = _verdict(Outcome.GONE, Reason.NO_SUCH_HOST)
HOME_PAGE = _verdict(Outcome.FAILED, Reason.HOME_PAGE)
TIMEOUT = _verdict(Outcome.FAILED, Reason.TIMEOUT)
SERVER_ERROR = _verdict(Outcome.FAILED, Reason.SERVER_ERROR)
CAPTCHA = _verdict(Outcome.WALLED, Reason.CAPTCHA)
FORBIDDEN = _verdict(Outcome.WALLED, Reason.FORBIDDEN)

ENDS = {  # how a dead page answers: verdicts and their shares
    "wechat": ((REMOVED, 1.0),),
    "zhihu": ((REMOVED, 0.3), (NOT_FOUND, 0.7)),
    "csdn": ((NOT_FOUND, 0.9), (HOME_PAGE, 0.1)),
    "generic": ((NOT_FOUND, 0.8), (HOME_PAGE, 0.1), (SERVER_ERROR, 0.1)),
}


@dataclass(frozen=True, slots=True)
class Weather:
    """How a kind of host fails while its pages live.

    ``flake``: share of looks that fail by chance; ``outages``: a year; ``median`` days and log-normal ``spread`` of
    their length, at most ``longest``; ``misleading``: share of outages that answer 404.
    """

    flake: float
    outages: float
    median: float
    spread: float
    longest: float
    misleading: float = 0.0


PLATFORM = Weather(0.006, 2, 0.1, 1.0, 2)
STEADY = Weather(0.008, 1.5, 0.15, 1.3, 20, 0.05)
FLAKY = Weather(0.05, 6, 0.4, 1.4, 60, 0.05)
FLAKY_SHARE = 0.15  # of the small sites
WALLED = {"wechat": 0.0, "zhihu": 0.25, "csdn": 0.0}  # share of the links that only ever show a wall
WALLED_SITES = 0.03
WAVES = {"wechat": 3, "zhihu": 4, "csdn": 0}  # captcha waves a year, 2 to 14 days each
WAVE_WALLS = 0.95  # of the looks in a wave
OURS = 4  # outages of our own a year, 0.1 to 2 days each


@dataclass(slots=True)
class Spells:
    """Times that do not overlap, in order, each with what a look in it meets."""

    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    kinds: list[Verdict] = field(default_factory=list)

    def add(self, start: float, end: float, kind: Verdict) -> None:
        if not self.ends or start > self.ends[-1]:
            self.starts.append(start)
            self.ends.append(end)
            self.kinds.append(kind)

    def at(self, t: float) -> int | None:
        """Which one, if any."""
        index = bisect_right(self.starts, t) - 1
        return index if index >= 0 and t < self.ends[index] else None


@dataclass(slots=True, eq=False)
class Host:
    platform: str
    flake: float
    flaky: bool = False
    outages: Spells = field(default_factory=Spells)
    waves: Spells = field(default_factory=Spells)


@dataclass(slots=True, eq=False)
class Link:
    """One page. ``born`` is true; ``published`` what its page says of it; ``added`` when it came on the list.

    It is away from ``death`` until ``back`` and answers ``end`` meanwhile. ``wild``: how many times as often as the
    average its account's pages die.
    """

    id: int
    host: Host
    account: int
    born: float
    added: float
    published: float | None
    walled: bool
    death: float
    back: float
    end: Verdict
    wild: float

    @property
    def dies(self) -> bool:
        """For good, or so long that it counts."""
        return self.back - self.death > PASSING

    def there(self, t: float) -> bool:
        return not self.death <= t < self.back


@dataclass(slots=True)
class World:
    """``accounts``: the links of each account; a small site is one account."""

    days: float
    links: list[Link]
    accounts: list[list[Link]]
    ours: Spells

    def answer(self, link: Link, t: float, chance: random.Random) -> Verdict:
        """What one look meets: the host's outage before a wall, a wall before the page."""
        host = link.host
        if (spell := host.outages.at(t)) is not None:
            return host.outages.kinds[spell]
        if host.waves.starts and host.waves.at(t) is not None and chance.random() < WAVE_WALLS:
            return CAPTCHA
        if chance.random() < host.flake:
            return TIMEOUT
        if link.walled:
            return FORBIDDEN
        return link.end if link.death <= t < link.back else OK


def build(links: int, *, days: float, seed: int, times: float = RISKY_TIMES, purged: float = PURGED) -> World:
    """A population of so many links, watched for so many days.

    :param times: how many times as often the pages of risky accounts die, 1 = all accounts alike.
    :param purged: the share of an old page's risk that comes from purges of its whole account.
    """
    chance = random.Random(f"world {seed}")
    world = World(days, [], [], Spells())
    for start in _moments(chance, OURS, days):
        world.ours.add(start, start + chance.uniform(0.1, 2), TIMEOUT)
    for platform, share in PLATFORMS.items():
        host = _host(chance, platform, PLATFORM, days)
        left = round(links * share)
        while left:
            size = min(left, math.ceil(chance.paretovariate(1.1)), 400)
            left -= size
            _account(world, host, size, chance, times=times, purged=purged)
    left = links - len(world.links)
    while left:
        size = min(left, math.ceil(chance.expovariate(1 / LINKS_A_SITE)))
        left -= size
        flaky = chance.random() < FLAKY_SHARE
        host = _host(chance, "generic", FLAKY if flaky else STEADY, days)
        host.flaky = flaky
        _account(world, host, size, chance, times=times, purged=0.0)
    chance.shuffle(world.links)
    world.links.sort(key=lambda link: link.added)
    for number, link in enumerate(world.links):
        link.id = number
    return world


def sample(world: World, links: int, seed: int) -> World:
    """Whole accounts of ``world``, about so many links: the same hosts, the same weather."""
    chosen = list(world.accounts)
    random.Random(f"sample {seed}").shuffle(chosen)
    part = World(world.days, [], [], world.ours)
    for account in chosen:
        if len(part.links) >= links:
            break
        first = len(part.links)
        copied = [replace(link, id=first + n, account=len(part.accounts)) for n, link in enumerate(account)]
        part.accounts.append(copied)
        part.links.extend(copied)
    return part


def clustering(world: World) -> tuple[float, float]:
    """How many times as often a link of a platform dies within 90 days whose account mates did at 5 to 20 %, and at
    more than 20 %, as one with none that did (measured on a real list: 7 and 10)."""
    dead, links = [0, 0, 0, 0], [0, 0, 0, 0]
    for account in world.accounts:
        living = [
            link for link in account if link.added <= 0 < link.death and link.host.platform != "generic"
        ]
        died = sum(link.death < 90 for link in living)
        for link in living if len(living) > 1 else ():
            mates = (died - (link.death < 90)) / (len(living) - 1)
            kind = 0 if not mates else 1 if mates < 0.05 else 2 if mates <= 0.20 else 3
            dead[kind] += link.death < 90
            links[kind] += 1
    rates = [d / n if n else math.nan for d, n in zip(dead, links, strict=True)]
    return (rates[2] / rates[0], rates[3] / rates[0]) if rates[0] else (math.nan, math.nan)


def _moments(chance: random.Random, yearly: float, days: float, since: float = 0.0) -> Iterator[float]:
    """Moments that come by chance, so many a year."""
    t = since
    while yearly and (t := t + chance.expovariate(yearly / YEAR)) < days:
        yield t


def _host(chance: random.Random, platform: str, weather: Weather, days: float) -> Host:
    host = Host(platform, weather.flake)
    for start in _moments(chance, weather.outages, days):
        length = min(weather.longest, weather.median * math.exp(chance.gauss(0, weather.spread)))
        misleading = chance.random() < weather.misleading
        host.outages.add(
            start, start + length, NOT_FOUND if misleading else chance.choice((TIMEOUT, SERVER_ERROR))
        )
    for start in _moments(chance, WAVES.get(platform, 0), days):
        host.waves.add(start, start + chance.uniform(2, 14), CAPTCHA)
    return host


def _account(
    world: World, host: Host, size: int, chance: random.Random, *, times: float, purged: float
) -> None:
    """An account with its links, and when they die: one by one, in purges, or with their whole site."""
    site = host.platform == "generic"
    wild = (times if chance.random() < RISKY else 1.0) / (1 + RISKY * (times - 1))
    purges = list(_moments(chance, purged * HAZARD[-1][1] * wild / PURGE_TAKES, world.days, since=-HISTORY))
    closing = next(_moments(chance, SITES_CLOSE, world.days, since=-HISTORY), NEVER) if site else NEVER
    walled_site = site and chance.random() < WALLED_SITES
    mine = []
    for _ in range(size):
        born, added = _born(chance, world.days)
        if added > closing:
            continue
        death = _death(added - born, (1 - purged) * wild, chance) + born
        for purge in purges:
            if added < purge < death and chance.random() < PURGE_TAKES:
                death = purge + chance.uniform(0, 2)
        end = chance.choices(*zip(*ENDS[host.platform], strict=True))[0]
        if closing < death:
            death, end = closing, NO_HOST
        back = death + _away(chance) if end is not NO_HOST else NEVER
        mine.append(
            Link(
                id=0,
                host=host,
                account=len(world.accounts),
                born=born,
                added=max(0.0, added),
                published=born if not site or chance.random() < DATED else None,
                walled=walled_site or chance.random() < WALLED.get(host.platform, 0),
                death=death,
                back=back,
                end=end,
                wild=wild,
            )
        )
    world.accounts.append(mine)
    world.links.extend(mine)


def _born(chance: random.Random, days: float) -> tuple[float, float]:
    """When a page was born and when it came on the reading list, alive: that may be long before we watch."""
    if chance.random() < NEW:
        added = chance.uniform(0, days)
        return added - chance.expovariate(1 / 1.5), added
    born = -HISTORY * chance.random()
    return born, min(0.0, born + chance.expovariate(1 / 30))


def _death(age: float, multiplier: float, chance: random.Random) -> float:
    """The age at which a page dies that is alive at ``age``."""
    left = chance.expovariate(1) / multiplier * YEAR
    for limit, hazard in HAZARD:
        if age < limit:
            if left <= (limit - age) * hazard:
                return age + left / hazard
            left -= (limit - age) * hazard
            age = limit
    raise AssertionError("the last age has no limit")


def _away(chance: random.Random) -> float:
    kind = chance.random()
    if kind < BACK_IN_A_WEEK:
        return chance.expovariate(1 / 4)
    if kind < BACK_IN_A_WEEK + BACK_IN_A_YEAR:
        return PASSING + chance.uniform(0, 200)
    return NEVER
