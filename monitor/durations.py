"""Lengths of time as people write them: 90m, 24h, 7d, 4w."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
AT_MOST = timedelta(days=36_525)


def duration(text: str) -> timedelta:
    """A whole number and a unit; never nothing, and a hundred years at most.

    :raises ValueError: it is none; one sentence.
    """
    found = re.fullmatch(r"([0-9]{1,8})([mhdw])", text.strip().lower())
    length = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else timedelta(0)
    if not timedelta(0) < length <= AT_MOST:
        raise ValueError(f"{text!r} is no length of time: write it like 90m, 24h, 7d or 4w.")
    return length
