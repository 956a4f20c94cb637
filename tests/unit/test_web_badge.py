from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from monitor.report.language import Language
from monitor.store.tally import Tally
from monitor.web.badge import AMBER, GREEN, GREY, RED, svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ["links", "3 dead, 12 at risk"]), ("zh", ["链接", "3 失效，12 有风险"])],
)
def test_it_says_how_many_are_dead_and_at_risk(language: Language, said: list[str]) -> None:
    root: Any = Xml.fromstring(svg(Tally(links=20, dead=3, at_risk=12, lost=1), language))
    assert [text.text for text in root.iter(f"{SVG}text")] == said
    assert root.get("aria-label") == ": ".join(said)


@pytest.mark.parametrize(
    ("numbers", "color"),
    [
        (Tally(links=5, dead=2, lost=1, at_risk=1), RED),
        (Tally(links=5, dead=2, rescued=2, at_risk=1), AMBER),
        (Tally(links=5, dead=2, rescued=2), GREEN),
        (Tally(), GREY),
    ],
)
def test_its_color_is_the_worst_that_can_be_said(numbers: Tally, color: str) -> None:
    root: Any = Xml.fromstring(svg(numbers, "en"))
    assert root.find(f"{SVG}rect").get("fill") == color


def test_its_text_fits() -> None:
    root: Any = Xml.fromstring(svg(Tally(links=30_000, dead=25_000, at_risk=12_000), "en"))
    for text in root.iter(f"{SVG}text"):
        assert float(text.get("x")) + float(text.get("textLength")) < float(root.get("width"))


def test_nothing_in_it_needs_a_style_sheet_that_the_policy_forbids() -> None:
    assert b"style" not in svg(Tally(links=1), "en")
