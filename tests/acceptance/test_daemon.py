from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

from monitor.demo import State, World
from tests.acceptance.rig import ENDS_WITHIN_S, Daemon, Rig

PACE_S, LATE_S = 0.6, 1.5  # between taking the turn and asking, on a busy machine
ANCHORS = {"network": {"anchors": ["https://www.baidu.com", "https://www.qq.com"]}}


def add_articles(world: World, rig: Rig, count: int) -> Path:
    post = rig.folder / "post.md"
    lines = []
    for number in range(count):
        world.article(f"https://a{number}.example/post/{number}", title=f"Title {number}")
        lines.append(f"https://a{number}.example/post/{number}\n\nTitle {number}\n")
    post.write_text("\n".join(lines), encoding="utf-8")
    return post


async def test_offline_nothing_is_marked_and_it_is_said(rig: Rig, world: World) -> None:
    rig.settings |= ANCHORS
    await rig.given("add", str(add_articles(world, rig, 5)))
    world.unplug()
    daemon = await Daemon.started(rig)
    await daemon.until("the word", lambda: any("offline, nothing is marked" in line for line in daemon.log))
    await asyncio.sleep(1)  # some ticks more must bring nothing
    assert rig.ask("SELECT count(*) FROM span") == [(0,)]
    assert "Offline since" in (await rig.rotwatch("status")).out
    assert await daemon.end() == 0
    assert rig.ask("SELECT DISTINCT status FROM link") == [("pending",)]


async def test_an_outage_of_ours_in_mid_sweep_marks_nothing(rig: Rig, world: World) -> None:
    rig.settings |= ANCHORS | {"pace": {"default_s": 0}, "archives": {"wayback": {"enabled": False}}}
    post = add_articles(world, rig, 40)
    for number in range(40):
        world.set(f"https://a{number}.example/post/{number}", State.SLOW_DRIP if number % 2 else State.LIVE)
    await rig.given("add", str(post))
    daemon = await Daemon.started(rig)
    await daemon.until("some looks", lambda: rig.ask("SELECT count(*) FROM span")[0][0] > 0)
    world.unplug()
    await daemon.until("the word", lambda: any("offline" in line for line in daemon.log))
    assert await daemon.end() == 0
    assert {outcome for (outcome,) in rig.ask("SELECT outcome FROM span")} == {"ok"}


async def test_sigterm_ends_it_soon_and_gives_everything_back(rig: Rig, world: World) -> None:
    rig.settings |= {"daemon": {"grace_s": 1}, "network": {"timeout_s": 2 * ENDS_WITHIN_S}}
    post = add_articles(world, rig, 3)
    for number in range(3):
        world.set(f"https://a{number}.example/post/{number}", State.HANG)
    await rig.given("add", str(post))
    daemon = await Daemon.started(rig)
    await daemon.until("the looks in flight", lambda: len(world.log) >= 3)
    assert await daemon.end() == 0  # long before a look would give up
    assert rig.ask("SELECT count(*) FROM link WHERE lease_until IS NOT NULL") == [(0,)]
    assert rig.ask("SELECT count(*) FROM span") == [(0,)]


async def test_systemd_hears_ready_status_watchdog_and_stopping(
    rig: Rig, world: World, tmp_path: Path
) -> None:
    await rig.given("add", str(add_articles(world, rig, 2)))
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.setblocking(False)
        heard: list[str] = []

        def hear() -> str:
            while True:
                try:
                    heard.append(listener.recv(4096).decode())
                except BlockingIOError:
                    return "\n".join(heard)

        rig.variables = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000000"}
        daemon = await Daemon.started(rig)
        await daemon.until("READY", lambda: "READY=1" in hear())
        await daemon.until("WATCHDOG", lambda: "WATCHDOG=1" in hear() and "STATUS=2 links" in hear())
        assert await daemon.end() == 0
        assert "STOPPING=1" in hear()


async def test_a_polite_daemon_asks_a_host_one_thing_at_a_time_at_its_pace(rig: Rig, world: World) -> None:
    rig.settings |= {"pace": {"default_s": PACE_S, "jitter": 0}, "archives": {"wayback": {"enabled": False}}}
    post = rig.folder / "post.md"
    urls = [f"https://slow.example/post/{number}" for number in range(6)]
    for number, url in enumerate(urls):
        world.article(url, title=f"Title {number}")
    post.write_text("\n\n".join(urls), encoding="utf-8")
    await rig.given("add", str(post))
    daemon = await Daemon.started(rig)
    await daemon.until("all looks", lambda: rig.ask("SELECT count(*) FROM span") == [(6,)])
    await daemon.end(signal.SIGKILL)
    looks = [look for look in world.log if look.host == "slow.example"]
    starts = [look.started for look in looks]
    assert max(look.in_flight for look in looks) == 1
    # the first and the last may arrive late; without a pace all would be there in a tenth of a second
    assert starts[-1] - starts[0] > (len(urls) - 1) * PACE_S - LATE_S


async def test_a_wrong_certificate_is_no_death(rig: Rig, world: World) -> None:
    world.article("https://tls.example/post/1", title="Title")
    world.host_state("tls.example", State.TLS_EXPIRED)
    await rig.given("add", "https://tls.example/post/1")
    answer = await rig.rotwatch("check", "--due")
    assert answer.code == 0, answer.err
    assert rig.ask("SELECT status, outcome, reason FROM link") == [("suspect", "failed", "tls")]
