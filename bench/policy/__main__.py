"""What the shipped policy is worth on an acted population, against simpler rules.

    python -m bench.policy [--links 100000] [--days 600] [--seed 3] [--times 15] [--purged 0.05]

``--times 1 --purged 0`` acts a world in which accounts tell nothing. Same options,
same result. Hosts are asked at once: pace is not acted, so that looks compare.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.table import Table

from bench.policy.bound import of_known_risks
from bench.policy.copies import Queue, in_time
from bench.policy.rules import InternetArchiveBot, Ours, Rule, Spaced
from bench.policy.tally import GROUPS, MARGIN, Tally
from bench.policy.watch import watch
from bench.policy.world import PURGED, RISKY_TIMES, World, build, clustering, sample
from monitor.config import Policy

WEEK = 7.0
SAVES = 200  # captures a day: what archive.org takes from anonymous callers
SAMPLE = 4_000  # links that intervals are found on, before the run
LIKE = 0.01  # looks that differ by less are equal
DELAY = 0.75  # what is promised: of fixed weekly's mean, at equal looks
FALSE_DEAD = 0.25  # of InternetArchiveBot's on flaky small sites

Make = Callable[[World, Tally], Rule]


def ours(world: World, tally: Tally, *, base: float) -> Ours:
    return Ours(world, tally, Policy(base_interval_h=base * 24))


def fixed(world: World, tally: Tally, *, every: float) -> Spaced:
    return Spaced(world, tally, Policy(), first=every, longest=every, growth=1)


def doubling(world: World, tally: Tally, *, longest: float) -> Spaced:
    return Spaced(world, tally, Policy(), first=0.25, longest=longest, growth=2)


@dataclass(frozen=True, slots=True)
class Ran:
    """``copies``: by *new*, how many dying links had a local copy, a capture by danger, one in list order; of all."""

    tally: Tally
    copies: dict[bool, tuple[int, int, int, int]]
    seconds: float


def run(world: World, seed: int, make: Make, *, save: bool = False) -> Ran:
    """Let a rule watch the world; ``save``: with copies, which need the shipped policy."""
    gc.disable()  # nothing here goes in circles
    begun, tally = time.perf_counter(), Tally()
    rule = make(world, tally)
    if save and isinstance(rule, Ours):
        rule.queues = [Queue(world, SAVES, rule.danger), Queue(world, SAVES, lambda link, t: 0)]
        watch(world, rule, tally, seed, daily=partial(_save_all, rule.queues))
        copies = {new: _had_copies(world, rule, new) for new in (False, True)}
    else:
        watch(world, rule, tally, seed)
        copies = {}
    return Ran(tally, copies, time.perf_counter() - begun)


def _save_all(queues: list[Queue], t: float) -> None:
    for queue in queues:
        queue.midnight(t)


def _had_copies(world: World, rule: Ours, new: bool) -> tuple[int, int, int, int]:
    by_danger, by_list = rule.queues
    local, died = in_time(world, rule.local, new=new)
    return (
        local,
        in_time(world, by_danger.captured, new=new)[0],
        in_time(world, by_list.captured, new=new)[0],
        died,
    )


def solve(looks: Callable[[float], int], wanted: int, guess: float) -> float:
    """The interval with which a rule spends ``wanted`` looks; looks go about with 1 / interval."""
    tried = [(1 / guess, looks(guess))]
    tried.append((tried[0][0] * wanted / tried[0][1], looks(guess * tried[0][1] / wanted)))
    for _ in range(3):
        (x0, y0), (x1, y1) = tried[-2:]
        if abs(y1 - wanted) <= LIKE * wanted or y0 == y1:
            break
        x = min(2 * x1, max(x1 / 2, x1 + (wanted - y1) * (x1 - x0) / (y1 - y0)))
        tried.append((x, looks(1 / x)))
    return 1 / min(tried, key=lambda pair: abs(pair[1] - wanted))[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules to run, by name: first those with the looks of fixed weekly, then those with ours as shipped."""

    weekly: dict[str, Make]
    shipped: dict[str, Make]
    base: float  # of ours with fixed weekly's looks, in days


def plan(world: World, seed: int) -> Plan:
    """Find the intervals that make looks equal, on a part of the world."""
    small = sample(world, SAMPLE, seed)

    def same_looks(rule: Callable[..., Rule], key: str, wanted: int, guess: float) -> float:
        return solve(lambda days: run(small, seed, partial(rule, **{key: days})).tally.looks, wanted, guess)

    weekly = run(small, seed, partial(fixed, every=WEEK)).tally.looks
    base = same_looks(ours, "base", weekly, 1.3 * WEEK)
    cap = same_looks(doubling, "longest", weekly, 1.2 * WEEK)
    shipped = Policy().base_interval_h / 24
    spent = run(small, seed, partial(ours, base=shipped)).tally.looks
    every = same_looks(fixed, "every", spent, shipped / 2)
    long_cap = same_looks(doubling, "longest", spent, shipped / 2)
    return Plan(
        {
            "fixed weekly": partial(fixed, every=WEEK),
            f"doubling, up to {cap:.1f} d": partial(doubling, longest=cap),
            "InternetArchiveBot": InternetArchiveBot,
            f"ours, base {base:.1f} d": partial(ours, base=base),
        },
        {
            f"fixed, {every:.1f} d": partial(fixed, every=every),
            f"doubling, up to {long_cap:.1f} d": partial(doubling, longest=long_cap),
            f"ours as shipped, base {shipped:.0f} d": partial(ours, base=shipped),
        },
        base,
    )


def run_all(world: World, seed: int, rules: dict[str, Make], last: str, jobs: int) -> dict[str, Ran]:
    """All at once, the longest first; ``last`` is the one that also keeps copies."""
    with ProcessPoolExecutor(jobs) as pool:
        started = {
            name: pool.submit(run, world, seed, make, save=name == last)
            for name, make in sorted(rules.items(), key=lambda rule: not rule[0].startswith("ours"))
        }
        return {name: started[name].result() for name in rules}


def table(ran: dict[str, Ran], title: str) -> Table:
    found = Table(title=title)
    headings = ("rule", "looks a link-year", "first failing look", "page < 30 d", "confirmed", *GROUPS)
    for heading in headings:
        found.add_column(heading, justify="left" if heading == "rule" else "right")
    for name, one in ran.items():
        tally = one.tally
        first, confirmed = tally.first, tally.confirmed
        found.add_row(
            name,
            f"{tally.looks_a_year:.1f}",
            f"{first.mean:.2f} / {first.median:.1f} / {first.p95:.1f}",
            f"{tally.young.mean:.1f} / {tally.young.median:.1f}",
            f"{confirmed.mean:.1f} / {confirmed.median:.1f} / {confirmed.p95:.1f}",
            *(f"{tally.false_rate(group):.1f}" for group in GROUPS),
        )
    return found


def copies_table(ran: Ran) -> Table:
    title = "Links that died for good while on the list: share that had a copy before (ours as shipped)"
    found = Table("links", "died", "local", "Wayback, by danger", "Wayback, in list order", title=title)
    for new, (*had, died) in ran.copies.items():
        shares = (f"{one / died:.1%}" if died else "" for one in had)
        found.add_row("added meanwhile" if new else "there from the start", str(died), *shares)
    return found


def verdict(world: World, ran: dict[str, Ran], made: Plan, console: Console) -> None:
    """What was promised, and whether it is kept."""
    ours_, weekly, bot = (
        ran[name].tally for name in (list(made.weekly)[-1], "fixed weekly", "InternetArchiveBot")
    )
    flaky = GROUPS[-1]
    delay = ours_.first.mean / weekly.first.mean
    later = ours_.confirmed.mean / weekly.confirmed.mean
    console.print(
        f"Mean delay to the first failing look, of fixed weekly's: {delay:.2f} with "
        f"{ours_.looks / weekly.looks:.3f} of its looks (promised {DELAY}); to the confirmed death {later:.2f}."
    )
    shipped = ran[list(made.shipped)[-1]].tally
    for name, tally in ((f"base {made.base:.1f} d", ours_), ("as shipped", shipped)):
        share = tally.false_rate(flaky) / bot.false_rate(flaky) if bot.false_dead[flaky] else float("nan")
        console.print(
            f"False dead on flaky small sites, {name}: {share:.2f} of InternetArchiveBot's (promised {FALSE_DEAD})."
        )
    known = of_known_risks(world)
    console.print(
        f"A rule that knew every page's true risk would have intervals whose delays are {known:.2f} of fixed ones'; "
        "what walls and outages add hits all rules alike."
    )
    walls = {name: (one.tally.dead_by_wall, one.tally.walled_called_dead) for name, one in ran.items()}
    console.print(
        f"Links called dead at a look that met a wall: {sum(by for by, _ in walls.values())} in all runs. Living links "
        "that only ever show a wall, called dead for failures between walls: "
        + ", ".join(f"{name} {count}" for name, (_, count) in walls.items() if count)
        + "."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench.policy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--links", type=int, default=100_000)
    parser.add_argument("--days", type=float, default=600)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--times", type=float, default=RISKY_TIMES, help="how wild the risky accounts are")
    parser.add_argument("--purged", type=float, default=PURGED, help="share of the risk that is purges")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    begun, console = time.perf_counter(), Console(width=150)
    world = build(asked.links, days=asked.days, seed=asked.seed, times=asked.times, purged=asked.purged)
    made = plan(world, asked.seed)
    rules = made.weekly | made.shipped
    ran = run_all(world, asked.seed, rules, list(made.shipped)[-1], asked.jobs)
    some, many = clustering(world)
    counted = len(ran["fixed weekly"].tally.first.days)
    console.print(
        f"{len(world.links):,} links of {len(world.accounts):,} accounts and sites, {asked.days:.0f} days, seed "
        f"{asked.seed}. {counted:,} lasting deaths count: after the first look, before the last {MARGIN:.0f} days, not "
        f"behind a standing wall. Links whose mates died at 5-20 %, > 20 % within 90 days die {some:.0f}, {many:.0f} "
        "times as often as those with none."
    )
    console.print("Days from death: mean / median / 95 %. Living links called dead: in 1,000 link-years.")
    console.print(table({name: ran[name] for name in made.weekly}, "As many looks as fixed weekly"))
    console.print(table({name: ran[name] for name in made.shipped}, "As many looks as ours as shipped"))
    console.print(copies_table(ran[list(made.shipped)[-1]]))
    verdict(world, ran, made, console)
    console.print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
