"""Lengths of time on the command line: 90m, 24h, 7d, 4w."""

from __future__ import annotations

import re
from datetime import timedelta

import click

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
AT_MOST = timedelta(days=36_525)


class Duration(click.ParamType[timedelta]):
    """A whole number and a unit; never nothing, and a hundred years at most."""

    name = "duration"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([0-9]{1,8})([mhdw])", value.strip().lower())
        length = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else timedelta(0)
        if not timedelta(0) < length <= AT_MOST:
            self.fail(f"{value!r} is no length of time: write it like 90m, 24h, 7d or 4w.", param, ctx)
        return length


DURATION = Duration()
