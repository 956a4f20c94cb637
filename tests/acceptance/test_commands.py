from __future__ import annotations

import asyncio
import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import termios
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from monitor.demo import TRUTH, State, World
from monitor.demo.example import act_all
from monitor.sources import read_file
from monitor.store import Store, database_url
from monitor.store.tables import link
from tests.acceptance.rig import EXAMPLE, Rig

WECHAT = "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q"
LINE = {
    *(
        "url",
        "canonical_url",
        "final_url",
        "http_status",
        "platform",
        "outcome",
        "reason",
        "rule",
        "evidence",
    ),
    *("title", "elapsed_ms", "bytes_read", "redirects"),
}


def act_example(world: World, *states: State) -> dict[str, State]:
    return act_all(world, [(one.url, one.title) for one in read_file(str(EXAMPLE))], states)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_probe_says_what_is_there_and_stores_nothing(rig: Rig, world: World) -> None:
    dealt = act_example(
        world, State.WECHAT_DELETED, State.WECHAT_CAPTCHA, State.ZHIHU_NOT_FOUND, State.ZHIHU_UNHUMAN
    )
    answer = await rig.rotwatch("probe", "--json", "--pace", "0", str(EXAMPLE))
    assert answer.code == 0, answer.err
    found = {line["url"]: line for line in lines(answer.out)}
    assert {url: line["outcome"] for url, line in found.items()} == {
        url: TRUTH[state].outcome for url, state in dealt.items()
    }
    assert all(set(line) == LINE for line in found.values())
    assert all(line["elapsed_ms"] is not None and line["bytes_read"] > 0 for line in found.values())
    walled = next(url for url, state in dealt.items() if state is State.WECHAT_CAPTCHA)
    assert [hop["http_status"] for hop in found[walled]["redirects"]] == [302]
    assert not (rig.folder / "rotwatch.db").exists()


async def test_probe_of_one_url_reads_well(rig: Rig, world: World) -> None:
    world.article(WECHAT, title="Title", state=State.WECHAT_DELETED)
    answer = await rig.rotwatch("probe", WECHAT)
    assert answer.out.startswith(f"removed {WECHAT}\n")
    assert "该内容已被发布者删除" in answer.out


@pytest.fixture
async def saved(rig: Rig, world: World) -> Path:
    """A page as somebody would save it."""
    world.article(WECHAT, title="Title", state=State.WECHAT_DELETED)
    from monitor.demo.client import session

    async with session(world) as client, client.get(WECHAT) as answer:
        file = rig.folder / "saved.html"
        file.write_bytes(await answer.read())
    return file


async def test_classify_judges_a_saved_page_offline(rig: Rig, saved: Path) -> None:
    answer = await rig.rotwatch("classify", str(saved), "--url", WECHAT, "--http-status", "200")
    assert answer.code == 0, answer.err
    verdict = answer.json
    assert set(verdict) == LINE
    assert (verdict["outcome"], verdict["reason"], verdict["rule"]) == (
        "removed",
        "deleted_by_author",
        "wechat.removed.by_author",
    )
    assert (verdict["elapsed_ms"], verdict["bytes_read"], verdict["redirects"]) == (None, None, None)


async def test_a_batch_is_answered_line_by_line_in_order(rig: Rig, saved: Path) -> None:
    cases = [
        {
            "file": str(saved),
            "url": WECHAT,
            "http_status": 200,
            "headers": {},
            "final_url": WECHAT,
            "title": "T",
        },
        {"file": str(rig.folder / "nowhere"), "url": WECHAT},
        {"file": str(saved), "url": "https://a.example/x", "http_status": 404},
    ]
    process = await asyncio.create_subprocess_exec(
        *rig.command("classify", "--batch"),
        cwd=rig.folder,
        env=rig.environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    given = "\n".join([json.dumps(cases[0]), "no json", *map(json.dumps, cases[1:])])
    out, _ = await process.communicate(given.encode())
    first, second, third, fourth = lines(out.decode())
    assert process.returncode == 2
    assert first["outcome"] == "removed"
    assert "no JSON" in second["error"]
    assert "cannot be read" in third["error"]
    assert fourth["outcome"] == "gone"


async def test_archive_with_wait_ends_with_a_verified_copy(rig: Rig, world: World) -> None:
    world.article(WECHAT, title="Title")
    rig.settings["archives"] = {"local": {"enabled": False}}
    await rig.given("add", WECHAT)
    await rig.given("check", WECHAT)
    answer = await rig.rotwatch("archive", WECHAT, "--wait")
    assert answer.code == 0, answer.err + answer.out
    assert "verified" in answer.out
    status = await rig.status()
    assert status["preservation"] == {"safe": 1, "exposed": 0, "rescued": 0, "lost": 0}
    assert status["links"][0]["snapshot"]["archive"] == "wayback"


async def test_archive_of_a_dead_page_without_captures_is_bad_news(rig: Rig, world: World) -> None:
    world.article(WECHAT, title="Title", state=State.WECHAT_DELETED)
    await rig.given("add", WECHAT)
    await rig.given("check", WECHAT)
    answer = await rig.rotwatch("archive", "--wait")
    assert answer.code == 1
    assert (await rig.status())["preservation"]["exposed"] == 1


async def test_without_keys_the_save_still_reaches_archive_org(rig: Rig, world: World) -> None:
    world.article(WECHAT, title="Title")
    rig.settings["archives"] = {"wayback": {"access_key": "", "secret_key": ""}, "local": {"enabled": False}}
    await rig.given("add", WECHAT)
    await rig.given("check", WECHAT)
    answer = await rig.rotwatch("archive", "--wait")
    assert answer.code == 0, answer.err + answer.out
    assert [(one.url, one.anonymous) for one in world.archive.submissions] == [(WECHAT, True)]


async def test_the_report_can_be_read_saved_and_sent_by_hand(rig: Rig, world: World) -> None:
    world.article(WECHAT, title="A title of its own", state=State.WECHAT_DELETED)
    await rig.given("add", WECHAT)
    await rig.given("check", WECHAT)
    await asyncio.sleep(1)  # what the hurried policy wants between two looks
    await rig.given("check", WECHAT)
    assert (await rig.status())["totals"]["dead"] == 1
    text = await rig.rotwatch("report")
    assert "Deleted by its author" in text.out
    assert (await rig.rotwatch("report", "--json")).json
    for name in ("report.html", "report.txt", "report.eml"):
        assert (await rig.rotwatch("report", "--out", name)).code == 0
    mail = message_from_bytes((rig.folder / "report.eml").read_bytes(), policy=default)
    assert "died" in mail["Subject"]
    assert (await rig.rotwatch("report", "--send")).code == 0
    assert len(world.mails) == 1


async def test_check_of_an_unwatched_url_is_one_sentence(rig: Rig) -> None:
    await rig.given("add", WECHAT)
    answer = await rig.rotwatch("check", "https://a.example/unknown")
    assert answer.code == 3
    assert "is not watched" in answer.err


async def test_check_looks_only_at_what_it_was_asked_to(rig: Rig, world: World) -> None:
    act_example(world)
    await rig.given("add", str(EXAMPLE))
    answer = await rig.rotwatch("check", WECHAT)
    assert answer.code == 0, answer.err
    assert rig.ask("SELECT url FROM link WHERE looks > 0") == [(WECHAT,)]


HOSTILE_TITLES = (
    "=HYPERLINK(1)",
    "<script>alert(1)</script>",
    "\x1b[2J\x1b]0;owned\x07escape",
    "\u202eright to left\u202c",
    "+1 👩‍👩‍👧 家庭",
    "长" * 10_000,
)


async def test_hostile_titles_break_neither_terminal_nor_csv(rig: Rig) -> None:
    text = "".join(
        f"https://a.example/{number}\n\n{title}\n\n" for number, title in enumerate(HOSTILE_TITLES)
    )
    (rig.folder / "list.md").write_text(text, encoding="utf-8")
    await rig.given("add", str(rig.folder / "list.md"))
    shown = await rig.rotwatch("status", "--all")
    assert shown.code == 0, shown.err
    table = list(csv.DictReader(io.StringIO((await rig.rotwatch("status", "--csv")).out)))
    assert len(table) == len(HOSTILE_TITLES)
    assert len({row["url"] for row in table}) == len(HOSTILE_TITLES)
    assert not any(value.startswith(("=", "+", "-", "@")) for row in table for value in row.values())
    worst = [row["url"] for row in table if "escape" in row["title"] or "right" in row["title"]]
    pages = [(await rig.rotwatch("show", url)).out for url in worst]
    assert len(pages) == 2
    for out in (shown.out, *pages, *(value for row in table for value in row.values())):
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(out)


async def test_status_says_whether_a_daemon_runs_and_what_is_dead_first(rig: Rig, world: World) -> None:
    act_example(world)
    await rig.given("add", str(EXAMPLE))
    await rig.given("mark", "--dead", "--note", "I saw it", WECHAT)
    out = (await rig.rotwatch("status")).out
    assert "No daemon runs" in out
    assert out.index("81 links: 80 pending, 1 dead") < out.index("✗ dead")
    assert "0 pending" not in out.splitlines()[-1]
    everything = (await rig.rotwatch("status", "--all")).out
    assert everything.count("· pending") == 80
    life = (await rig.rotwatch("show", WECHAT)).out
    assert "pending → dead" in life
    assert "marked dead by" in life
    assert "I saw it" in life


async def test_status_and_show_date_a_death_alike_and_speak_chinese_to_a_chinese_reader(rig: Rig) -> None:
    rig.variables["COLUMNS"] = "80"
    await rig.given("add", WECHAT)
    await rig.given("mark", "--dead", WECHAT)
    store = Store(database_url("sqlite:///rotwatch.db", rig.folder))
    async with store.write() as db:
        died, confirmed = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
        await db.execute(update(link).values(failing_since=died, since=confirmed))
    await store.close()
    assert "you said so, since 2 Mar 2026; no copy" in (await rig.rotwatch("status")).out
    shown = (await rig.rotwatch("show", WECHAT)).out
    assert "Dead since 2 Mar 2026: you said so; confirmed 9 Mar 2026." in shown

    rig.settings["report"] = {"language": "zh"}
    status, shown = (await rig.rotwatch("status")).out, (await rig.rotwatch("show", WECHAT)).out
    assert "共 1 个链接：1 个失效；" in status
    assert "没有守护进程在运行" in status
    assert "✗ 失效" in status
    assert "由你标记（2026年3月2日 起）；无备份" in status
    assert "自 2026年3月2日 起失效：由你标记；2026年3月9日 确认。" in shown
    assert "待查看 → 失效" in shown
    for text in (status, shown):
        assert not re.search(r"\b(dead|pending|copy|since|looks?|Time line|marked)\b", text), text


async def test_fail_on_makes_dead_links_an_exit_code(rig: Rig) -> None:
    await rig.given("add", WECHAT)
    assert (await rig.rotwatch("status", "--fail-on", "dead,lost")).code == 0
    await rig.given("mark", "--dead", WECHAT)
    assert (await rig.rotwatch("status", "--fail-on", "dead,lost")).code == 1
    assert (await rig.rotwatch("status", "--platform", "csdn", "--fail-on", "dead")).code == 0


async def test_watching_needs_a_terminal(rig: Rig) -> None:
    await rig.given("add", WECHAT)
    answer = await rig.rotwatch("status", "--watch")
    assert answer.code == 2
    assert "--watch draws on a terminal" in answer.err


async def test_watching_draws_anew_as_much_as_the_terminal_holds(rig: Rig) -> None:
    await rig.given("add", str(EXAMPLE))
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 80, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *rig.command("status", "--all", "--watch", "0.5"),
        env={**rig.environment, "TERM": "xterm", "COLUMNS": "80", "LINES": "20"},
        cwd=rig.folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    seen = b""
    while seen.count(b"81 links") < 2:
        part = await asyncio.to_thread(os.read, terminal, 65536)
        assert part
        seen += part
    process.terminate()
    await process.wait()
    os.close(terminal)
    first = seen.split(b"81 links")[1].decode(errors="replace")
    assert 2 <= first.count("pending") <= 20


async def test_a_test_message_is_sent_to_every_target_without_telling_its_secrets(rig: Rig) -> None:
    taken: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        rig.settings["alerts"] = {
            "urls": [f"json://127.0.0.1:{port}/hunter2-path", "json://fox:hunter2@127.0.0.1:9/hunter2"]
        }
        said = await rig.rotwatch("--verbose", "notify", "--test")
    assert said.code == 3
    assert said.out.splitlines()[0] == "1 (json://…): sent"
    assert said.out.splitlines()[1].startswith("2 (json://…): failed: ")
    assert taken[0].startswith(b"POST /hunter2-path")
    assert "hunter2" not in said.out + said.err


async def test_targets_that_are_no_targets_are_told_without_their_secrets(rig: Rig) -> None:
    assert "[alerts] urls" in (await rig.rotwatch("notify")).err
    rig.settings["alerts"] = {"urls": ["hunter2"]}
    for answer in (await rig.rotwatch("notify", "--test"), await rig.rotwatch("doctor")):
        assert "target 1 (no URL)" in answer.out + answer.err
        assert "hunter2" not in answer.out + answer.err


async def test_every_finding_of_doctor_has_its_mend(rig: Rig) -> None:
    found = {one["name"]: one for one in (await rig.rotwatch("doctor", "--json")).json["checks"]}
    assert all((one["level"] == "ok") == (one["mend"] == "") for one in found.values())
    assert {"config", "database", "network", "archive.org", "local copies", "clock"} <= found.keys()
    assert {"alerts", "daemon", "mail", "web page", "systemd"} <= found.keys()
    assert found["daemon"]["level"] == "warning"
