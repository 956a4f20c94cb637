from __future__ import annotations

from datetime import timedelta

import click
import pytest

from monitor.cli.durations import DURATION


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        (" 4W ", timedelta(weeks=4)),
    ],
)
def test_lengths_of_time(written: str, length: timedelta) -> None:
    assert DURATION.convert(written, None, None) == length


@pytest.mark.parametrize("written", ["", "7", "d", "-1d", "0d", "1.5d", "1y", "99999999w", "٣d", "7d7h"])
def test_what_is_none_says_how_to_write_it(written: str) -> None:
    with pytest.raises(click.BadParameter, match="write it like 90m, 24h, 7d or 4w"):
        DURATION.convert(written, None, None)
