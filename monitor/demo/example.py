"""A world out of a reading list: an article behind every link, and a seeded choice of what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random

from monitor.demo.address import place_of
from monitor.demo.state import State, platform_of
from monitor.demo.text import random_of
from monitor.demo.world import World

Choice = Mapping[State, int]
"""States with their weights."""

MIX: Mapping[str, Choice] = {
    "wechat": {
        State.LIVE: 60,
        State.WECHAT_ARTICLE_2018: 8,
        State.WECHAT_IMAGE: 3,
        State.WECHAT_VIDEO: 2,
        State.WECHAT_TEXT: 2,
        State.WECHAT_DELETED: 8,
        State.WECHAT_VIOLATION: 5,
        State.WECHAT_VIOLATION_RULES: 1,
        State.WECHAT_COMPLAINTS: 1,
        State.WECHAT_ACCOUNT_BLOCKED: 2,
        State.WECHAT_ACCOUNT_CLOSED: 1,
        State.WECHAT_MIGRATED: 1,
        State.WECHAT_UNAVAILABLE: 1,
        State.WECHAT_CAPTCHA: 4,
        State.WECHAT_RATE_LIMITED: 1,
    },
    "zhihu": {
        State.LIVE: 5,
        State.ZHIHU_LOGIN_MODAL: 1,
        State.ZHIHU_NOT_FOUND: 2,
        State.ZHIHU_NOT_FOUND_200: 1,
        State.ZHIHU_CHALLENGE: 3,
        State.ZHIHU_UNHUMAN: 1,
        State.ZHIHU_JSON_40362: 1,
        State.ZHIHU_LOGIN: 1,
    },
    "csdn": {State.LIVE: 3, State.CSDN_PROMPTS: 2, State.CSDN_NOT_FOUND: 1, State.CSDN_CHALLENGE: 1},
    "site": {
        State.LIVE: 6,
        State.PAGE_GBK: 1,
        State.NOT_FOUND: 2,
        State.SOFT_404: 1,
        State.PARKED_FOR_SALE: 1,
        State.SERVER_ERROR: 1,
        State.CLOUDFLARE_CHALLENGE: 1,
    },
}
"""What lists of technical articles look like after some years: three quarters live, some died, some are walled."""


def populate(
    world: World, reading_list: Iterable[tuple[str, str]], *, mix: Mapping[str, Choice] = MIX, seed: int = 0
) -> dict[str, State]:
    """Put an article behind each ``(url, title)`` and choose its state.

    ``mix`` has the weights by platform (``wechat``, ``zhihu``, ``csdn``, ``site``). Returns url -> state. A page that
    is named twice keeps its first state.
    """
    chosen: dict[str, State] = {}
    by_page: dict[str, State] = {}
    for url, title in reading_list:
        place = place_of(url)
        if place.key not in by_page:
            by_page[place.key] = _choose(mix[place.platform], random_of("populate", seed, place.key))
            world.article(url, title=title, state=by_page[place.key])
        chosen[url] = by_page[place.key]
    return chosen


def act_all(
    world: World, reading_list: Sequence[tuple[str, str]], states: Sequence[State]
) -> dict[str, State]:
    """Put an article behind each ``(url, title)`` and deal out ``states`` in turn, each where its platform allows.

    The links that are left over live. Returns url -> state; ValueError names the states that found no link.
    """
    waiting = list(states)
    dealt: dict[str, State] = {}
    for url, title in reading_list:
        place = place_of(url)
        own = (state for state in waiting if platform_of(state) == place.platform)
        general = (state for state in waiting if platform_of(state) is None)
        fitting = next(own, next(general, State.LIVE))
        if fitting in waiting:
            waiting.remove(fitting)
        world.article(url, title=title, state=fitting)
        dealt[url] = fitting
    if waiting:
        raise ValueError(f"No link is left for {', '.join(waiting)}.")
    return dealt


def _choose(choice: Choice, random: Random) -> State:
    return random.choices(list(choice), weights=list(choice.values()))[0]
