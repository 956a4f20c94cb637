"""Whether two texts are the same article."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model import Sketch
from monitor.platforms.likeness import (
    is_same_title,
    likeness,
    pack,
    resemblance,
    sketch,
    title_likeness,
    unpack,
)

LETTERS = [chr(0x4E00 + number) for number in range(0, 6000, 3)]


def prose(seed: int, length: int = 1800) -> str:
    draw = random.Random(seed)
    return "".join(LETTERS[int(len(LETTERS) * draw.random() ** 2.5)] for _ in range(length))


def test_the_same_text_is_wholly_alike_whatever_its_spaces_and_punctuation() -> None:
    text = "The Fog, in the hills: 2019."
    assert likeness(sketch(text), "the  fog in the HILLS (2021)") == 1.0


@pytest.mark.parametrize(("kept", "low", "high"), [(0.9, 0.82, 0.97), (0.5, 0.38, 0.62), (0.2, 0.1, 0.3)])
def test_likeness_is_the_share_of_the_stored_text_that_is_left(kept: float, low: float, high: float) -> None:
    text = prose(1)
    assert low <= likeness(sketch(text), text[: int(len(text) * kept)]) <= high


def test_an_added_sidebar_takes_nothing_away() -> None:
    assert likeness(sketch(prose(1)), prose(2, 900) + prose(1) + prose(3, 900)) == 1.0


def test_another_article_is_not_alike() -> None:
    assert likeness(sketch(prose(1)), prose(2)) <= 0.02


def test_a_text_without_letters_has_no_sketch() -> None:
    assert sketch("123 !?").total == 0
    assert likeness(sketch(""), "") == 1.0
    assert likeness(sketch(""), "words") == 0.0


def test_a_very_short_text_is_its_own_gram() -> None:
    assert sketch("雾").total == 1
    assert likeness(sketch("雾"), "雾") == 1.0
    assert likeness(sketch("雾"), "山") == 0.0


def test_characters_beyond_the_basic_plane_and_broken_surrogates_count_as_letters() -> None:
    text = "𠀀𠀁𠀂𠀃𠀄" * 3
    assert likeness(sketch(text), text) == 1.0
    assert sketch("ab\ud800cd").sha256


def test_a_sketch_of_today_is_the_one_that_was_stored_years_ago() -> None:
    text = "The Fog, in the hills: 2019. 山里的雾有多大？Σίσυφος \ud800 𠀀𠀁 x²"
    kept = hashlib.sha256(pack(sketch(text))).hexdigest()
    assert kept == "4edeec0f9a86a1028053afd39b3e012a4c370872b98431fa693d456534eac4b6"


def test_a_sketch_keeps_the_smallest_hashes_and_counts_all() -> None:
    found = sketch(prose(1))
    assert len(found.hashes) == 256
    assert list(found.hashes) == sorted(found.hashes)
    assert found.total > 1500


def test_a_sketch_is_the_same_in_every_process() -> None:
    code = "from monitor.platforms.likeness import sketch; print(sketch('山里的雾有多大？').hashes[0])"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert printed == {f"{sketch('山里的雾有多大？').hashes[0]}\n".encode()}


@settings(deadline=None)
@given(st.text())
def test_packing_loses_nothing(text: str) -> None:
    found = sketch(text)
    assert unpack(pack(found)) == found
    assert len(pack(found)) <= 2086


@pytest.mark.parametrize(
    "blob", [b"", b"x" * 37, pack(sketch(prose(1)))[:-1], pack(Sketch((), 0, "00" * 32)) + b"x"]
)
def test_bytes_that_are_no_sketch_are_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match="no packed sketch"):
        unpack(blob)


def test_titles_are_asked_for_only_until_one_is_the_recorded_one() -> None:
    asked = iter(["Contact us", "", "The tea garden in the fog", "never asked for"])
    assert is_same_title("The tea garden", asked)
    assert list(asked) == ["never asked for"]
    assert not is_same_title("The tea garden", ["Contact us", ""])
    assert not is_same_title("!?", ["!?"])


def test_resemblance_goes_both_ways() -> None:
    assert resemblance(prose(1), prose(1)) == 1.0
    assert resemblance(prose(1, 400), prose(1)) < 0.5
    assert resemblance("", "") == 0.0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("雾里的茶园", "雾里的茶园", True),
        ("雾里的茶园", "雾里的茶园（修订）", True),
        ("The tea garden", "the TEA garden!", True),
        ("雾里的茶园", "城里的早市", False),
        ("Part 1: the hills", "Page not found", False),
        ("", "", False),
    ],
)
def test_titles_are_the_same_from_half_of_their_pairs_on(one: str, other: str, *, same: bool) -> None:
    assert (title_likeness(one, other) >= 0.5) is same
