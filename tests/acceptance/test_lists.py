from __future__ import annotations

from typing import Any

from monitor.demo import World
from monitor.demo.example import act_all
from monitor.sources import read_file
from tests.acceptance.rig import EXAMPLE, Daemon, Rig


def history(rig: Rig) -> list[tuple[Any, ...]]:
    return rig.ask("SELECT link_id, started_at, outcome, rule, checks FROM span ORDER BY link_id")


async def test_the_example_is_66_wechat_14_zhihu_and_1_csdn(rig: Rig) -> None:
    await rig.rotwatch("add", str(EXAMPLE))
    counts = dict(rig.ask("SELECT platform, count(*) FROM link GROUP BY platform"))
    assert counts == {"wechat": 66, "zhihu": 14, "csdn": 1}


async def test_adding_the_list_twice_adds_nothing(rig: Rig) -> None:
    await rig.given("add", str(EXAMPLE))
    before = rig.ask("SELECT * FROM link"), rig.ask("SELECT * FROM reference")
    again = await rig.rotwatch("add", "--json", str(EXAMPLE))
    assert again.json == {"references": 81, "links_added": 0, "links_known": 81, "skipped": []}
    assert (rig.ask("SELECT * FROM link"), rig.ask("SELECT * FROM reference")) == before


async def test_moving_half_of_the_list_to_another_file_loses_no_history(rig: Rig, world: World) -> None:
    act_all(world, [(one.url, one.title) for one in read_file(str(EXAMPLE))], [])
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    posts = rig.folder / "posts"
    posts.mkdir()
    (posts / "one.md").write_text("".join(lines), encoding="utf-8")
    await rig.given("add", str(posts))
    await rig.given("check", "--all")
    before = history(rig)
    assert len(before) == 81

    middle = next(i for i, line in enumerate(lines) if i > len(lines) / 2 and line.startswith("https://"))
    (posts / "one.md").write_text("".join(lines[:middle]), encoding="utf-8")
    (posts / "two.md").write_text("".join(lines[middle:]), encoding="utf-8")
    rig.settings["sources"] = []
    await rig.rotwatch("add", str(posts))
    assert history(rig) == before
    status = await rig.status()
    assert status["totals"]["links"] == status["totals"]["alive"] == 81
    places = {link["sources"][0]["path"].rsplit("/", 1)[1] for link in status["links"]}
    assert places == {"one.md", "two.md"}
    assert all(len(link["sources"]) == 1 for link in status["links"])


async def test_a_list_that_changes_is_read_again_by_the_daemon(rig: Rig, world: World) -> None:
    world.article("https://a.example/1", title="First")
    world.article("https://a.example/2", title="Second")
    post = rig.folder / "post.md"
    post.write_text("https://a.example/1\n\nFirst\n", encoding="utf-8")
    await rig.given("add", str(post))
    daemon = await Daemon.started(rig)
    await daemon.until("the first link", lambda: bool(rig.ask("SELECT 1 FROM link WHERE status = 'alive'")))
    post.write_text("https://a.example/2\n\nSecond\n", encoding="utf-8")
    await daemon.until(
        "the second link",
        lambda: (
            rig.ask("SELECT title, watched, status FROM link ORDER BY id")
            == [("First", 0, "alive"), ("Second", 1, "alive")]
        ),
    )
    assert await daemon.end() == 0


async def test_a_list_without_a_link_is_said_to_have_none(rig: Rig) -> None:
    empty, code, full = (rig.folder / name for name in ("empty.md", "code.md", "full.md"))
    empty.write_text("# To read\n\nexample.org without a scheme\n", encoding="utf-8")
    code.write_text("```\ncurl https://a.example/1\n```\n", encoding="utf-8")
    full.write_text("```\nhttps://a.example/2\n```\n", encoding="utf-8")
    targets = [str(one) for one in (empty, code, full)]
    for command in ("add", "extract"):
        answer = await rig.rotwatch(command, *targets)
        assert answer.code == 0
        said = [line for line in answer.err.splitlines() if line.startswith("No links found in ")]
        assert [line.split(":")[0] for line in said] == [f"No links found in {one}" for one in targets[:2]]
    assert rig.ask("SELECT url FROM link") == [("https://a.example/2",)]


async def test_extract_reads_as_add_does_and_stores_nothing(rig: Rig) -> None:
    answer = await rig.rotwatch("extract", str(EXAMPLE))
    assert len(answer.out.splitlines()) == 81
    assert not (rig.folder / "rotwatch.db").exists()


async def test_personal_parameters_reach_neither_database_nor_output(rig: Rig) -> None:
    url = "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q?key=SECRET1&uin=SECRET2&pass_ticket=SECRET3#rd"
    (rig.folder / "list.md").write_text(f"[Read {url}]({url})\n", encoding="utf-8")
    added = await rig.rotwatch("add", url, "list.md")
    shown = await rig.rotwatch("show", url, "--json")
    dump = (
        (rig.folder / "rotwatch.db").read_bytes()
        + added.out.encode()
        + shown.out.encode()
        + shown.err.encode()
    )
    assert shown.json["url"] == "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q"
    assert b"SECRET" not in dump
