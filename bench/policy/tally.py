"""What a rule did, held against the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, median

from bench.policy.world import YEAR, Link, World
from monitor.model import Outcome, Verdict

MARGIN = 75.0  # deaths so shortly before the end may rightly not be confirmed yet
GROUPS = ("platforms", "small sites", "of those, flaky")


def groups(link: Link) -> tuple[str, ...]:
    if link.host.platform != "generic":
        return GROUPS[:1]
    return GROUPS[1:] if link.host.flaky else GROUPS[1:2]


@dataclass(slots=True)
class Delays:
    """Days from the true death."""

    days: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return fmean(self.days) if self.days else float("nan")

    @property
    def median(self) -> float:
        return median(self.days) if self.days else float("nan")

    @property
    def p95(self) -> float:
        return sorted(self.days)[int(0.95 * len(self.days))] if self.days else float("nan")


@dataclass(slots=True)
class Tally:
    """Filled by a rule while it runs; ``finish`` once at the end.

    ``first``: until the first failing look, the time that the policy keeps as that of death; ``confirmed``: until
    the flip to dead; ``young``: as ``first``, of pages that died before they were 30 days old. Deaths that were not
    confirmed by the end (``missed``) count in all of them with the time until the end.
    """

    looks: int = 0
    link_years: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GROUPS, 0.0))
    false_dead: dict[str, int] = field(default_factory=lambda: dict.fromkeys(GROUPS, 0))
    passing: int = 0  # of the false: pages really away, and back within 90 days
    dead_by_wall: int = 0
    walled_called_dead: int = 0
    first: Delays = field(default_factory=Delays)
    confirmed: Delays = field(default_factory=Delays)
    young: Delays = field(default_factory=Delays)
    missed: int = 0
    found: dict[int, tuple[float, float]] = field(default_factory=dict)
    wrongly: set[int] = field(default_factory=set)

    def called_dead(self, link: Link, verdict: Verdict, t: float, *, since: float) -> None:
        """A link was called dead at ``t``, by this verdict, failing since then."""
        self.dead_by_wall += verdict.outcome is Outcome.WALLED
        self.walled_called_dead += link.walled and link.there(t)
        if link.dies and not link.there(t):
            self.found.setdefault(link.id, (since, t))
            return
        self.passing += not link.there(t)
        self.wrongly.add(link.id)
        for group in groups(link):
            self.false_dead[group] += 1

    def finish(self, world: World, first_looks: list[float]) -> None:
        for link in world.links:
            begun = first_looks[link.id]
            years = max(0.0, min(link.death, world.days) - begun) / YEAR
            for group in groups(link):
                self.link_years[group] += years
            if self._counts(link, begun, world.days):
                since, at = self.found.get(link.id, (world.days, world.days))
                self.missed += link.id not in self.found
                self.first.days.append(max(0.0, since - link.death))
                self.confirmed.days.append(at - link.death)
                if link.death - link.born < 30:
                    self.young.days.append(max(0.0, since - link.death))

    def _counts(self, link: Link, begun: float, end: float) -> bool:
        """Whether it died for good while watched, early enough, and not behind a wall that hides it from all."""
        seen = begun < link.death < end - MARGIN
        return seen and link.dies and not link.walled and link.id not in self.wrongly

    @property
    def living_years(self) -> float:
        return self.link_years[GROUPS[0]] + self.link_years[GROUPS[1]]

    @property
    def looks_a_year(self) -> float:
        """Looks a link-year, all looks at all links over the years that living links were watched."""
        return self.looks / self.living_years

    def false_rate(self, group: str) -> float:
        """False deaths in 1,000 link-years."""
        return 1000 * self.false_dead[group] / self.link_years[group] if self.link_years[group] else 0.0
