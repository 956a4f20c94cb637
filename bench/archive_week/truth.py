"""Whether what rotwatch did and says agrees with the acted truth. Each check raises AssertionError."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.archive_week.fates import EDITED_AT, TRUTH, Fate
from bench.archive_week.week import Week, title_of
from monitor.archives.capture import at_address
from monitor.demo.wire import Look

MINUTE = timedelta(minutes=1)
BUCKETS = ("safe", "exposed", "rescued", "lost")


def rows(week: Week, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(week.folder / "rotwatch.db")) as db:
        return db.execute(query).fetchall()


def every_link_has_its_copy_or_its_true_reason(week: Week) -> None:
    """The newest job of each link tells what the acted truth says; none is open."""
    last = {
        url: (state, code)
        for url, state, code in rows(
            week,
            "SELECT url, state, code FROM archive_job JOIN link ON link.id = link_id ORDER BY archive_job.id",
        )
    }
    wrong = {
        f"{one.fate} {one.url}": last.get(one.url)
        for one in week.links
        if last.get(one.url) != TRUTH[one.fate].job
    }
    assert not wrong, wrong


def every_copy_was_opened_and_is_the_article(week: Week) -> None:
    """No captcha counts, and no address that nobody opened."""
    played = {look.url for look in asked(week) if look.status == 200 and "id_/" in look.url}
    titles = {one.url: title_of(week.world, one) for one in week.links}
    for url, address in rows(
        week,
        "SELECT link.url, snapshot.url FROM snapshot JOIN link ON link.id = link_id"
        " WHERE archive = 'wayback' AND grade IN ('A', 'B')",
    ):
        capture = at_address(address, base=week.world.archive_base_url)
        assert capture is not None, address
        assert capture.url(week.world.archive_base_url, "id_") in played, f"{address} was never opened"
        kept = week.world.archive.playable(url, capture.timestamp)
        assert kept is not None, address
        assert titles[url] in kept.reply.body.decode("utf-8", "replace"), f"{address} is not the article"


def what_was_edited_was_saved_anew(week: Week) -> None:
    """The new text has a verified copy, and the old copy is still there."""
    for one in week.links:
        if one.fate is Fate.EDITED:
            verified = rows(
                week,
                "SELECT captured_at FROM snapshot JOIN link ON link.id = link_id"
                f" WHERE archive = 'wayback' AND grade IN ('A', 'B') AND link.url = '{one.url}'",
            )
            when = sorted(datetime.fromisoformat(at).replace(tzinfo=UTC) for (at,) in verified)
            assert len(when) == 2, one
            assert when[0] < EDITED_AT < when[1], one


def submissions_keep_within_the_published_limits(week: Week) -> None:
    """At every minute of the week, by archive.org's own log."""
    log = week.world.archive.submissions
    times = [one.at for one in log]
    for place, at in enumerate(times):
        assert place - bisect_left(times, at - MINUTE + timedelta(microseconds=1)) + 1 <= 7, at
    assert max(one.in_progress for one in log) < 3
    taken = ("queued", "saved, but not told")
    assert max(Counter((one.url, one.at.date()) for one in log if one.answer in taken).values()) <= 5
    assert len(log) < 27_000


def nothing_is_saved_that_need_not_be(week: Week) -> None:
    """What has a good capture is never submitted, nor what keeps out; nothing is saved twice."""
    submitted = {one.url for one in week.world.archive.submissions}
    never = (Fate.FOUND, Fate.RESCUED, Fate.KEPT_OUT, Fate.QUIET, Fate.ARCHIVED, Fate.PRIVATE)
    in_vain = {f"{one.fate} {one.url}" for one in week.links if one.fate in never and one.url in submitted}
    assert not in_vain, in_vain
    planted = {Fate.FOUND: 1, Fate.RESCUED: 3}
    for one in week.links:
        made = len(week.world.archive.captures_of(one.url)) - planted.get(one.fate, 0)
        assert made <= TRUTH[one.fate].saves, f"{one.fate} {one.url} was captured {made} times"


def nothing_is_asked_during_a_pause(week: Week) -> None:
    """After a 429 archive.org has a minute of silence at least."""
    looks = asked(week)
    turned_away = [look.at for look in looks if look.status == 429]
    assert turned_away
    for at in turned_away:
        assert not [look.url for look in looks if at < look.at < at + MINUTE]


def asked(week: Week) -> list[Look]:
    """What archive.org was asked, in order."""
    return [look for look in week.world.log if look.host == "web.archive.org"]


def numbers(week: Week) -> dict[str, int]:
    """The four numbers as the acted truth has them."""
    counted = Counter(TRUTH[one.fate].bucket for one in week.links)
    return {name: counted[name] for name in BUCKETS}


def each_link_stands_where_it_must(week: Week) -> None:
    """Dead or not, copied or not: the four numbers, link by link."""
    query = "SELECT url, status = 'dead', copy_id IS NOT NULL FROM link"
    names = {(0, 1): "safe", (0, 0): "exposed", (1, 1): "rescued", (1, 0): "lost"}
    found = {url: names[dead, copied] for url, dead, copied in rows(week, query)}
    wrong = {
        f"{one.fate} {one.url}": found.get(one.url)
        for one in week.links
        if found.get(one.url) != TRUTH[one.fate].bucket
    }
    assert not wrong, wrong


def at_the_end(week: Week) -> None:
    """All checks of the database and of archive.org's log."""
    every_link_has_its_copy_or_its_true_reason(week)
    each_link_stands_where_it_must(week)
    every_copy_was_opened_and_is_the_article(week)
    what_was_edited_was_saved_anew(week)
    submissions_keep_within_the_published_limits(week)
    nothing_is_saved_that_need_not_be(week)
    nothing_is_asked_during_a_pause(week)
    assert week.killed == 5, week.killed
