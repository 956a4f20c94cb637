"""``rotwatch demo``: the product's own parts in the acted world, held against what was acted."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import pty
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor import demo
from monitor.config import Settings
from monitor.demo import DrivenClock, State, World
from monitor.demo.address import place_of
from monitor.demo.driver import Driver
from monitor.demo.lists import EXAMPLE_LINKS, example, reading_list
from monitor.demo.play import Played, Spent, Wish, settings
from monitor.demo.reckoning import Agreement, Found, Reckoning
from monitor.demo.screen import ending
from monitor.demo.season import QUIET, Kind, plan
from monitor.demo.state import TRUTH
from monitor.model import Outcome
from monitor.report.language import Language
from monitor.sources import read_file
from monitor.store.tally import Tally
from tests.acceptance.rig import ROTWATCH
from tests.acceptance.warm import die_with_parent

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
LINKS, WEEKS = 20, 8
GUARD = """
import sys
def only_loopback(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] not in ("127.0.0.1", "::1"):
        raise RuntimeError(f"connects to {arguments[1]}")
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "localhost", "127.0.0.1", "::1"):
        raise RuntimeError(f"resolves {arguments[0]}")
sys.addaudithook(only_loopback)
from monitor.cli import main
main()
"""


async def rotwatch(
    folder: Path, *arguments: str, command: tuple[str, ...] = (str(ROTWATCH),)
) -> tuple[int, str, str]:
    """Run it where nothing of a configuration is found; the temporary folder is ``folder``."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ROTWATCH_")}
    process = await asyncio.create_subprocess_exec(
        *command,
        *arguments,
        cwd=folder,
        env=ours | {"TMPDIR": str(folder), "PYTHONWARNINGS": "error", "NO_COLOR": "1", "COLUMNS": "80"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=die_with_parent,
    )
    out, err = await asyncio.wait_for(process.communicate(), 200)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.timeout(240)
async def test_a_short_demo_agrees_with_what_was_acted_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code, out, err = await rotwatch(
        tmp_path,
        *("demo", "--links", str(LINKS), "--weeks", str(WEEKS), "--seed", "3", "--json"),
        command=(sys.executable, "-c", GUARD),
    )
    assert code == 0, err
    said = json.loads(out)
    (tmp_path / "list.md").write_text(reading_list(LINKS, seed=3), encoding="utf-8")
    pairs = [(one.url, one.title) for one in read_file(str(tmp_path / "list.md"))]
    season = plan(pairs, start=START, weeks=WEEKS, seed=3)

    truly_dead = {key for key in season.lives if season.dead(key, season.end)}
    assert said["totals"]["links"] == LINKS == len(season.lives)
    assert (
        said["totals"]["dead"]
        == len(truly_dead)
        == said["preservation"]["rescued"] + said["preservation"]["lost"]
    )
    assert said["totals"]["alive"] == LINKS - len(truly_dead)
    truth = said["truth"]
    assert truth["verdicts"]["agrees"] == LINKS
    assert truth["false_deaths"] == []
    acted = {key for key, life in season.lives.items() if life.death}
    assert len(acted) >= 3
    assert {place_of(one["url"]).key for one in truth["deaths"]} == acted
    assert truth["of_deaths"] == {"found": len(acted)}
    for one in truth["deaths"]:
        death = season.lives[place_of(one["url"]).key].death
        assert death
        noticed, sure = (datetime.fromisoformat(one[name]) for name in ("noticed_at", "confirmed_at"))
        assert (death.at or START) <= noticed < sure
        assert sure - noticed >= timedelta(hours=24)
    assert {one["why"] for one in truth["lost"]} <= {"dead_before_the_first_look"}
    assert said["spent"]["mails"] == WEEKS
    assert len(err.splitlines()) == WEEKS
    assert {path.name for path in tmp_path.iterdir()} == {"list.md"}


@pytest.mark.parametrize(("weeks", "links"), [(26, 81), (52, 600)])
def test_the_truth_that_verdicts_are_held_against_is_what_the_world_acts(weeks: int, links: int) -> None:
    text = reading_list(links, seed=1)
    pairs = [(url, "标题") for url in text.split() if url.startswith("https://")]
    season = plan(pairs, start=START, weeks=weeks, seed=1)
    from monitor.demo.stage import Stage

    world = World(DrivenClock(START))
    Stage(world, season)
    moments = [START + timedelta(days=day) for day in range(0, weeks * 7, 5)]
    hidden = {Kind.CAPTCHAS, Kind.OUTAGE, Kind.CHALLENGES}
    for key, life in season.lives.items():
        for moment in moments:
            if any(one.kind in hidden and one.start <= moment < one.end for one in season.troubles):
                continue
            outcome = TRUTH[world.seen_state(life.url, moment)].outcome
            assert (outcome in {Outcome.GONE, Outcome.REMOVED}) == season.dead(key, moment), life.url
    deaths = [life.death for life in season.lives.values() if life.death]
    assert all(death.at <= season.end - QUIET for death in deaths if death.at)
    assert any(death.back for death in deaths)
    assert {one.kind for one in season.troubles} == set(Kind)


def test_a_season_is_the_same_for_a_seed_and_another_for_another() -> None:
    pairs = [(f"https://mp.weixin.qq.com/s/a{number}", "标题") for number in range(60)]
    one, same, other = (plan(pairs, start=START, weeks=26, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert plan(pairs[::-1], start=START, weeks=26, seed=1) == one


def test_the_example_list_is_found_and_has_as_many_links_as_the_demo_promises() -> None:
    assert len(read_file(str(example()))) == EXAMPLE_LINKS


async def test_only_addresses_and_waiting_differ_from_the_shipped_settings() -> None:
    world = World(DrivenClock(START))
    async with world:
        chosen = Settings(**settings(world, "list.md", "en"))
    default = Settings()
    for section in ("policy", "pace", "daemon", "database"):
        assert getattr(chosen, section) == getattr(default, section)

    def differing(ours: Any, theirs: Any) -> set[str]:
        return {name for name in type(ours).model_fields if getattr(ours, name) != getattr(theirs, name)}

    assert differing(chosen.network, default.network) == {"ca_file", "hosts", "anchors", "concurrency"} - (
        {"anchors"}
        if set(chosen.network.anchors) == {f"{one}/" for one in default.network.anchors}
        else set()
    ) - ({"anchors"} if chosen.network.anchors == default.network.anchors else set())
    assert differing(chosen.archives.wayback, default.archives.wayback) == {
        *("access_key", "secret_key"),
        *("look_up_every_s", "playback_every_s", "poll_every_s"),
    }
    assert differing(chosen.archives.local, default.archives.local) == {"picture_every_s"}


def test_the_demo_uses_public_parts_and_replaces_none_but_clock_pace_and_dice() -> None:
    """No private name of the product is imported or touched, and of its objects nothing else is set."""
    folder = Path(demo.__file__).parent
    files = [
        folder / f"{name}.py" for name in ("play", "driver", "due", "stage", "season", "reckoning", "screen")
    ]
    files.append(folder.parent / "cli" / "demo.py")
    set_on_sweep = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("monitor"):
                assert not [one.name for one in node.names if one.name.startswith("_")], file
            if (
                isinstance(node, ast.Attribute)
                and node.attr.startswith("_")
                and not node.attr.startswith("__")
            ):
                assert isinstance(node.value, ast.Name), file
                assert node.value.id == "self", file
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = ast.unparse(node.value)
                if owner.endswith("daemon.sweep"):
                    set_on_sweep.add(node.attr)
                else:
                    assert owner in {"self", "self.clock", "logger"}, f"{file}: {ast.unparse(node)}"
            assert not (isinstance(node, ast.Name) and node.id in {"setattr", "patch"}), file
    assert set_on_sweep == {"sleep", "chance", "patience_s"}


def test_every_job_of_the_daemon_is_driven() -> None:
    """A job that the daemon gets is one that the demo calls, too."""
    import inspect

    from monitor.daemon import Daemon

    source = ast.parse(inspect.getsource(inspect.getmodule(Daemon)))  # type: ignore[arg-type]
    jobs = {
        node.attr
        for method in ast.walk(source)
        if isinstance(method, ast.FunctionDef) and method.name == "_jobs"
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute) and inspect.iscoroutinefunction(getattr(Daemon, node.attr, None))
    }
    assert {"tick", "archive_tick", "deliver", "report", "upkeep"} <= jobs
    driven = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(Driver)))
        if isinstance(node, ast.Attribute)
    }
    assert jobs <= driven


async def test_ctrl_c_ends_it_in_order_and_what_is_kept_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    master, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(str(ROTWATCH), "demo", "--links", "12", "--language", "zh", "--keep", str(folder)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=terminal,
        env=os.environ | {"COLUMNS": "80", "LINES": "30", "TERM": "xterm"},
        preexec_fn=die_with_parent,
    )
    os.close(terminal)
    shown = await asyncio.to_thread(_read_until, master, "查看 ")
    assert "安全" in shown
    process.send_signal(signal.SIGINT)
    rest = asyncio.create_task(asyncio.to_thread(_read_until, master, None))
    out = (await asyncio.wait_for(process.communicate(), 30))[0].decode()
    assert "Traceback" not in shown + await rest
    os.close(master)
    assert process.returncode == 130
    assert "停止" in out
    assert str(folder) in out
    code, status, err = await rotwatch(tmp_path, "--config", str(folder / "config.toml"), "status", "--json")
    assert code == 0, err
    assert json.loads(status)["totals"]["links"] == 12


def _read_until(terminal: int, wanted: str | None) -> str:
    """What is written to a terminal until ``wanted`` is there; until its end where that is None."""
    shown = b""
    while wanted is None or wanted.encode() not in shown:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other side has closed it
            part = b""
        if not part:
            break
        shown += part
    return shown.decode("utf-8", "replace")


OPEN_EN = """\
Of 10 verdicts 7 agree with what was acted.
3 are not settled: 2 being confirmed, 1 not looked at yet.
No link was ever called dead that was not.
0 deaths found, 1 being confirmed."""
OPEN_ZH = """\
10 个结论中 7 个与扮演的真相一致。
3 个尚无定论：2 个确认中，1 个尚未查看。
从未把活着的链接判为失效。
0 个失效已发现，1 个确认中。"""


@pytest.mark.parametrize(("language", "said"), [("en", OPEN_EN), ("zh", OPEN_ZH)])
def test_what_is_open_when_it_is_stopped_is_not_told_as_a_wrong_verdict(
    language: Language, said: str
) -> None:
    settled: dict[str, int] = dict.fromkeys(map(str, Agreement), 0)
    verdicts = settled | {"agrees": 7, "being_confirmed": 2, "not_looked_at_since": 1}
    death = Found(
        url="https://a.example/1",
        title="",
        state=State.GONE,
        died_at=START,
        back_at=None,
        noticed_at=START,
        confirmed_at=None,
        outcome=Agreement.CONFIRMING,
    )
    reckoning = Reckoning(
        links=10,
        verdicts=verdicts,
        false_deaths=[],
        deaths=[death],
        returns={"acted": 0, "found": 0, "not_yet": 0},
        lost=[],
        days={"to_notice": None, "to_confirm": None},
    )
    played = Played(
        wish=Wish(links=10, weeks=26, seed=1, language=language),
        ended_at=START + timedelta(days=3),
        tally=Tally(links=10, alive=8, suspect=2, safe=10),
        spent=Spent(looks=10, saves=0, mails=0),
        reckoning=reckoning,
    )
    assert not reckoning.disagrees
    assert said in "\n".join(str(part) for part in ending(played, seconds=2))


async def test_a_folder_in_use_and_a_configuration_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    code, _, err = await rotwatch(tmp_path, "demo", "--keep", str(tmp_path))
    assert (code, "is not empty: choose a new folder" in err) == (2, True)
    code, _, err = await rotwatch(tmp_path, "--database", "sqlite:///mine.db", "demo")
    assert (code, "leave out --config and --database" in err) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt"}
    without = "import sys; sys.modules['trustme'] = None; from monitor.cli import main; main()"
    code, _, err = await rotwatch(tmp_path, "demo", command=(sys.executable, "-c", without))
    assert (code, "pip install 'rotwatch[demo]'" in err, "Traceback" in err) == (3, True, False)


def test_every_state_that_kills_is_one_that_can_be_confirmed() -> None:
    from monitor.demo.season import DEATHS, GROUP_DEATHS

    states: set[State] = {
        state for table in (DEATHS, GROUP_DEATHS) for one in table.values() for state in one
    }
    assert {TRUTH[state].outcome for state in states} == {Outcome.REMOVED, Outcome.GONE}
