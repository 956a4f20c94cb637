"""Whether two texts are the same article: a sketch of the last good copy against the text of today. Pure.

Letters and CJK only, in lower case; every run of four characters is one gram, hashed to 64 bits; the 256 smallest
hashes are kept. Ten percent edited gives about 0.89, cut in half 0.50, another article of the same author at most 0.02
(docs/policy.md, "Is it the article?").
"""

from __future__ import annotations

import hashlib
import re
import struct
import sys
from array import array

from monitor.model import Sketch

SAME = 0.80
DRIFTED = 0.30
SAME_TITLE = 0.50

_KEPT = 256
_GRAM = 4
_MAX_CHARACTERS = 60_000  # a long essay; keeps the worst case at some 30 ms
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_LOWER = 0 if sys.byteorder == "little" else 1  # the half of 128 bits that counts less
_MULTIPLIER = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio: neighbours land far apart
_HEAD = struct.Struct("<32sIH")


def sketch(text: str) -> Sketch:
    """The fingerprint of a text. A text without letters has no hashes and a ``total`` of 0."""
    letters = _letters(text)
    hashes = _hashes(letters)
    digest = hashlib.sha256(letters.encode("utf-8", "surrogatepass")).hexdigest()
    return Sketch(tuple(_smallest(hashes)), len(hashes), digest)


def _smallest(hashes: set[int]) -> list[int]:
    """The smallest that are kept. Hashes are spread evenly, so a bound leaves little to sort."""
    bound = (4 * _KEPT << 64) // max(len(hashes), 1)
    few = [one for one in hashes if one < bound]
    return sorted(few if len(few) >= _KEPT else hashes)[:_KEPT]


def likeness(stored: Sketch, text: str) -> float:
    """The share (0..1) of the stored hashes found among all hashes of ``text``.

    Text that was added does not lower it, text that was lost or rewritten does.
    """
    hashes = _hashes(_letters(text))
    if not stored.hashes:
        return 0.0 if hashes else 1.0
    return len(hashes.intersection(stored.hashes)) / len(stored.hashes)


def resemblance(a: str, b: str) -> float:
    """Jaccard of the 4-grams of two texts, 0..1: also tells that one has much that the other lacks."""
    return _jaccard(_grams(_letters(a), _GRAM), _grams(_letters(b), _GRAM))


def title_likeness(a: str, b: str) -> float:
    """Jaccard of the 2-grams of two titles, 0..1; 0.5 and more means the same title."""
    return _jaccard(_pairs(a), _pairs(b))


def pack(sketch: Sketch) -> bytes:
    """A sketch as at most 2,086 bytes for the database."""
    head = _HEAD.pack(bytes.fromhex(sketch.sha256), min(sketch.total, 0xFFFFFFFF), len(sketch.hashes))
    return head + struct.pack(f"<{len(sketch.hashes)}Q", *sketch.hashes)


def unpack(blob: bytes) -> Sketch:
    """The sketch that :func:`pack` wrote. Raises ValueError for bytes that are none."""
    try:
        digest, total, count = _HEAD.unpack_from(blob)
        hashes = struct.unpack(f"<{count}Q", blob[_HEAD.size :])
    except struct.error as error:
        raise ValueError("These bytes are no packed sketch.") from error
    return Sketch(hashes, total, digest.hex())


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text[:_MAX_CHARACTERS]).lower()


def _grams(letters: str, size: int) -> set[str]:
    return {letters[i : i + size] for i in range(max(1, len(letters) - size + 1))} if letters else set()


def _pairs(title: str) -> set[str]:
    # Digits stay: "Part 1" and "Part 2" are two articles.
    return _grams(re.sub(r"[\W_]+", "", title[:1000]).lower(), 2)


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a and b else 0.0


def _hashes(letters: str) -> set[int]:
    """The hash of every gram, ``(gram ^ gram >> 31) * _MULTIPLIER`` modulo 2**64.

    Four UTF-16 units are 64 bits, so the grams of a text are its bytes read as integers at four offsets. The
    multiplication makes "smallest" a fair draw.
    """
    if not letters:
        return set()
    units = letters.encode("utf-16-le", "surrogatepass")
    units += b"\0" * (8 - len(units))  # fewer than four letters are one gram
    grams: set[int] = set()
    for offset in range(0, 8, 2):
        count = (len(units) - offset) // 8
        grams.update(struct.unpack_from(f"<{count}Q", units, offset))
    return set(_mixed(grams))


def _mixed(grams: set[int]) -> array[int]:
    """All grams hashed at once, as the digits of one large number, 128 bits apart so that none carries over."""
    places = array("Q", bytes(16 * len(grams)))
    places[_LOWER::2] = array("Q", grams)
    digits = int.from_bytes(places.tobytes(), sys.byteorder)
    lower = int.from_bytes((b"\xff" * 8 + b"\0" * 8) * len(grams), "little")
    mixed = (digits ^ (digits >> 31 & lower)) * _MULTIPLIER
    return array("Q", mixed.to_bytes(16 * len(grams), sys.byteorder))[_LOWER::2]
