"""The languages rotwatch speaks: English stands in the code, every other language in a gettext catalogue.

A catalogue is ``monitor/locale/<language>/LC_MESSAGES/rotwatch.po``; installing compiles it (``hatch_build.py``).
"""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["en", "zh"]

LOCALE = Path(__file__).parents[1] / "locale"
DOMAIN = "rotwatch"


@dataclass(frozen=True, slots=True)
class Text:
    """One message in English, with ``{placeholders}``.

    ``many`` is its plural where it has one, and ``counted`` names the value that decides between the two.
    """

    one: str
    many: str = ""
    counted: str = "count"


# the names that the extraction looks for (`make words`): of a message, and of one with a plural
N_ = Text
NN_ = Text


@cache
def _catalogue(language: Language) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    try:
        return gettext.translation(DOMAIN, LOCALE, [language])
    except FileNotFoundError:
        raise FileNotFoundError(
            f"The catalogue {LOCALE / language} is not compiled: install rotwatch (pip install -e .)."
        ) from None


def tell(language: Language, text: Text, **values: object) -> str:
    """``text`` in ``language``, with its values filled in."""
    catalogue = _catalogue(language)
    if text.many:
        count = values[text.counted]
        if not isinstance(count, int):
            raise TypeError(f"{text.counted} of “{text.many}” is no whole number: {count!r}")
        return catalogue.ngettext(text.one, text.many, count).format(**values)
    return catalogue.gettext(text.one).format(**values)
