"""The mails of a driven month, as a mail program gets them; and the mail as a browser shows it."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import html5lib
import pytest

from bench.mail.month import Month, live
from bench.mail.screenshots import browser, photograph
from monitor.report.language import Language
from monitor.report.render import CLIPPED_FROM, PICTURE_ID, render
from tests.unit.test_report_render import COPY, HISTORY, QUIET, ZONE, change


def part(mail: EmailMessage, kind: str) -> EmailMessage:
    [found] = [one for one in mail.walk() if one.get_content_type() == kind]
    return found


@pytest.mark.timeout(600)
async def test_a_month_brings_a_mail_each_monday_that_says_what_happened(tmp_path: Path) -> None:
    month = await live(tmp_path, links=32)
    _each_is_sound(month)
    _the_last_answers_what_a_reader_asks(month.mails[-1])
    _its_picture_is_small(month.mails[-1])


def _each_is_sound(month: Month) -> None:
    assert len(month.mails) == 4
    assert len({mail["Message-ID"] for mail in month.mails}) == 4
    assert len({mail["References"] for mail in month.mails}) == 1
    for mail, delivery in zip(month.mails, month.deliveries, strict=True):
        assert delivery.over_tls
        assert delivery.authenticated
        assert not mail.defects
        html = part(mail, "text/html").get_content()
        html5lib.HTMLParser(strict=True).parse(html)  # raises at the first error
        assert len(html.encode()) < CLIPPED_FROM
        assert "This report was due" not in html


def _the_last_answers_what_a_reader_asks(mail: EmailMessage) -> None:
    text = part(mail, "text/plain").get_content().replace("\r\n", "\n")
    assert [line.split()[1] for line in text.splitlines()[3:7]] == ["safe", "exposed", "rescued", "lost"]
    for said in (
        "== Died (3) ==",
        "== In danger (",
        "Lost: no copy",
        "Saved copy: Wayback Machine",
        "Deleted by its author, found",
        "Seen: “该内容已被发布者删除”",
        "posts/2024-machine-learning.md:",
        "it was shown a wall instead of the article",
    ):
        assert said in text


def _its_picture_is_small(mail: EmailMessage) -> None:
    image = part(mail, "image/png")
    assert image["Content-ID"] == f"<{PICTURE_ID}>"
    assert image["Content-Disposition"].content_disposition == "inline"
    assert image.get_content().startswith(b"\x89PNG")
    assert len(image.get_content()) < 30_000
    assert f'src="cid:{PICTURE_ID}"' in part(mail, "text/html").get_content()


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("zh", "dark")])
def test_a_browser_shows_it_on_a_phone_in_light_and_dark(language: Language, scheme: str) -> None:
    program = browser()
    if program is None:
        pytest.skip("no chromium here: apt-get install chromium fonts-noto-cjk")
    report = replace(QUIET, **HISTORY, died=(change(), change(2, copy=COPY)))
    page = render(report, language, ZONE).page
    shot = photograph(program, page, width=360, scheme=scheme)
    assert shot.width == 720
    assert 1000 < shot.height < 4000
    corner = cast("tuple[int, int, int]", shot.getpixel((2, 2)))
    assert (sum(corner) > 600) is (scheme == "light")
    edge = shot.crop((712, 0, 720, shot.height)).getcolors()
    assert edge is not None
    assert len(edge) == 1  # nothing reaches over the right margin
