"""Numbers in what is said on a terminal, in English."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 link``, ``25,000 links``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
