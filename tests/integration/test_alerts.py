from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import insert, update

from monitor import alerts
from monitor.alerts import Messenger
from monitor.archives import ledger as ledgers
from monitor.config import Alerts, Report, Settings
from monitor.config_file import ConfigError
from monitor.store import Store, service
from monitor.store.tables import flip, link, snapshot
from tests.integration.test_store_checks import NOW, add

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SECRET = "s3cret-t0ken"


class Receiver:
    """A chat service: takes what is posted, or answers with ``status``."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        self.port = 0

    async def take(self, request: web.Request) -> web.Response:
        if self.status == 200:
            self.messages.append(json.loads(await request.read()))
        return web.Response(status=self.status, text=f"you said {request.path}")

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/{SECRET}"

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.messages]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    yield receiver
    await runner.cleanup()


class Desk:
    """Daemons that share a database and a clock."""

    def __init__(self, store: Store, *urls: str, **settings: Any) -> None:
        self.store, self.now = store, NOW
        language = settings.pop("language", "en")
        self.settings = Settings(
            alerts=Alerts(urls=tuple(map(SecretStr, urls)), **settings),
            report=Report(language=language, timezone="UTC"),
        )

    async def tick(self, at: datetime | None = None) -> None:
        """By a daemon that has just been started."""
        self.now = at or self.now
        await Messenger(self.store, self.settings, lambda: self.now).tick()

    async def dies(self, number: int, *, copied: bool = False, title: str = "A title") -> None:
        async with self.store.write() as db:
            if copied:
                copy = {"link_id": number, "archive": "wayback", "url": "https://copy.example/1"}
                copy |= {"original_url": "https://a.example", "origin": "made"}
                await db.execute(insert(snapshot).values(id=number, captured_at=self.now, **copy))
            values = {"status": "dead", "title": title, "copy_id": number if copied else None}
            await db.execute(update(link).where(link.c.id == number).values(values))
            row = {"link_id": number, "at": self.now, "old": "suspect", "new": "dead", "reason": "not_found"}
            await db.execute(insert(flip).values(row))

    async def trouble(self, name: str, note: str | None) -> None:
        async with self.store.write() as db:
            await service.put(db, name, now=self.now, failures=1 if note else 0, note=note)


@pytest.fixture
async def desk(store: Store, receiver: Receiver) -> Desk:
    await add(store, 15)
    desk = Desk(store, receiver.url)
    await desk.dies(15)  # before anybody wanted to be told
    await desk.tick()
    return desk


async def test_what_died_together_is_one_message_with_the_lost_first(desk: Desk, receiver: Receiver) -> None:
    await desk.dies(1, copied=True, title="Saved")
    await desk.dies(2, title="Gone for ever")
    await desk.tick(NOW + 2 * MINUTE)
    [message] = receiver.messages
    assert message["title"] == "rotwatch: 2 links died, 1 of them lost without a copy"
    assert message["message"].splitlines() == [
        "Gone for ever: not found. No copy.",
        "Saved: not found. Copy: https://copy.example/1",
    ]


async def test_a_death_is_told_once_however_often_daemons_start(desk: Desk, receiver: Receiver) -> None:
    await desk.dies(1)
    for minutes in (2, 3, 200, 400):
        await desk.tick(NOW + minutes * MINUTE)
    assert receiver.titles == ["rotwatch: 1 link died, 1 of them lost without a copy"]


async def test_at_most_one_message_an_hour_and_nothing_is_left_out(desk: Desk, receiver: Receiver) -> None:
    await desk.dies(1)
    await desk.tick(NOW + 2 * MINUTE)
    for number in range(2, 15):
        await desk.dies(number)
    await desk.tick(NOW + 50 * MINUTE)
    assert len(receiver.messages) == 1
    await desk.tick(NOW + 63 * MINUTE)
    assert receiver.titles[1:] == ["rotwatch: 13 links died, 13 of them lost without a copy"]
    assert receiver.messages[1]["message"].endswith("and 3 more: rotwatch status --status dead")


async def test_what_is_back_before_it_is_told_is_no_news(desk: Desk, receiver: Receiver) -> None:
    await desk.dies(1)
    async with desk.store.write() as db:
        await db.execute(update(link).where(link.c.id == 1).values(status="alive"))
    await desk.tick(NOW + 2 * MINUTE)
    assert receiver.messages == []


async def test_a_target_that_refuses_gets_its_message_later_and_the_others_get_theirs_once(
    desk: Desk, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    closed = f"json://127.0.0.1:9/{SECRET}"
    both = Desk(desk.store, receiver.url, closed)
    await both.dies(1)
    await both.tick(NOW + 2 * MINUTE)
    await both.tick(NOW + 4 * MINUTE)
    assert len(receiver.messages) == 1
    async with both.store.read() as db:
        row = await service.get(db, "alerts")
    assert row is not None
    assert row.failures == 1
    assert row.note.startswith("2 (json://…): ")
    assert SECRET not in caplog.text + row.note + json.dumps(row.data)

    mended = Desk(desk.store, receiver.url)  # the one that never worked is taken out
    await mended.tick(NOW + 20 * MINUTE)
    async with both.store.read() as db:
        row = await service.get(db, "alerts")
    assert row is not None
    assert (row.failures, row.note, row.data["letter"]) == (0, None, None)
    assert len(receiver.messages) == 1


async def test_a_target_whose_url_is_mended_gets_the_message_that_waited(
    desk: Desk, receiver: Receiver
) -> None:
    await desk.tick()
    mistyped = Desk(desk.store, f"json://127.0.0.1:9/{SECRET}")
    await mistyped.dies(1)
    await mistyped.tick(NOW + 2 * MINUTE)
    await desk.tick(NOW + 4 * MINUTE)
    assert receiver.titles == ["rotwatch: 1 link died, 1 of them lost without a copy"]
    await desk.tick(NOW + 20 * MINUTE)
    assert len(receiver.messages) == 1


async def test_a_refused_message_is_tried_again_after_a_while(desk: Desk, receiver: Receiver) -> None:
    receiver.status = 500
    await desk.dies(1)
    await desk.tick(NOW + 2 * MINUTE)
    receiver.status = 200
    await desk.tick(NOW + 2.5 * MINUTE)
    assert receiver.messages == []
    await desk.tick(NOW + 4 * MINUTE)
    assert len(receiver.messages) == 1


async def test_a_message_that_nobody_takes_for_two_days_is_given_up_loudly(
    desk: Desk, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 500
    await desk.dies(1)
    await desk.tick(NOW + 2 * MINUTE)
    await desk.tick(NOW + 49 * HOUR)
    receiver.status = 200
    await desk.tick(NOW + 60 * HOUR)
    assert receiver.messages == []
    assert "is given up" in caplog.text


@pytest.mark.parametrize(
    ("name", "begins", "ends"),
    [
        ("archive.org", "No copies are made at archive.org since", "archive.org takes copies again"),
        ("network", "This machine's network is away since", "This machine's network is back"),
    ],
)
async def test_only_trouble_that_lasts_is_told_and_so_is_its_end(
    desk: Desk, receiver: Receiver, name: str, begins: str, ends: str
) -> None:
    await desk.trouble(name, "keys are refused")
    await desk.tick(NOW + 2 * MINUTE)
    await desk.tick(NOW + 5 * HOUR)
    assert receiver.messages == []
    for hours in (6.1, 9, 30):
        await desk.tick(NOW + hours * HOUR)
    assert len(receiver.messages) == 1
    assert receiver.messages[0]["message"].startswith(begins)
    assert receiver.messages[0]["message"].endswith(": keys are refused")
    await desk.trouble(name, None)
    for hours in (31, 40):
        await desk.tick(NOW + hours * HOUR)
    assert receiver.titles == ["rotwatch: trouble", "rotwatch: trouble is over"]
    assert receiver.messages[1]["message"].startswith(ends)


async def test_refused_keys_are_told_at_once_and_once(desk: Desk, receiver: Receiver) -> None:
    refused = ledgers.Ledger().stop_saves(
        NOW + 6 * HOUR, "archive.org does not accept the keys.", keys_refused=True
    )
    async with desk.store.write() as db:
        await ledgers.write(db, refused, NOW)
    for minutes in (2, 3, 70, 400):
        await desk.tick(NOW + minutes * MINUTE)
    assert receiver.titles == ["rotwatch: trouble"]
    assert receiver.messages[0]["message"].endswith(": archive.org does not accept the keys.")


async def test_short_trouble_is_never_told(desk: Desk, receiver: Receiver) -> None:
    await desk.trouble("network", "away")
    await desk.tick(NOW + HOUR)
    await desk.trouble("network", None)
    await desk.tick(NOW + 10 * HOUR)
    assert receiver.messages == []


async def test_only_what_was_asked_for_is_told(desk: Desk, receiver: Receiver) -> None:
    quiet = Desk(desk.store, receiver.url, on=frozenset({"archive"}))
    await quiet.dies(1)
    await quiet.trouble("network", "away")
    await quiet.tick(NOW + 2 * MINUTE)
    await quiet.tick(NOW + 30 * HOUR)
    assert receiver.messages == []


async def test_deaths_from_before_somebody_wanted_to_hear_of_them_are_no_news(
    desk: Desk, receiver: Receiver
) -> None:
    quiet = Desk(desk.store, receiver.url, on=frozenset({"archive"}))
    await quiet.dies(1)
    await quiet.tick(NOW + HOUR)
    await desk.tick(NOW + 2 * HOUR)
    assert receiver.messages == []


async def test_without_targets_nothing_is_done_nor_kept(store: Store) -> None:
    await Desk(store).tick()
    async with store.read() as db:
        assert await service.get(db, "alerts") is None


async def test_hostile_titles_stay_one_line(desk: Desk, receiver: Receiver) -> None:
    await desk.dies(1, title="<b>x</b>\r\nBcc: a@b\x1b[31m\u202e" + "长" * 10_000)
    await desk.tick(NOW + 2 * MINUTE)
    [line] = receiver.messages[0]["message"].splitlines()
    assert "<b>x</b> Bcc: a@b[31m长长" in line
    assert len(line) < 200


async def test_chinese_readers_are_told_in_chinese(desk: Desk, receiver: Receiver) -> None:
    chinese = Desk(desk.store, receiver.url, language="zh")
    await chinese.dies(1)
    await chinese.tick(NOW + 2 * MINUTE)
    assert receiver.titles == ["rotwatch：1 个链接失效，其中 1 个没有备份"]


@pytest.mark.parametrize("url", [f"nonsense://{SECRET}", SECRET, f"tgram://{SECRET}"])
def test_a_target_that_apprise_does_not_know_is_told_by_number_only(url: str) -> None:
    with pytest.raises(ConfigError, match="cannot use target 1") as error:
        alerts.check(Alerts(urls=(SecretStr(url),)))
    assert SECRET not in str(error.value)


def test_no_piece_of_a_url_survives_in_what_a_service_said() -> None:
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?x=p%40ss"
    said = "slack error at https://hooks.slack.com/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ: p@ss\nno"
    assert alerts.redacted(said, url) == "slack error at https://hooks.slack.com/…/…/…: p@ss no"
