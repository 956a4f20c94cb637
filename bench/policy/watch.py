"""One rule watches one world from the first day to the last."""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace

from bench.policy.rules import Rule
from bench.policy.tally import Tally
from bench.policy.world import World

FIRST_SWEEP = 14.0  # days for the first look at a whole list
NEW_LINK = 1 / 24
AFTER_OUTAGE = 0.25  # days that the looks missed in an outage of ours are spread over


def first_looks(world: World, seed: int) -> list[float]:
    """When each link is first looked at: the same for every rule."""
    chance = random.Random(f"first looks {seed}")
    return [link.added + (NEW_LINK if link.added else chance.uniform(0, FIRST_SWEEP)) for link in world.links]


def watch(
    world: World,
    rule: Rule,
    tally: Tally,
    seed: int,
    *,
    daily: Callable[[float], None] | None = None,
) -> None:
    """Look at every link whenever the rule says; while our own network is down nothing is looked at.

    :param daily: called at the end of each day.
    """
    chance = random.Random(f"looks {seed}")
    begun = first_looks(world, seed)
    due = list(begun)
    heap = [(t, number) for number, t in enumerate(begun)]
    heapify(heap)
    day = 1.0
    while heap and heap[0][0] < world.days:
        t, number = heap[0]
        if due[number] != t:
            heappop(heap)
            continue
        while daily and t >= day:
            daily(day)
            day += 1
        if (spell := world.ours.at(t)) is not None:
            due[number] = world.ours.ends[spell] + chance.uniform(0, AFTER_OUTAGE)
        else:
            link = world.links[number]
            tally.looks += 1
            due[number] = rule.look(link, world.answer(link, t, chance), t)
        heapreplace(heap, (due[number], number))
        for soon, mate in rule.hurried:
            due[mate.id] = soon
            heappush(heap, (soon, mate.id))
        rule.hurried.clear()
    tally.finish(world, begun)
