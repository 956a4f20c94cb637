"""How long links live: the survival curve of a list, by Kaplan and Meier, with its 95 % band. Pure."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass


class NotInstalledError(Exception):
    """The library that computes the curve is missing; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class Life:
    """How many days a link was seen alive, and whether it died then; else nothing is known of it after them."""

    days: float
    died: bool


@dataclass(frozen=True, slots=True)
class Point:
    """The share of links that are still there after so many days; the band is None where it is undefined: before
    the first death and after the last link. ``watched``: links seen alive that long."""

    days: int
    alive: float
    low: float | None
    high: float | None
    watched: int


def curve(lives: Sequence[Life], at_days: Sequence[int]) -> list[Point]:
    """The curve at those days, as far as any link was watched.

    The band is Greenwood's in its log-log form, which stays within 0 and 1 with few deaths.

    :raises NotInstalledError: scipy is missing.
    """
    known = [days for days in at_days if any(life.days >= days for life in lives)]
    if not known:
        return []
    try:
        from scipy.stats import CensoredData, ecdf  # noqa: PLC0415  (a second of start-up, and an extra)
    except ModuleNotFoundError:
        raise NotInstalledError("The survival curve needs scipy: pip install 'rotwatch[stats]'.") from None
    sample = CensoredData(
        uncensored=[life.days for life in lives if life.died],
        right=[life.days for life in lives if not life.died],
    )
    survival = ecdf(sample).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that the band is undefined somewhere
        band = survival.confidence_interval(confidence_level=0.95, method="log-log")
    return [
        _point(
            days,
            survival=[float(line.evaluate(days)) for line in (survival, band.low, band.high)],
            watched=sum(life.days >= days for life in lives),
        )
        for days in known
    ]


def _point(days: int, *, survival: list[float], watched: int) -> Point:
    alive, low, high = survival
    if alive == 1 or math.isnan(low) or math.isnan(high):
        return Point(days, alive, None, None, watched)
    return Point(days, alive, low, high, watched)
