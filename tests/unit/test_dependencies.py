"""What is installed beside us. Known holes are looked up by ``make audit``, which needs the network."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def entries() -> list[str]:
    """Each requirement of the lock with the lines that belong to it."""
    return re.split(r"\n(?=[a-z0-9])", LOCK.replace("\\\n", ""))


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def test_every_dependency_is_locked_to_one_version_and_its_hashes() -> None:
    assert len(entries()) > 20
    for entry in entries():
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+", entry), entry
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


def test_nothing_is_taken_from_an_address_or_a_branch() -> None:
    for requirement in PROJECT["dependencies"]:
        assert "@" not in requirement, requirement
    assert not re.search(r"(git\+|https?://|file:)", LOCK)


def test_what_the_project_needs_is_in_the_lock() -> None:
    locked = {name_of(entry) for entry in entries()}
    needed = {name_of(requirement) for requirement in PROJECT["dependencies"]}
    assert needed <= locked
    assert {name_of(one) for one in requires("rotwatch") or () if "extra ==" not in one} <= locked
