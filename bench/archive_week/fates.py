"""A list of links, what becomes of each page in the week, and what rotwatch must say of it in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import cycle

from monitor.demo import State, World

START = datetime(2026, 11, 23, 8, tzinfo=UTC)  # a Monday
EDITED_AT = START + timedelta(days=3.2)
CSDN, EXCLUDED = "blog.csdn.net", "keeps-out.example"


class Fate(StrEnum):
    """What becomes of a page."""

    PLAIN = "plain"  # lives, and nobody has a capture
    FOUND = "found"  # lives, and archive.org has a good capture
    BARRED = "barred"  # lives; archive.org is forbidden to see it
    CAUGHT = "caught"  # lives; archive.org is shown a captcha
    WALLED = "walled"  # we are shown a captcha, archive.org is not
    SHUT = "shut"  # both are
    RESCUED = "rescued"  # removed before the week began; archive.org has a capture from its life
    LOST = "lost"  # removed before, and nobody has one
    DIES = "dies"  # removed in the middle of the week
    MISSING = "missing"  # 404 all week: not long enough to be called dead
    EDITED = "edited"  # much of it is written anew in the middle of the week
    KEPT_OUT = "kept_out"  # archive.org keeps nothing of its site
    QUIET = "quiet"  # only a list mentions it that keeps out of archives
    ARCHIVED = "archived"  # points to an archive
    PRIVATE = "private"  # only our own network can open it


@dataclass(frozen=True, slots=True)
class Truth:
    """What must be said in the end. ``job``: the last archive job's state and code, None for no job at all;
    ``bucket``: which of the four numbers counts it; ``saves``: how many captures we made, at most."""

    job: tuple[str, str | None] | None
    bucket: str
    saves: int


VERIFIED = ("verified", None)
TRUTH = {
    Fate.PLAIN: Truth(VERIFIED, "safe", 1),
    Fate.FOUND: Truth(VERIFIED, "safe", 0),
    Fate.BARRED: Truth(("failed", "no-access"), "safe", 0),
    Fate.CAUGHT: Truth(("captured_wall", "wechat.walled.captcha"), "safe", 1),
    Fate.WALLED: Truth(VERIFIED, "safe", 1),
    Fate.SHUT: Truth(("captured_wall", "wechat.walled.captcha"), "exposed", 1),
    Fate.RESCUED: Truth(VERIFIED, "rescued", 0),
    Fate.LOST: Truth(("captured_wall", "wechat.removed.by_author"), "lost", 2),
    Fate.DIES: Truth(VERIFIED, "rescued", 1),
    Fate.MISSING: Truth(("failed", "not-found"), "exposed", 0),
    Fate.EDITED: Truth(VERIFIED, "safe", 2),
    Fate.KEPT_OUT: Truth(("failed", "excluded"), "safe", 0),
    Fate.QUIET: Truth(None, "safe", 0),
    Fate.ARCHIVED: Truth(("not_attempted", "is-archive"), "safe", 0),
    Fate.PRIVATE: Truth(("not_attempted", "private-address"), "exposed", 0),
}
SHARES = {
    Fate.FOUND: 0.14,
    Fate.BARRED: 0.04,
    Fate.CAUGHT: 0.06,
    Fate.WALLED: 0.04,
    Fate.SHUT: 0.03,
    Fate.RESCUED: 0.05,
    Fate.LOST: 0.04,
    Fate.DIES: 0.02,
    Fate.MISSING: 0.02,
    Fate.EDITED: 0.02,
    Fate.KEPT_OUT: 0.02,
    Fate.QUIET: 0.02,
}
_LISTED_FROM = (0, 0, 0, 0, 0, 0, 1, 2, 3, 4)  # days: six links of ten stand in the list from the beginning


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    fate: Fate
    day: int  # it is in the list from then on


def population(count: int) -> list[Link]:
    """``count`` links, hosts and fates as in a long reading list."""
    fates = [fate for fate, share in SHARES.items() for _ in range(max(1, round(share * count)))]
    fates += [Fate.ARCHIVED, Fate.PRIVATE]
    fates += [Fate.PLAIN] * (count - len(fates))
    days, addresses = cycle(_LISTED_FROM), cycle(_ADDRESSES)
    links = []
    for number, fate in enumerate(fates):
        late = fate is Fate.PLAIN or fate is Fate.FOUND
        url = _OWN[fate](number) if fate in _OWN else next(addresses)(number)
        links.append(Link(url, fate, next(days) if late else 0))
    return links


def _wechat(number: int) -> str:
    return f"https://mp.weixin.qq.com/s/ArticleOfTheWeek{number:06}"


def _zhihu(number: int) -> str:
    return f"https://zhuanlan.zhihu.com/p/{600_000_000 + number}"


def _site(number: int) -> str:
    return f"https://b{number % 40}.example/post/{number}"


_ADDRESSES = (_wechat, _wechat, _zhihu, _wechat, _site)  # for every five links
_OWN = {
    Fate.BARRED: lambda number: f"https://{CSDN}/someone/article/details/{120_000_000 + number}",
    Fate.KEPT_OUT: lambda number: f"https://{EXCLUDED}/post/{number}",
    Fate.MISSING: _site,
    Fate.EDITED: _site,
    Fate.ARCHIVED: lambda number: f"https://archive.ph/week{number}",
    Fate.PRIVATE: lambda number: f"http://10.1.2.3/page/{number}",
    **dict.fromkeys((Fate.CAUGHT, Fate.WALLED, Fate.SHUT, Fate.LOST, Fate.RESCUED, Fate.DIES), _wechat),
}


def act(world: World, links: list[Link]) -> None:
    """Write the pages and their fates into the acted world."""
    for number, link in enumerate(links):
        if link.fate is not Fate.PRIVATE:
            _act(world, link, number)
    world.archive_sees(CSDN, State.FORBIDDEN)
    world.archive.excluded.add(EXCLUDED)


def _act(world: World, link: Link, number: int) -> None:
    url, captcha, removed = link.url, State.WECHAT_CAPTCHA, State.WECHAT_DELETED
    # young pages are looked at several times in the week, so that what happens to them is seen; and enough living ones
    # among them that no crowd of failures makes us doubt the host
    young = link.fate in {Fate.EDITED, Fate.DIES} or (link.fate is Fate.PLAIN and number % 3 == 0)
    sentences = (
        120 if link.fate is Fate.EDITED else 40
    )  # in a long text the share that is edited is what was asked for
    world.article(url, published=START - timedelta(days=2 if young else 400), sentences=sentences)
    match link.fate:
        case Fate.FOUND:
            world.plant(url, START - timedelta(days=50), State.LIVE)
        case Fate.CAUGHT:
            world.archive_sees(url, captcha)
        case Fate.WALLED:
            world.set(url, captcha)
            world.archive_sees(url, State.LIVE)
        case Fate.SHUT:
            world.set(url, captcha)
        case Fate.RESCUED:
            world.plant(url, START - timedelta(days=300), State.LIVE)
            world.plant(url, START - timedelta(days=30), State.WECHAT_CAPTCHA_RENDERED)
            world.plant(url, START - timedelta(days=20), removed)
            world.set(url, removed)
        case Fate.LOST:
            world.set(url, removed)
        case Fate.DIES:
            world.at(START + timedelta(days=2, hours=4 * (number % 10)), url, removed)
        case Fate.MISSING:
            world.set(url, State.NOT_FOUND)
        case Fate.EDITED:
            world.at(EDITED_AT, url, State.LIVE, edited=0.35)


def lists_on(links: list[Link], day: float) -> Iterator[tuple[str, list[Link]]]:
    """The reading lists as they stand on a day of the week: file name and links."""
    for name, quiet in (("list.md", False), ("quiet.md", True)):
        yield name, [one for one in links if (one.fate is Fate.QUIET) is quiet and one.day <= day]
