"""The picture of the mail: what became of the list, day by day, and how many of its links died each week.

It holds no words, only numbers and dates: its colours are those of the four numbers, and the caption beside it
explains them in the reader's language. matplotlib draws it where it is installed (the extra ``picture``).
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.store.report import Day, Week

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ticker import MaxNLocator

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 400, 250  # CSS pixels; smaller on a phone
PIXELS = 2  # real ones for each of them
INK, PAPER, LINES = "#1b1f23", "#ffffff", "#d7dce0"
ALIVE, RESCUED, LOST = "#00694a", "#0b5c9e", "#b3261e"
DAYS_NEEDED = 2  # one day is no history
MONTHS_FROM = timedelta(days=100)  # a longer history is dated by its months


def draw(days: Sequence[Day], weeks: Sequence[Week]) -> bytes | None:
    """A PNG; the same history gives the same bytes. None where there is no history yet, or no matplotlib."""
    if len(days) < DAYS_NEEDED:
        return None
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow, and an extra
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        log.info(
            "the report has no picture: matplotlib is not installed (pip install 'rotwatch[picture]')",
            extra={"action": "report"},
        )
        return None
    # 72 dots to the inch make matplotlib's points the reader's pixels
    figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72 * PIXELS, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _survival(above, days)
    _deaths(below, weeks)
    first, last = (
        min(days[0].day, *(one.start.date() for one in weeks)),
        max(days[-1].day, *(one.end.date() for one in weeks)),
    )
    below.set_xlim(first, last)  # dates are numbers to matplotlib
    _dates(below, last - first)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None}, pil_kwargs={"optimize": True})
    return file.getvalue()


def _survival(axes: Axes, days: Sequence[Day]) -> None:
    """Of 100 links: those alive, and with the dashes those that can still be read. The scale begins a little below
    the worst day: a list loses a few in a hundred a year."""
    when = [one.day for one in days]
    alive = [100 * one.alive / one.links for one in days]
    readable = [100 * one.readable / one.links for one in days]
    floor = max(0.0, min(alive) - max(1.0, (100 - min(alive)) / 2))
    axes.fill_between(when, alive, readable, color=RESCUED, alpha=0.15, linewidth=0)  # type: ignore[arg-type]
    axes.plot(when, alive, color=ALIVE, linewidth=2.5)  # type: ignore[arg-type]
    axes.plot(when, readable, color=RESCUED, linewidth=2.5, linestyle=(0, (2, 1)))  # type: ignore[arg-type]
    axes.set_ylim(floor, 100 + (100 - floor) / 20)
    axes.yaxis.set_major_locator(_few(3))
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:g}%")
    _plain(axes)


def _deaths(axes: Axes, weeks: Sequence[Week]) -> None:
    """The dead of each week: with a copy below, lost above."""
    width = timedelta(days=5)
    middle = [one.start + (one.end - one.start) / 2 for one in weeks]
    rescued, lost = [one.rescued for one in weeks], [one.lost for one in weeks]
    axes.bar(middle, rescued, width, color=RESCUED)  # type: ignore[arg-type]
    axes.bar(middle, lost, width, bottom=rescued, color=LOST)  # type: ignore[arg-type]
    most = max((one.rescued + one.lost for one in weeks), default=0)
    axes.set_ylim(0, max(1, most) * 1.1)
    axes.yaxis.set_major_locator(_few(2))
    axes.yaxis.set_major_formatter(lambda count, _: f"{count:g}")
    _plain(axes)


def _few(ticks: int) -> MaxNLocator:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    return MaxNLocator(ticks, integer=True)


def _dates(axes: Axes, shown: timedelta) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter  # noqa: PLC0415

    axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=4))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m" if shown > MONTHS_FROM else "%m-%d"))  # type: ignore[no-untyped-call]


def _plain(axes: Axes) -> None:
    axes.set_facecolor(PAPER)
    axes.tick_params(colors=INK, labelsize=13, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LINES)
    axes.grid(axis="y", color=LINES, linewidth=0.8)
    axes.set_axisbelow(True)
