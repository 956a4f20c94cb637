from __future__ import annotations

import pytest

from bench.policy.copies import Queue, in_time
from bench.policy.rules import InternetArchiveBot, Ours, Spaced
from bench.policy.tally import Tally
from bench.policy.watch import first_looks, watch
from bench.policy.world import YEAR, Spells, World, build, sample
from monitor.config import Policy
from monitor.model import Status

SEED = 7


def world(links: int = 400, days: float = 150.0) -> World:
    return build(links, days=days, seed=SEED)


def calm(world: World) -> World:
    """Without weather: no host fails, no wave, our own network is always up."""
    for link in world.links:
        link.host.flake = 0.0
        link.host.outages, link.host.waves = Spells(), Spells()
    world.ours = Spells()
    return world


def weekly(world: World, tally: Tally) -> Spaced:
    return Spaced(world, tally, Policy(), first=7, longest=7, growth=1)


def watched_by_ours(world: World) -> tuple[Ours, Tally]:
    tally = Tally()
    rule = Ours(world, tally, Policy())
    watch(world, rule, tally, SEED)
    return rule, tally


def test_a_wall_never_ages_into_dead() -> None:
    walled = calm(world())
    for link in walled.links:
        link.walled = True
    rule, tally = watched_by_ours(walled)
    assert {state.status for state in rule.states if len(state.recent) == 5} == {Status.BLIND}
    assert all(state.status is not Status.DEAD for state in rule.states)
    assert tally.dead_by_wall == 0
    assert tally.found == {}


def test_a_weekly_look_finds_each_death_within_a_week_when_nothing_else_fails() -> None:
    acted, tally = calm(world(2000)), Tally()
    watch(acted, weekly(acted, tally), tally, SEED)
    assert len(tally.first.days) >= 10
    assert max(tally.first.days) <= 7
    assert 2 < tally.first.mean < 5
    assert 40 < tally.looks_a_year < 65
    assert tally.missed == 0


def test_ours_finds_every_death_and_calls_no_living_page_dead_in_calm() -> None:
    acted = calm(world(2000))
    for link in acted.links:
        if not link.dies:  # a page that is away for some days is rightly not told from a death
            link.back = link.death
    _, tally = watched_by_ours(acted)
    assert len(tally.first.days) >= 10
    assert tally.missed == 0
    assert set(tally.false_dead.values()) == {0}


def test_internet_archive_bot_never_asks_a_dead_link_again() -> None:
    acted, tally = calm(world(50)), Tally()
    for link in acted.links:
        link.walled, link.death, link.back = False, -1.0, link.death + YEAR * 100
    watch(acted, InternetArchiveBot(acted, tally), tally, SEED)
    late = sum(begun + 6 >= acted.days for begun in first_looks(acted, SEED))
    assert tally.looks <= 3 * len(acted.links)
    assert len(tally.found) == len(acted.links) - late


def test_the_same_seed_gives_the_same_result() -> None:
    assert watched_by_ours(world(100))[1] == watched_by_ours(world(100))[1]


def test_pages_die_in_their_first_year_as_often_as_the_studies_say() -> None:
    pages = [link for link in build(20_000, days=YEAR, seed=SEED, purged=0).links if link.added > 0]
    died = sum(link.death - link.born < YEAR for link in pages) / len(pages)
    assert died == pytest.approx(0.08, abs=0.025)


def test_a_sample_keeps_accounts_whole() -> None:
    part = sample(world(), 100, SEED)
    assert 100 <= len(part.links) < 400
    assert [link.id for link in part.links] == list(range(len(part.links)))
    assert all(link.account == number for number, account in enumerate(part.accounts) for link in account)


def test_the_most_urgent_copy_is_made_first() -> None:
    acted = calm(world(10))
    for link in acted.links:
        link.death = 100.0
    urgent = acted.links[-1]
    queue = Queue(acted, 1, lambda link, t: 0 if link is urgent else 1)
    for link in acted.links:
        queue.want(link, 0)
    queue.midnight(1)
    queue.midnight(2)
    assert queue.captured == {urgent.id: 1, acted.links[0].id: 2}


def test_a_copy_of_a_page_that_is_already_away_does_not_count() -> None:
    acted = world(2000)
    dead = {link.id: link.death + 0.5 for link in acted.links}
    had, died = in_time(acted, dead, new=False)
    assert died > 10
    assert had == 0


def test_a_captcha_wave_is_no_death() -> None:
    acted = calm(world(200, days=60))
    for link in acted.links:
        link.death = link.back = float("inf")
        link.host.waves.starts, link.host.waves.ends = [0.0], [60.0]
    rule, tally = watched_by_ours(acted)
    assert tally.wrongly == set()
    assert Status.BLIND in {state.status for state in rule.states}
    assert not {Status.DEAD, Status.SUSPECT} & {state.status for state in rule.states}
