"""Whether a dying page had a copy in time: locally from the first good look, at the Wayback Machine from a queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from bench.policy.world import Link, World

Danger = Callable[[Link, float], int]


@dataclass(slots=True, eq=False)
class Queue:
    """So many captures a day, most urgent first, then in the order of the list.

    :param danger: how urgent a link is on that day; the smallest goes first.
    """

    world: World
    daily: int
    danger: Danger
    captured: dict[int, float] = field(default_factory=dict)
    _heap: list[tuple[int, int]] = field(default_factory=list)
    _asked: dict[int, int] = field(default_factory=dict)

    def want(self, link: Link, t: float) -> None:
        """Ask for a copy, or more urgently than before."""
        urgency = self.danger(link, t)
        if link.id not in self.captured and urgency < self._asked.get(link.id, 99):
            self._asked[link.id] = urgency
            heappush(self._heap, (urgency, link.id))

    def midnight(self, t: float) -> None:
        """Spend the day's captures. One of a page that is away, or whose host is down, is spent for nothing."""
        left = self.daily
        while left and self._heap:
            urgency, number = heappop(self._heap)
            link = self.world.links[number]
            if number in self.captured or urgency != self._asked.get(number):
                continue
            if (now := self.danger(link, t)) > urgency:  # it has become less urgent meanwhile
                self._asked[number] = now
                heappush(self._heap, (now, number))
                continue
            left -= 1
            del self._asked[number]
            if link.there(t) and link.host.outages.at(t) is None:
                self.captured[number] = t


def in_time(world: World, copied: dict[int, float], *, new: bool) -> tuple[int, int]:
    """Of the links that died for good while on the list, not behind a wall: how many had a copy before, and all.

    :param copied: when the copy was made.
    :param new: of the links that came on the list while we watched, else of those there from the start.
    """
    dying = [
        link
        for link in world.links
        if link.dies and link.added < link.death < world.days and not link.walled and (link.added > 0) is new
    ]
    return sum(copied.get(link.id, world.days) < link.death for link in dying), len(dying)
