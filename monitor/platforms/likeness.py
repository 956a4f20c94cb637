"""Whether two texts are the same article: a sketch of the last good copy against the text of today. Pure.

Letters and CJK only, in lower case; every run of four characters is one gram, hashed to 64 bits; the 256 smallest
hashes are kept. Ten percent edited gives about 0.89, cut in half 0.50, another article of the same author at most 0.02
(docs/policy.md, "Is it the article?").
"""

from __future__ import annotations

import hashlib
import re
import string
import struct
from collections.abc import Iterable
from operator import add
from typing import TYPE_CHECKING

from monitor.model import Sketch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

SAME = 0.80
DRIFTED = 0.30
SAME_TITLE = 0.50

_KEPT = 256
_GRAM = 4
_MAX_CHARACTERS = 60_000  # a long essay; keeps the worst case at some 30 ms
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_NOT_IN_TITLES = re.compile(r"[\W_]+")
_ASCII_NOT_LETTERS = bytes(code for code in range(128) if chr(code) not in string.ascii_letters)
_MULTIPLIER = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio: neighbours land far apart
_HEAD = struct.Struct("<32sIH")


def sketch(text: str) -> Sketch:
    """The fingerprint of a text. A text without letters has no hashes and a ``total`` of 0."""
    letters = _letters(text)
    hashes = _hashes(letters)
    digest = _digest(letters)
    return Sketch(tuple(hashes[:_KEPT].tolist()), len(hashes), digest)


def text_digest(text: str) -> str:
    """The ``sha256`` of the sketch of a text, without the sketch."""
    return _digest(_letters(text))


def likeness(stored: Sketch, text: str) -> float:
    """The share (0..1) of the stored hashes found among all hashes of ``text``.

    Text that was added does not lower it, text that was lost or rewritten does.
    """
    letters = _letters(text)
    if not stored.hashes:
        return 0.0 if letters else 1.0
    if not letters:
        return 0.0
    import numpy as np  # noqa: PLC0415 -- as below

    wanted, hashes = np.array(stored.hashes, "<u8"), _hashes(letters)
    nearest = hashes.take(hashes.searchsorted(wanted), mode="clip")
    return int(np.count_nonzero(nearest == wanted)) / len(wanted)


def resemblance(a: str, b: str) -> float:
    """Jaccard of the 4-grams of two texts, 0..1: also tells that one has much that the other lacks."""
    return _jaccard(_grams(_letters(a), _GRAM), _grams(_letters(b), _GRAM))


def title_likeness(a: str, b: str) -> float:
    """Jaccard of the 2-grams of two titles, 0..1; 0.5 and more means the same title."""
    return _jaccard(_pairs(a), _pairs(b))


def is_same_title(recorded: str, titles: Iterable[str]) -> bool:
    """Whether one of the titles is the recorded one; they are asked for only until one is."""
    wanted, others = _pairs(recorded), {""}
    for title in titles:
        if title not in others and _jaccard(wanted, _pairs(title)) >= SAME_TITLE:
            return True
        others.add(title)
    return False


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


def _digest(letters: str) -> str:
    return hashlib.sha256(letters.encode("utf-8", "surrogatepass")).hexdigest()


def _letters(text: str) -> str:
    # most of what is no letter is ASCII, and bytes are rid of it thirty times as fast
    plain = text[:_MAX_CHARACTERS].encode("utf-8", "surrogatepass").translate(None, _ASCII_NOT_LETTERS)
    letters = plain.decode("utf-8", "surrogatepass")
    return (letters if letters.isascii() else _NOT_LETTERS.sub("", letters)).lower()


def _grams(letters: str, size: int) -> set[str]:
    return {letters[i : i + size] for i in range(max(1, len(letters) - size + 1))} if letters else set()


def _pairs(title: str) -> set[str]:
    # Digits stay: "Part 1" and "Part 2" are two articles.
    letters = _NOT_IN_TITLES.sub("", title[:1000]).lower()
    return set(map(add, letters, letters[1:])) or set(letters)


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a and b else 0.0


def _hashes(letters: str) -> Hashes:
    """The hashes of all grams, ``(gram ^ gram >> 31) * _MULTIPLIER`` modulo 2**64, each once, smallest first.

    Four UTF-16 units are 64 bits, so the grams of a text are its bytes read as integers, one at every second byte. The
    multiplication makes "smallest" a fair draw, and no two grams have the same hash.
    """
    import numpy as np  # noqa: PLC0415 -- a tenth of a second, and most commands compare nothing

    units = letters.encode("utf-16-le", "surrogatepass").ljust(2 * _GRAM, b"\0")  # fewer letters are one gram
    number = len(units) // 2 - _GRAM + 1 if letters else 0
    grams: Hashes = np.ndarray(number, "<u8", units, strides=(2,))
    hashes = grams >> np.uint64(31)
    hashes ^= grams
    hashes *= np.uint64(_MULTIPLIER)
    hashes.sort()
    first = np.ones(number, bool)
    np.not_equal(hashes[1:], hashes[:-1], out=first[1:])
    return hashes[first]
