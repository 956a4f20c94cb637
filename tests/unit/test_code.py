"""What is not to be written anywhere in the package, however well it reads."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "monitor"


def test_nobody_waits_in_a_way_that_swallows_a_cancellation() -> None:
    """``asyncio.wait_for`` of Python 3.11 does when what it waits for comes at that moment (gh-86296): a task that was
    told to end goes on for ever. ``asyncio.timeout`` does not."""
    found = {
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr == "wait_for")
        or (isinstance(node, ast.Name) and node.id == "wait_for")
    }
    assert found == set()
