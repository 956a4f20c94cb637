from __future__ import annotations

import re
from pathlib import Path

import pytest

import monitor.web
from monitor.model import Outcome, Status
from monitor.report.words import TEXT as REPORT
from monitor.web.words import TEXT

SAID = re.compile(
    r"""say\.say\(\s*["'](\w+)["']|say\((?:self\.)?language, ["'](\w+)["']|self\.say\(["'](\w+)["']"""
)


def test_every_text_that_is_used_exists() -> None:
    folder = Path(monitor.web.__path__[0])
    files = [*folder.glob("*.py"), *folder.glob("templates/*.html")]
    used = {key for file in files for found in SAID.findall(file.read_text("utf-8")) for key in found if key}
    assert len(used) > 30
    assert used <= TEXT.keys() | REPORT.keys()


@pytest.mark.parametrize("name", [*Status, *Outcome])
def test_every_status_and_outcome_has_a_word(name: str) -> None:
    assert name in TEXT
