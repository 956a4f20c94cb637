from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from monitor.config import Policy, Settings, Shutdown
from monitor.demo import World
from monitor.demo.registries import HOST, LIST_HOST
from monitor.demo.reply import Manner, Reply, json_reply
from monitor.demo.state import State
from monitor.domains import Domains
from monitor.fetch import Fetcher
from monitor.look import Observation, decide
from monitor.model import Failure, FailureKind, Page, Verdict
from monitor.platforms import judge
from monitor.policy import Registration
from monitor.store import Store, checks, claims, domains
from monitor.store.claims import Due
from monitor.store.tables import domain, host, link

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
BLOG = "https://blog.example.org/a"


class Rig:
    """An acted registry, a database, and the job between them on a clock that the test moves."""

    def __init__(self, store: Store) -> None:
        self.store, self.now, self.waits, self.is_online = store, NOW, list[float](), True

    def clock(self) -> datetime:
        return self.now

    async def begin(self, world: World, fetcher: Fetcher, settings: Settings) -> None:
        self.world, self.settings = world, settings
        self.job = Domains(self.store, fetcher, settings, clock=self.clock, online=self._online)
        self.job.sleep = self._sleep

    async def _online(self) -> bool:
        return self.is_online

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def link(self, url: str, platform: str = "generic", **values: Any) -> None:
        name = url.split("/")[2]
        row = {"added_at": NOW - 900 * DAY, "since": NOW, "status": "alive", "next_check_at": NOW + 40 * DAY}
        async with self.store.write() as db:
            await db.execute(
                insert(link).values({"url": url, "platform": platform, "host": name} | row | values)
            )
            if (await db.execute(select(host).where(host.c.host == name))).first() is None:
                await db.execute(insert(host).values(host=name, due_at=NOW + 40 * DAY))

    async def asked(self) -> list[str]:
        """The domains that one run asks about."""
        before = len(self.world.log)
        await self.job.tick()
        return [look.url.rpartition("/")[2] for look in self.world.log[before:] if look.host == HOST]

    async def known(self, name: str = "example.org") -> Registration | None:
        async with self.store.read() as db:
            return (await domains.known(db, [name])).get(name)

    async def due_in(self, name: str = "example.org") -> timedelta:
        async with self.store.read() as db:
            at = (await db.execute(select(domain.c.ask_at).where(domain.c.name == name))).scalar_one()
        return at - self.now  # type: ignore[no-any-return]

    async def next_look(self, url: str = BLOG) -> tuple[timedelta, Any]:
        async with self.store.read() as db:
            row = (await db.execute(select(link).where(link.c.url == url))).one()
        return row.next_check_at - self.now, (row.why_then or {}).get("rule")

    async def claimed(self, url: str = BLOG) -> Due:
        async with self.store.write() as db:
            await db.execute(update(link).values(next_check_at=self.now))
            await db.execute(update(host).values(due_at=self.now))
        name = url.split("/")[2]
        found = await claims.claim(self.store, {name: 1}, worker="w", now=self.now, lease=DAY)
        return found[name][0]


@pytest.fixture
async def rig(store: Store, tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(store)
    async with World(rig.clock, page_kb=16) as world:
        sections = world.settings()
        network: Any = {**sections["network"], "timeout_s": 5}
        settings = Settings(network=network, domains=sections["domains"])
        async with Fetcher(settings.network, base=tmp_path) as fetcher:
            await rig.begin(world, fetcher, settings)
            yield rig


async def test_what_a_registry_tells_is_kept_and_becomes_a_sign_of_the_next_look(rig: Rig) -> None:
    await rig.link(BLOG)
    rig.world.registries.register("example.org", NOW + 20 * DAY, "client hold", "active")
    assert await rig.asked() == ["example.org"]
    assert await rig.known() == Registration(NOW, NOW + 20 * DAY, frozenset({"client hold"}))
    assert await rig.next_look() == (DAY, "site")
    due = await rig.claimed()
    page = Page(url=BLOG, final_url=BLOG, http_status=200, body=b"<title>A</title>")
    risk = decide(due, Observation(page, judge(page)), NOW, Policy()).risk
    assert {"code": "domain_expires", "factor": 2, "date": "2026-06-21"} in risk.reasons
    accept = next(look.headers["accept"] for look in rig.world.log if look.host == HOST)
    assert accept.startswith("application/rdap+json")


async def test_a_domain_is_asked_about_every_month_and_every_week_near_its_end(rig: Rig) -> None:
    await rig.link(BLOG)
    rig.world.registries.register("example.org", NOW + 48 * DAY)
    assert (await rig.asked(), await rig.due_in()) == (["example.org"], 18 * DAY)
    assert (await rig.next_look())[0] == 40 * DAY  # nothing new
    assert await rig.asked() == []
    rig.now += 18 * DAY
    assert (await rig.asked(), await rig.due_in()) == (["example.org"], 7 * DAY)
    rig.world.registries.register("example.org", NOW + 400 * DAY)
    rig.now += 7 * DAY
    assert (await rig.asked(), await rig.due_in()) == (["example.org"], 30 * DAY)


async def test_only_ordinary_sites_that_are_watched_are_asked_about_and_each_once(rig: Rig) -> None:
    await rig.link("https://mp.weixin.qq.com/s/a", "wechat")
    await rig.link("https://zhuanlan.zhihu.com/p/1", "zhihu")
    await rig.link("https://blog.csdn.net/a/article/details/1", "csdn")
    for at in ("127.0.0.1", "8.8.8.8", "[2001:db8::1]", "router.lan", "localhost", "wiki.internal"):
        await rig.link(f"https://{at}/a")
    await rig.link("https://ignored.org/a", ignored=True)
    await rig.link("https://unwatched.org/a", watched=False)
    await rig.link("https://dead.org/a", status="dead")
    assert await rig.asked() == []
    assert rig.world.log == []
    await rig.link(BLOG)
    await rig.link("https://www.example.org/b")
    await rig.link("https://nobody-answers.cn/a")
    assert await rig.asked() == ["example.org"]
    assert rig.waits == [5]


async def test_the_list_of_registries_is_fetched_once_a_week(rig: Rig) -> None:
    for days in (0, 1, 8):
        rig.now = NOW + days * DAY
        await rig.link(f"https://new{days}.org/a")
        assert await rig.asked() == [f"new{days}.org"]
    assert [look.at for look in rig.world.log if look.host == LIST_HOST] == [NOW, NOW + 8 * DAY]


async def test_without_the_list_nothing_is_asked(rig: Rig) -> None:
    await rig.link(BLOG)
    rig.world.registries.list_reply = json_reply("{}", 503)
    assert await rig.asked() == []
    rig.now += timedelta(hours=1)
    rig.world.registries.list_reply = json_reply(
        '{"services": [[["org"], ["https://rdap.registry.example/v1"]]]}'
    )
    assert await rig.asked() == ["example.org"]


async def test_a_busy_registry_is_left_alone_as_long_as_it_wishes(rig: Rig) -> None:
    for name in ("example", "other", "third"):
        await rig.link(f"https://{name}.org/a")
    too_many = replace(json_reply("{}", 429), headers=(("Retry-After", "7200"),))
    rig.world.registries.register("example.org", NOW + 400 * DAY)
    rig.world.registries.answer_with("other.org", too_many)
    assert await rig.asked() == ["example.org", "other.org"]
    await rig.link("https://fourth.org/a")  # due while it rests
    rig.now += timedelta(hours=1)
    assert await rig.asked() == []
    rig.world.registries.register("other.org", NOW + 400 * DAY)
    rig.now += timedelta(hours=1)
    assert await rig.asked() == ["fourth.org", "third.org", "other.org"]


@pytest.mark.parametrize(
    "reply",
    [
        json_reply("{}", 500),
        json_reply("{"),
        json_reply("[]"),
        json_reply('{"objectClassName": "domain", "ldhName": "other.org", "status": ["pending delete"]}'),
        json_reply('"' + "x" * 1_000_001 + '"'),
        Reply(parts=(b'{"objectClassName"',), manner=Manner.ENDLESS),
        Reply(manner=Manner.RESET),
        Reply(parts=(b"{",), manner=Manner.DRIP),
    ],
    ids=["500", "cut", "list", "another", "huge", "endless", "reset", "slow"],
)
async def test_what_is_no_answer_says_nothing_and_takes_nothing_back(
    rig: Rig, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.domains.TIMEOUT_S", 1.0)
    await rig.link(BLOG)
    told = Registration(NOW - DAY, NOW + 300 * DAY)
    async with rig.store.write() as db:
        await domains.put(db, "example.org", told, ask_at=NOW)
    rig.world.registries.answer_with("example.org", reply)
    assert set(await rig.asked()) == {"example.org"}  # a kept connection that breaks is tried once more
    assert (await rig.known(), await rig.due_in()) == (told, 7 * DAY)
    assert await rig.next_look() == (40 * DAY, None)


async def test_a_domain_that_the_registry_does_not_know_is_no_sign(rig: Rig) -> None:
    await rig.link(BLOG)
    assert await rig.asked() == ["example.org"]
    assert (await rig.known(), await rig.due_in()) == (Registration(NOW), 30 * DAY)
    assert await rig.next_look() == (40 * DAY, None)


async def test_while_our_network_is_down_nobody_is_asked_and_nothing_put_off(rig: Rig) -> None:
    await rig.link(BLOG)
    rig.is_online = False
    assert await rig.asked() == []
    async with rig.store.read() as db:
        assert (await db.execute(select(domain))).all() == []


async def test_news_of_a_domain_hurries_its_living_links_and_only_once(rig: Rig) -> None:
    await rig.link(BLOG)
    await rig.link("https://example.org/walled", status="blind")
    await rig.link("https://badexample.org/a", "wechat")
    await rig.link("https://example.org/ignored", ignored=True)
    await rig.link("https://example.org/in-no-list", watched=False)
    rig.world.registries.register("example.org", NOW + 10 * DAY, "redemption period")
    await rig.job.tick()
    assert await rig.next_look() == (DAY, "site")
    assert (await rig.next_look("https://example.org/walled"))[0] == 40 * DAY
    for url in ("https://badexample.org/a", "https://example.org/ignored", "https://example.org/in-no-list"):
        assert (await rig.next_look(url))[0] == 40 * DAY
    async with rig.store.write() as db:
        await db.execute(update(link).values(next_check_at=NOW + 40 * DAY, why_then=None))
    rig.now += 7 * DAY
    assert await rig.asked() == ["example.org"]
    assert (await rig.next_look())[0] == 33 * DAY


async def test_an_announced_end_hurries_links_that_were_not_looked_at_since(rig: Rig) -> None:
    await rig.link(BLOG)
    await rig.link("https://blog.csdn.net/x/article/details/1", "csdn", at_risk=True)
    ends = tuple(Shutdown(host=name, date=date(2026, 9, 1)) for name in ("example.org", "csdn.net"))
    past = Shutdown(host="org", date=date(2020, 1, 1))
    off = rig.settings.domains.model_copy(update={"enabled": False})
    rig.job.settings = rig.settings.model_copy(update={"shutdowns": (*ends, past), "domains": off})
    assert await rig.asked() == []
    assert await rig.next_look() == (DAY, "site")
    assert (await rig.next_look("https://blog.csdn.net/x/article/details/1"))[0] == 40 * DAY
    page = Page(url=BLOG, final_url=BLOG, http_status=200, body=b"<title>A</title>")
    look = decide(await rig.claimed(), Observation(page, judge(page)), NOW, Policy(), shutdowns=ends)
    assert look.risk.reasons[1]["code"] == "shutdown"
    assert look.risk.at_risk_copied


async def test_a_certificate_is_a_sign_once_it_was_seen_expired_for_more_than_a_week(rig: Rig) -> None:
    """A time-out before does not count: when it expired is known only from the looks that found it so."""
    await rig.link(BLOG)

    def broken(kind: FailureKind) -> Observation:
        page = Page(url=BLOG, final_url=BLOG, failure=Failure(kind, "as it is"))
        return Observation(page, judge(page))

    signs = []
    for days, kind in (
        (0, FailureKind.TIMEOUT),
        (9, FailureKind.EXPIRED),
        (16, FailureKind.EXPIRED),
        (17, FailureKind.EXPIRED),
    ):
        rig.now = NOW + days * DAY
        look = decide(await rig.claimed(), broken(kind), rig.now, Policy())
        async with rig.store.write() as db:
            await checks.record(db, [look], worker="w", vantage="here")
        signs.append([one for one in look.risk.reasons if one["code"] == "certificate_expired"])
    assert signs == [[], [], [], [{"code": "certificate_expired", "factor": 5, "date": "2026-06-10"}]]
    rig.now += DAY
    due = await rig.claimed()
    page = Page(url=BLOG, final_url=BLOG, http_status=200, body=b"<title>A</title>")
    risk = decide(due, Observation(page, judge(page)), rig.now, Policy()).risk
    assert "certificate_expired" not in [one["code"] for one in risk.reasons]


async def test_a_real_expired_certificate_is_known_for_one(rig: Rig, tmp_path: Path) -> None:
    rig.world.article(BLOG)
    rig.world.host_state("blog.example.org", State.TLS_EXPIRED)
    network = Settings(network=rig.world.settings()["network"]).network
    async with Fetcher(network, base=tmp_path) as fetcher:
        verdict: Verdict = judge(await fetcher.fetch(BLOG))
        assert (verdict.reason, verdict.rule) == ("tls", "transport.failed.certificate_expired")
        rig.world.host_state("blog.example.org", State.TLS_WRONG_NAME)
        assert judge(await fetcher.fetch(BLOG)).rule == "transport.failed.tls"
