from __future__ import annotations

from string import Formatter

import pytest
from babel.messages import Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from monitor.report.language import DOMAIN, LOCALE, N_, NN_, Language, tell

CATALOGUE = LOCALE / "zh" / "LC_MESSAGES" / f"{DOMAIN}.po"
MARKERS = {"N_": None, "NN_": (1, 2)}


def translated() -> list[Message]:
    with CATALOGUE.open("rb") as file:
        return [message for message in read_po(file, abort_invalid=True) if message.id]


def strings(text: object) -> tuple[str, ...]:
    """A message or its translation, with its plural where it has one."""
    return tuple(map(str, text)) if isinstance(text, tuple | list) else (str(text or ""),)


def marked() -> set[tuple[str, ...]]:
    found = extract_from_dir(LOCALE.parent, keywords=MARKERS, method_map=[("**.py", "python")])
    return {strings(message) for _, _, message, _, _ in found}


def placeholders(text: str) -> set[str]:
    return {f"{name}:{spec}" for _, name, spec, _ in Formatter().parse(text) if name}


def test_every_message_has_a_translation_and_none_is_stale() -> None:
    in_code = marked()
    assert len(in_code) > 150
    assert in_code == {strings(message.id) for message in translated()}, "run: make words"


def test_a_translation_tells_the_same_values_as_its_message() -> None:
    for message in translated():
        assert not message.fuzzy, message.id
        for string in strings(message.string):
            assert string, message.id
            assert string.isprintable()
            assert placeholders(string) == placeholders(strings(message.id)[-1]), message.id


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = [message for message in read_mo(file) if message.id]
    assert {strings(one.id)[0]: strings(one.string) for one in compiled} == {
        strings(one.id)[0]: strings(one.string) for one in translated()
    }, "run: make words"


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [("en", 1, "1 day"), ("en", 0, "0 days"), ("en", 2, "2 days"), ("zh", 1, "1 天"), ("zh", 2, "2 天")],
)
def test_the_number_decides_the_plural(language: Language, count: int, said: str) -> None:
    assert tell(language, NN_("{count} day", "{count} days"), count=count) == said


def test_what_no_catalogue_knows_is_said_in_english() -> None:
    assert tell("zh", N_("a message nobody translated yet")) == "a message nobody translated yet"


def test_a_plural_without_a_whole_number_is_an_error() -> None:
    with pytest.raises(TypeError, match="no whole number"):
        tell("en", NN_("{count} day", "{count} days"), count=1.5)
