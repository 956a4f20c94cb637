"""SECURITY.md and docs/reliability.md name the test of each line: each must exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = ("SECURITY.md", "docs/reliability.md")
# lines that say themselves that there is no test, and why
WITHOUT = ("the program in a place that others may write", "a dependency has a known hole")


def existing_tests() -> set[str]:
    return {
        name
        for file in (REPOSITORY / "tests").rglob("test_*.py")
        for name in re.findall(
            r"^(?:async )?def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE
        )
    }


def rows(document: str) -> list[list[str]]:
    """The lines of all tables with a column of tests, as cells."""
    found, is_wanted = [], False
    for line in (REPOSITORY / document).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            is_wanted = False
        elif cells[-1] == "test":
            is_wanted = True
        elif is_wanted and not cells[0].startswith("---"):
            found.append(cells)
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_line_of_a_table_names_a_test_that_exists(document: str) -> None:
    existing, lines = existing_tests(), rows(document)
    assert len(lines) > 20
    for cells in lines:
        assert len(cells) == 3, cells
        named = re.findall(r"`(test_\w+)`", cells[-1])
        assert named or cells[0] in WITHOUT, cells[0]
        assert [name for name in named if name not in existing] == [], cells[0]
