from __future__ import annotations

import getpass
from datetime import timedelta

from monitor.demo import State, World
from tests.acceptance.rig import Rig, clock

WECHAT = "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q"
PERSONAL = f"{WECHAT}?scene=126&sessionid=1"


async def test_a_word_is_obeyed_shown_and_kept(rig: Rig, world: World) -> None:
    world.article(WECHAT, title="Title")
    await rig.given("add", WECHAT)
    await rig.given("check", WECHAT)
    answer = await rig.rotwatch("mark", PERSONAL, "--dead", "--note", "the  author\ntold me\x1b[31m")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"dead {WECHAT}: was alive; next look 20")
    assert (await rig.status())["totals"]["dead"] == 1
    shown = (await rig.rotwatch("show", WECHAT, "--json")).json
    [mark] = shown["marks"]
    assert set(mark) == {"at", "word", "who", "note"}
    assert (mark["word"], mark["note"]) == ("dead", "the author told me[31m")
    assert mark["who"] == rig.variables.get("SUDO_USER", getpass.getuser())
    assert (shown["flips"][-1]["to"], shown["flips"][-1]["reason"]) == ("dead", "marked")
    assert "you said so" in shown["why"]
    assert ": the author told me" in (await rig.rotwatch("show", WECHAT)).out


async def test_behind_sudo_the_person_is_named_and_ignore_lasts_until_recheck(rig: Rig, world: World) -> None:
    world.article(WECHAT, title="Title")
    await rig.given("add", WECHAT)
    rig.variables["SUDO_USER"] = "fox"
    answer = await rig.rotwatch("mark", WECHAT, "--ignore")
    assert "ignored, until you say --recheck" in answer.out
    assert (await rig.status())["totals"]["links"] == 0
    await rig.given("check")
    assert rig.ask("SELECT looks FROM link") == [(0,)]
    await rig.rotwatch("mark", WECHAT, "--recheck")
    await rig.given("check")
    assert rig.ask("SELECT looks FROM link") == [(1,)]
    assert rig.ask("SELECT word, who FROM mark") == [("ignore", "fox"), ("recheck", "fox")]


async def test_a_word_about_a_stranger_marks_nothing(rig: Rig) -> None:
    await rig.given("add", WECHAT)
    answer = await rig.rotwatch("mark", WECHAT, "https://a.example/unknown", "--dead")
    assert answer.code == 3
    assert "https://a.example/unknown is not watched: add it first" in answer.err
    assert rig.ask("SELECT status FROM link") == [("pending",)]
    assert rig.ask("SELECT * FROM mark") == []


async def test_a_word_must_be_one_and_its_note_short(rig: Rig) -> None:
    await rig.given("add", WECHAT)
    for words in ((), ("--dead", "--alive")):
        answer = await rig.rotwatch("mark", WECHAT, *words)
        assert answer.code == 2
        assert "Say one of --dead, --alive, --ignore and --recheck." in answer.err
    answer = await rig.rotwatch("mark", WECHAT, "--dead", "--note", "x" * 301)
    assert answer.code == 2
    assert "300 at most" in answer.err


async def test_stats_of_a_young_list_say_what_is_known_and_what_is_not_yet(rig: Rig, world: World) -> None:
    world.article(WECHAT, title="Title", state=State.WECHAT_CAPTCHA)
    await rig.given("add", WECHAT)
    assert "None yet." in (await rig.rotwatch("stats")).out
    await rig.given("check", WECHAT)
    answer = await rig.rotwatch("stats")
    assert (answer.code, answer.err) == (0, "")
    assert "Nothing yet: no link was seen alive twice, and none died." in answer.out
    assert "0 links seen alive, 0 of them died." in answer.out
    assert "0 deaths so far; from 200 on," in answer.out
    looks = (await rig.rotwatch("stats", "--json")).json
    assert looks["looks"] == {"walled": {"total": 1, "last_30_days": 1}}
    assert [(one["host"], one["looks"], one["walled"]) for one in looks["hosts"]] == [
        ("mp.weixin.qq.com", 1, 1)
    ]


async def test_stats_of_an_old_list_fit_a_terminal_and_agree_with_their_json(rig: Rig) -> None:
    await rig.given("add", WECHAT)
    age_a_list(rig, links=2400, deaths=240)
    rig.variables["COLUMNS"] = "80"
    answer = await rig.rotwatch("stats")
    assert (answer.code, answer.err) == (0, "")
    assert max(map(len, answer.out.splitlines())) <= 80
    found = (await rig.rotwatch("stats", "--json")).json
    assert sum(row["deaths"] for row in found["deaths"]) == found["calibration"]["deaths"] == 240
    assert {row["platform"] for row in found["deaths"]} == {"generic"}
    [year] = [point for point in found["survival"]["points"] if point["days"] == 365]
    assert year["low"] < year["alive"] < year["high"]
    assert f"{year['alive']:.1%}" in answer.out
    groups = found["calibration"]["groups"]
    assert groups
    assert sum(group["links"] for group in groups) > 2000
    assert 0 < sum(group["died"] for group in groups) < 240


def age_a_list(rig: Rig, *, links: int, deaths: int) -> None:
    """Links that were watched for 400 days, of which some died on evenly spread days."""
    import sqlite3
    from contextlib import closing

    def day(number: float) -> str:
        return f"{clock() - timedelta(days=400 - number):%Y-%m-%d %H:%M:%S}.000000"

    with closing(sqlite3.connect(rig.folder / "rotwatch.db")) as db:
        for number in range(links):
            died = 400 * number / deaths if 0 < number <= deaths else None
            died = None if died is None else died * 0.98
            end = 400 if died is None else died
            row = (
                *(number + 10, f"https://a.example/{number}", "generic", "a.example", "", day(0), day(0)),
                *("alive" if died is None else "dead", died and day(died), day(end * 0.99)),
            )
            db.execute(
                "INSERT INTO link (id, url, platform, host, title, added_at, since, status, failing_since,"
                " last_ok_at) VALUES (?,?,?,?,?,?,?,?,?,?)",
                row,
            )
            db.execute(
                "INSERT INTO span (link_id, vantage, started_at, ended_at, outcome, reason, rule, checks)"
                " VALUES (?, 'home', ?, ?, 'ok', 'page', 'generic.ok.page', 9)",
                (number + 10, day(0), day(end * 0.99)),
            )
        db.commit()
