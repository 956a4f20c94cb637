"""The numbers as a badge: "links | 3 dead, 12 at risk"."""

from __future__ import annotations

import unicodedata
from xml.etree import ElementTree as Xml

from aiohttp import web

from monitor.report.language import Language
from monitor.store import tally
from monitor.store.tally import Tally
from monitor.web.window import WINDOW
from monitor.web.words import say

HEIGHT = 20
MARGIN = 6
NARROW, WIDE = 6.6, 11.0  # pixels a character takes at 11 px; the text is stretched to fit exactly
RED, AMBER, GREEN, GREY = "#b3261e", "#8a5200", "#00694a", "#59636e"


async def route(request: web.Request) -> web.Response:
    window = request.app[WINDOW]
    async with window.read() as db:
        numbers = await tally.count(db)
    return web.Response(body=svg(numbers, window.settings.report.language), content_type="image/svg+xml")


def svg(numbers: Tally, language: Language) -> bytes:
    """The badge: red when something is lost, amber when something is in danger, grey when nothing is watched."""
    label = say(language, "badge_label")
    key = "badge_says" if numbers.links else "badge_nothing"
    message = say(language, key, dead=numbers.dead, at_risk=numbers.at_risk)
    color = RED if numbers.lost else AMBER if numbers.at_risk else GREEN if numbers.links else GREY
    left, right = _width(label) + 2 * MARGIN, _width(message) + 2 * MARGIN
    size = {"width": _number(left + right), "height": str(HEIGHT)}
    root = Xml.Element("svg", xmlns="http://www.w3.org/2000/svg", role="img")
    root.attrib.update(size)
    root.set("aria-label", f"{label}: {message}")
    Xml.SubElement(root, "title").text = f"{label}: {message}"
    Xml.SubElement(root, "rect", {**size, "rx": "3", "fill": color})
    Xml.SubElement(
        root, "rect", {"width": _number(left), "height": str(HEIGHT), "rx": "3", "fill": "#30363c"}
    )
    square = {"x": _number(left - 3), "width": "3", "height": str(HEIGHT), "fill": color}
    Xml.SubElement(root, "rect", square)  # no round corner in the middle
    _write(root, label, MARGIN)
    _write(root, message, left + MARGIN)
    image: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return image


def _write(root: Xml.Element, text: str, x: float) -> None:
    place = {"x": _number(x), "y": "14", "textLength": _number(_width(text)), "fill": "#ffffff"}
    font = {
        "font-family": "Verdana,'DejaVu Sans','PingFang SC','Microsoft YaHei',sans-serif",
        "font-size": "11",
    }
    Xml.SubElement(root, "text", place | font).text = text


def _width(text: str) -> float:
    return sum(WIDE if unicodedata.east_asian_width(char) in "WF" else NARROW for char in text)


def _number(pixels: float) -> str:
    return f"{pixels:g}"
