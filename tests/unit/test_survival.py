from __future__ import annotations

import sys

import pytest

from monitor.survival import Life, NotInstalledError, Point, curve

# Freireich 1963, weeks of remission on 6-MP: the textbook case of the estimator
DIED = (6, 6, 6, 7, 10, 13, 16, 22, 23)
LEFT = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
TEXTBOOK = [*(Life(days, died=True) for days in DIED), *(Life(days, died=False) for days in LEFT)]


def test_the_curve_is_the_textbooks() -> None:
    points = {point.days: point for point in curve(TEXTBOOK, (6, 10, 13, 23, 30))}
    assert {days: round(point.alive, 3) for days, point in points.items()} == {
        6: 0.857,
        10: 0.753,
        13: 0.690,
        23: 0.448,
        30: 0.448,
    }
    assert (points[6].watched, points[23].watched) == (21, 6)
    low, high = points[10].low, points[10].high
    assert low is not None
    assert high is not None
    assert (round(low, 3), round(high, 3)) == (0.503, 0.889)


def test_no_point_lies_beyond_what_was_watched() -> None:
    assert [point.days for point in curve(TEXTBOOK, (35, 36, 365))] == [35]


def test_without_a_death_everything_is_there_and_no_band_is_made_up() -> None:
    assert curve([Life(40, died=False)] * 3, (30, 90)) == [Point(30, 1.0, None, None, 3)]


def test_when_all_died_nothing_is_left_and_no_band_is_made_up() -> None:
    [point] = curve([Life(10, died=True), Life(30, died=True)], (30,))
    assert (point.alive, point.low, point.high) == (0.0, None, None)


def test_no_lives_no_curve() -> None:
    assert curve([], (30,)) == []


def test_without_the_library_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(NotInstalledError, match=r"pip install 'rotwatch\[stats\]'"):
        curve(TEXTBOOK, (6,))
