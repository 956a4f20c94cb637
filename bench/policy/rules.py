"""The rules that are compared. All but InternetArchiveBot's share the shipped status rules, belief and ladders, so
that only the interval of living links differs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bench.policy.copies import Queue
from bench.policy.tally import Tally
from bench.policy.world import OK, Host, Link, World
from monitor.config import Policy
from monitor.model import Outcome, Status, Verdict
from monitor.policy import (
    Account,
    Crowd,
    Doubt,
    Risk,
    State,
    assess,
    doubt,
    host_after,
    next_look,
    platform_after,
    step,
)
from monitor.policy.belief import HOST_ANSWERS, PLATFORM_LOOKS
from monitor.policy.risk import YEAR, YOUNGER_THAN_DAYS, column_of
from monitor.policy.schedule import MATES_WITHIN, YOUNG
from monitor.store.archives import Danger

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ALL_ANSWERED, ALL_ALIVE = "+" * HOST_ANSWERS, "+" * PLATFORM_LOOKS
UNKNOWN = Risk(0.05, 0.0, at_risk_copied=False, at_risk_uncopied=False, reasons=())


class Rule(Protocol):
    """Decides after each look; ``hurried``: links whose due time it moved forward meanwhile, and to when."""

    hurried: list[tuple[float, Link]]

    def look(self, link: Link, verdict: Verdict, t: float) -> float:
        """Take a look into account; returns when the next one is due."""
        ...


class Shipped(ABC):
    """Status by ``step``, belief by ``doubt``, ladders by ``next_look``: the shipped ones."""

    def __init__(self, world: World, tally: Tally, policy: Policy) -> None:
        self.world, self.tally, self.policy = world, tally, policy
        self.states = [State(since=START + link.added * DAY) for link in world.links]
        self.hurried: list[tuple[float, Link]] = []
        self._hosts: dict[Host, Crowd] = {}
        self._platforms: dict[str, Crowd] = {}

    def look(self, link: Link, verdict: Verdict, t: float) -> float:
        now = START + t * DAY
        old = self.states[link.id]
        reason = self._doubt(link.host, old.status, verdict, t)
        if reason is None:
            state, flip = step(old, verdict, now, self.policy)
            self.states[link.id] = state
            if flip and flip.new is Status.DEAD:
                since = state.failing_since or now
                self.tally.called_dead(link, verdict, t, since=(since - START) / DAY)
        else:
            state = old
        return self.after(link, old, state, verdict=verdict, reason=reason, now=now, t=t)

    @abstractmethod
    def after(
        self,
        link: Link,
        old: State,
        state: State,
        *,
        verdict: Verdict,
        reason: Doubt | None,
        now: datetime,
        t: float,
    ) -> float:
        """When the next look is due."""

    def _doubt(self, host: Host, before: Status, verdict: Verdict, t: float) -> Doubt | None:
        answers, crowd = self._hosts.get(host, Crowd()), self._platforms.get(host.platform, Crowd())
        if verdict is OK and answers.recent == ALL_ANSWERED and crowd.recent == ALL_ALIVE:
            return None  # one more changes neither
        now = START + t * DAY
        self._hosts[host] = answers = host_after(answers, verdict, now)
        self._platforms[host.platform] = crowd = platform_after(crowd, before, verdict, now)
        return doubt(answers, crowd, verdict, now)


class Spaced(Shipped):
    """Living links at an interval that grows by ``growth`` with each good answer from ``first`` to ``longest``."""

    def __init__(
        self, world: World, tally: Tally, policy: Policy, *, longest: float, first: float, growth: float
    ) -> None:
        super().__init__(world, tally, policy)
        self.longest, self.first, self.growth = longest, first, growth
        self._intervals = [first] * len(world.links)

    def look(self, link: Link, verdict: Verdict, t: float) -> float:
        old = self.states[link.id]
        if verdict is OK and old.status is Status.ALIVE and not old.walls:  # a step would change nothing
            self._doubt(link.host, old.status, verdict, t)
            return t + self._interval(link)
        return super().look(link, verdict, t)

    def after(
        self,
        link: Link,
        old: State,
        state: State,
        *,
        verdict: Verdict,
        reason: Doubt | None,
        now: datetime,
        t: float,
    ) -> float:
        if reason is None and state.status is Status.ALIVE and not state.walls:
            self._intervals[link.id] = self.first
            return t + self._interval(link)
        then = next_look(state, UNKNOWN, born=now, now=now, policy=self.policy, doubt=reason)
        return (then.at - START) / DAY

    def _interval(self, link: Link) -> float:
        interval = min(self.longest, self._intervals[link.id])
        self._intervals[link.id] = interval * self.growth
        return interval


class Ours(Shipped):
    """The shipped policy whole: learned table, accounts, signs, the root, mates."""

    def __init__(self, world: World, tally: Tally, policy: Policy) -> None:
        super().__init__(world, tally, policy)
        self.experience: dict[tuple[str, int], tuple[int, float]] = {}
        self.due = [0.0] * len(world.links)
        self.risks: list[Risk | None] = [None] * len(world.links)
        self.dead_mates = [0] * len(world.accounts)
        self._seen = [0] * len(world.accounts)
        self._unseen = [0] * len(world.accounts)
        self._lived = [0.0] * len(world.accounts)  # days
        self._died_in: dict[int, int] = {}
        self.local: dict[int, float] = {}  # when the local copy was made
        self.queues: list[Queue] = []

    def after(
        self,
        link: Link,
        old: State,
        state: State,
        *,
        verdict: Verdict,
        reason: Doubt | None,
        now: datetime,
        t: float,
    ) -> float:
        born = START + DAY * (link.added if link.published is None else link.published)
        risk = assess(
            state,
            url="https://site.example/an/article",
            platform=link.host.platform,
            reason=verdict.reason,
            born=born,
            account=Account.lived(
                links=len(self.world.accounts[link.account]),
                dead=self.dead_mates[link.account],
                seen=self._seen[link.account],
                unseen=self._unseen[link.account],
                seen_years=self._lived[link.account] / YEAR.days,
            ),
            experience=self.experience,
            now=now,
            policy=self.policy,
        )
        if state is not old:
            self._learn_account(link, old, state, born)
            self._learn(link, old, state, born, now)
        self.risks[link.id] = risk
        if verdict is OK:
            self.local.setdefault(link.id, t)
        for queue in self.queues:
            queue.want(link, t)
        due = (next_look(state, risk, born=born, now=now, policy=self.policy, doubt=reason).at - START) / DAY
        self.due[link.id] = due
        if state.scared_at == now and not old.failing_since:
            self._hurry(link, (now + MATES_WITHIN - START) / DAY)
        return due

    def danger(self, link: Link, t: float) -> int:
        """How urgent a copy at the Wayback Machine is, as the store's queue has it."""
        state, risk = self.states[link.id], self.risks[link.id]
        if state.status is Status.SUSPECT:
            return Danger.SUSPECT
        if state.status is Status.DEAD:
            return Danger.OTHER + 1  # nothing to save any more
        if risk and (risk.at_risk_copied if link.id in self.local else risk.at_risk_uncopied):
            return Danger.AT_RISK
        if t - (link.added if link.published is None else link.published) < YOUNG / DAY:
            return Danger.YOUNG
        return Danger.DEAD_MATE if self.dead_mates[link.account] else Danger.OTHER

    def _hurry(self, link: Link, soon: float) -> None:
        for mate in self.world.accounts[link.account]:
            if self.due[mate.id] > soon and self.states[mate.id].status is Status.ALIVE:
                self.due[mate.id] = soon
                self.hurried.append((soon, mate))

    def _learn(self, link: Link, old: State, state: State, born: datetime, now: datetime) -> None:
        """As the store does from its history: years between two good answers, and deaths at their first failure."""
        platform = link.host.platform
        if state.last_ok_at == now and old.last_ok_at and not old.failing_since:
            lower = max(0.0, (old.last_ok_at - born) / DAY)
            until = max(0.0, (now - born) / DAY)
            for column, limit in enumerate(YOUNGER_THAN_DAYS):
                if lower < limit and lower < until:
                    upper = min(limit, until)
                    deaths, years = self.experience.get((platform, column), (0, 0.0))
                    self.experience[platform, column] = (deaths, years + (upper - lower) / 365)
                    lower = upper
        if state.status is old.status:
            return
        if state.status is Status.DEAD:
            if state.last_ok_at and state.failing_since:
                column = column_of(max(state.failing_since - born, timedelta(0)))
                self._died_in[link.id] = column
                self._count_death(platform, column, 1)
        elif old.status is Status.DEAD and link.id in self._died_in:
            self._count_death(platform, self._died_in.pop(link.id), -1)

    def _learn_account(self, link: Link, old: State, state: State, born: datetime) -> None:
        """As the store counts: from birth to the last time seen alive; those dead at their first look apart."""
        account = link.account
        if state.last_ok_at and state.last_ok_at != old.last_ok_at:
            self._lived[account] += (state.last_ok_at - (old.last_ok_at or born)) / DAY
            self._seen[account] += old.last_ok_at is None
        died = (state.status is Status.DEAD) - (old.status is Status.DEAD)
        self.dead_mates[account] += died
        self._unseen[account] += 0 if old.last_ok_at else died

    def _count_death(self, platform: str, column: int, by: int) -> None:
        deaths, years = self.experience.get((platform, column), (0, 0.0))
        self.experience[platform, column] = (deaths + by, years)


class InternetArchiveBot:
    """Three failures, at least three days apart, then dead and never asked again; else every seven days.

    In its favour it has our verdicts, so that a wall is no failure and a notice that answers 200 is one.
    """

    ALIVE, FAILING, FAILURES = 7.0, 3.0, 3

    def __init__(self, world: World, tally: Tally) -> None:
        self.tally = tally
        self.hurried: list[tuple[float, Link]] = []
        self._failures = [0] * len(world.links)
        self._since = [0.0] * len(world.links)

    def look(self, link: Link, verdict: Verdict, t: float) -> float:
        if verdict is OK:
            self._failures[link.id] = 0
        if verdict.outcome in (Outcome.OK, Outcome.WALLED):
            return t + self.ALIVE
        if not self._failures[link.id]:
            self._since[link.id] = t
        self._failures[link.id] += 1
        if self._failures[link.id] < self.FAILURES:
            return t + self.FAILING
        self.tally.called_dead(link, verdict, t, since=self._since[link.id])
        return float("inf")
