from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.config import Policy
from monitor.model import Outcome, Reason, Status, Verdict
from monitor.report.why import why
from monitor.store import Store, StoreError, overview
from monitor.store.marks import Marked, Word, put
from monitor.store.tables import flip, link, span
from tests.integration.test_store_checks import GONE, NOW, OK, add, claim, ready, record, rows

pytestmark = pytest.mark.both_engines

DAY = timedelta(days=1)
URL = "https://a.example/0"
WALL = Verdict(outcome=Outcome.WALLED, reason=Reason.CAPTCHA, rule="generic.walled.captcha")


async def say(
    store: Store, word: Word, *, now: datetime = NOW, url: str = URL, note: str = "", who: str = "fox"
) -> Marked:
    async with store.write() as db:
        [marked] = await put(db, [url], word, who=who, note=note, now=now, policy=Policy())
    return marked


async def look(store: Store, verdict: Verdict, now: datetime) -> None:
    dues = await claim(store, now=now)
    assert len(dues) == 1
    assert await record(store, dues, verdict, now=now)


async def standing(store: Store) -> Any:
    [row] = await rows(store, link)
    return row


async def flips(store: Store) -> list[tuple[str, str, str, datetime]]:
    return [(row.old, row.new, row.reason, row.at) for row in await rows(store, flip)]


async def test_marked_dead_is_dead_at_once_and_looked_at_as_the_dead_are(store: Store) -> None:
    await add(store, 1)
    await look(store, OK, NOW)
    marked = await say(store, Word.DEAD, now=NOW + DAY)
    row = await standing(store)
    assert (marked.before, marked.after) == (Status.ALIVE, Status.DEAD)
    assert (row.status, row.since, row.failing_since) == ("dead", NOW + DAY, NOW + DAY)
    assert row.next_check_at == marked.next_check_at == NOW + 8 * DAY
    assert (row.why_then["rule"], row.at_risk) == ("dead", False)
    assert (await flips(store))[-1] == ("alive", "dead", "marked", NOW + DAY)
    assert [one.outcome for one in await rows(store, span)] == ["ok"]  # a word is no look


async def test_a_failing_link_marked_dead_died_when_it_began_to_fail(store: Store) -> None:
    await add(store, 1)
    await look(store, GONE, NOW)
    await say(store, Word.DEAD, now=NOW + DAY)
    assert (await standing(store)).failing_since == NOW


async def test_a_link_marked_dead_that_answers_twice_a_day_apart_comes_back(store: Store) -> None:
    await add(store, 1)
    await look(store, OK, NOW)
    await say(store, Word.DEAD, now=NOW + DAY)
    await look(store, OK, NOW + 8 * DAY)
    assert (await standing(store)).status == "dead"
    await look(store, OK, NOW + 9 * DAY)
    assert (await standing(store)).status == "alive"
    assert (await flips(store))[-1] == ("dead", "alive", "page", NOW + 9 * DAY)


async def test_saying_dead_again_takes_back_half_a_return_but_is_no_second_death(store: Store) -> None:
    await add(store, 1)
    await say(store, Word.DEAD)
    await look(store, OK, NOW + 7 * DAY)
    await say(store, Word.DEAD, now=NOW + 7 * DAY)
    row = await standing(store)
    assert (row.oks, row.since, row.next_check_at) == (0, NOW, NOW + 14 * DAY)
    assert await flips(store) == [("pending", "dead", "marked", NOW)]


async def test_marked_alive_forgets_every_failure_and_is_looked_at_within_a_day(store: Store) -> None:
    await add(store, 1)
    for day in (0, 1, 4, 8):
        await look(store, GONE, NOW + day * DAY)
    assert (await standing(store)).status == "dead"
    marked = await say(store, Word.ALIVE, now=NOW + 9 * DAY)
    row = await standing(store)
    assert (row.status, row.since, row.next_check_at) == ("alive", NOW + 9 * DAY, NOW + 10 * DAY)
    assert (row.failing_since, row.failures, row.gone_seen, row.tries) == (None, 0, 0, 0)
    assert (marked.before, marked.after) == (Status.DEAD, Status.ALIVE)
    assert (await flips(store))[-1] == ("dead", "alive", "marked", NOW + 9 * DAY)


async def test_a_suspect_marked_alive_is_not_looked_at_to_confirm_its_death(store: Store) -> None:
    await add(store, 1)
    await look(store, GONE, NOW)
    due = (await standing(store)).next_check_at
    await say(store, Word.ALIVE, now=NOW)
    row = await standing(store)
    assert (row.status, row.next_check_at, row.why_then) == ("alive", due, {"rule": "marked"})


async def test_a_link_marked_alive_dies_again_when_looks_say_so(store: Store) -> None:
    await add(store, 1)
    await say(store, Word.ALIVE)
    for day in (1, 2, 5, 9):
        await look(store, GONE, NOW + day * DAY)
    assert (await standing(store)).status == "dead"


async def test_saying_alive_of_a_living_link_only_brings_the_next_look_nearer(store: Store) -> None:
    await add(store, 1)
    for day in (0, 100):
        await look(store, OK, NOW + day * DAY)
    assert (await standing(store)).next_check_at > NOW + 102 * DAY
    await say(store, Word.ALIVE, now=NOW + 101 * DAY)
    row = await standing(store)
    assert row.next_check_at == NOW + 102 * DAY
    assert (row.outcome, row.reason, row.since) == ("ok", "page", NOW)
    assert len(await flips(store)) == 1


async def test_a_look_under_way_when_the_word_is_said_does_not_undo_it(store: Store) -> None:
    await add(store, 1)
    dues = await claim(store)
    await say(store, Word.DEAD)
    assert await record(store, dues, OK) == []
    assert (await standing(store)).status == "dead"


async def test_an_ignored_link_is_not_looked_at_until_recheck(store: Store) -> None:
    await add(store, 1)
    marked = await say(store, Word.IGNORE)
    assert marked.ignored
    assert (await standing(store)).status == "pending"
    assert await claim(store, now=NOW + 400 * DAY) == []
    await say(store, Word.RECHECK, now=NOW + 400 * DAY)
    assert not (await standing(store)).ignored
    assert await ready(store, NOW + 400 * DAY) == ["a.example"]
    assert len(await claim(store, now=NOW + 400 * DAY)) == 1


async def test_recheck_makes_due_now_and_says_nothing_of_the_status(store: Store) -> None:
    await add(store, 1)
    await look(store, OK, NOW)
    await say(store, Word.RECHECK, now=NOW + timedelta(hours=1))
    assert len(await claim(store, now=NOW + timedelta(hours=1))) == 1
    assert len(await flips(store)) == 1


async def test_every_word_is_kept_with_who_and_why(store: Store) -> None:
    await add(store, 1)
    await say(store, Word.DEAD, note="the author told me", who="fox")
    await say(store, Word.IGNORE, now=NOW + DAY, who="owl")
    async with store.read() as db:
        found = await overview.whole(db, URL)
    assert found is not None
    assert [(one.at, one.word, one.who, one.note) for one in found.marks] == [
        (NOW, "dead", "fox", "the author told me"),
        (NOW + DAY, "ignore", "owl", ""),
    ]


async def test_an_unknown_url_is_one_sentence(store: Store) -> None:
    await add(store, 1)
    async with store.write() as db:
        with pytest.raises(StoreError, match=r"https://b\.example/ is not watched: add it first"):
            await put(db, ["https://b.example/"], Word.DEAD, who="fox", note="", now=NOW, policy=Policy())


async def test_why_names_the_person_and_not_what_the_last_look_saw(store: Store) -> None:
    def sentence(row: Any) -> str:
        return why(row, language="en", zone=ZoneInfo("UTC"))

    await add(store, 1)
    await look(store, WALL, NOW)
    await say(store, Word.DEAD, now=NOW + DAY)
    assert sentence(await standing(store)) == (
        "Dead since 2 Jan 2026: you said so; confirmed 2 Jan 2026. "
        "Next look 9 Jan 2026, in case it comes back."
    )
    await say(store, Word.ALIVE, now=NOW + 4 * DAY)
    assert sentence(await standing(store)) == (
        "Alive: you said so (seen 5 Jan 2026). Next look 6 Jan 2026, to see for itself."
    )
    await say(store, Word.IGNORE, now=NOW + 4 * DAY)
    assert sentence(await standing(store)).endswith("You asked to ignore it.")


async def test_walls_before_the_word_do_not_count_towards_blind(store: Store) -> None:
    await add(store, 1)
    for day in (0, 1, 4, 8, 15):
        await look(store, WALL, NOW + day * DAY)
    assert (await standing(store)).status == "blind"
    await say(store, Word.ALIVE, now=NOW + 16 * DAY)
    await look(store, replace(WALL, evidence="again"), NOW + 17 * DAY)
    assert ((await standing(store)).status, (await standing(store)).walls) == ("alive", 1)
