"""Lengths of time on the command line."""

from __future__ import annotations

from datetime import timedelta

import click

from monitor.durations import duration


class Duration(click.ParamType[timedelta]):
    """See :func:`monitor.durations.duration`."""

    name = "duration"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return duration(value)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


DURATION = Duration()
