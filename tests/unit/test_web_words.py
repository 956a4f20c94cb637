from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import monitor.web
from monitor.model import Outcome, Status
from monitor.report.words import TEXT as REPORT
from monitor.web.words import TEXT

SAID = re.compile(
    r"""say\.say\(\s*["'](\w+)["']|say\((?:self\.)?language, ["'](\w+)["']|self\.say\(["'](\w+)["']"""
)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", TEXT)
def test_both_languages_are_told_the_same(key: str) -> None:
    english, chinese = TEXT[key]
    assert english
    assert chinese
    assert placeholders(english) == placeholders(chinese)


def test_every_text_that_is_used_exists() -> None:
    folder = Path(monitor.web.__path__[0])
    files = [*folder.glob("*.py"), *folder.glob("templates/*.html")]
    used = {key for file in files for found in SAID.findall(file.read_text("utf-8")) for key in found if key}
    assert len(used) > 30
    assert used <= TEXT.keys() | REPORT.keys()


@pytest.mark.parametrize("name", [*Status, *Outcome])
def test_every_status_and_outcome_has_a_word(name: str) -> None:
    assert name in TEXT
