"""Lines of a list as every format yields them, and the finding of a title for each address.

A format's reader turns its input into rows: a row is a line of text with the addresses mentioned in it. ``pair``
then gives each address that has no title of its own the one that stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby

MAX_TITLE = 500
_MAX_TEXT = 200  # a longer paragraph is prose, not a title
_MAX_NEARBY = 100  # a paragraph above an address is its title only if it is as short as one

_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_LABELS = (
    "链接|链接地址|文章链接|原文|原文链接|原文地址|阅读原文|查看原文|来源|出处|转自|转载自|参考|参考链接|参考资料|参见|见|详见|"
    "请见|地址|网址|官网|主页|网站|传送门|点击|点击这里|点这里|点我|戳我|这里|此处|文章|论文|代码|视频|"
    "link|links|url|source|via|from|ref|here|click here|this|read more|paper|code|video|website|homepage|site|article"
)
_LABEL = re.compile(rf"(?:{_LABELS})", re.IGNORECASE)
_LABEL_AT_END = re.compile(rf"(?:^|(?<=[\s(（\[【,，。;；:：\-—|]))(?:{_LABELS})[\s:：]*\Z", re.IGNORECASE)
_BRACKETED = re.compile(r"\[([^\[\]]+)\]")
_SEPARATORS = " \t\u3000:：-–—―|,，、;；=→>`·•\"'"
_LEADING = _SEPARATORS + ")）]】》」』>"
_ENDING = _SEPARATORS + "(（[【《「『<"
_SENTENCE_GOES_ON = tuple("。，；！？,.;!?")
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]{1,20}://", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W_]")


@dataclass(slots=True)
class Mention:
    """An address, its line (from 1), and its title, empty until something gives it one."""

    url: str
    line: int
    title: str = ""


class Kind(Enum):
    """What a row is, apart from the addresses in it."""

    TEXT = "text"
    HEADING = "heading"
    BREAK = "break"  # a rule, a code block, a table: titles do not reach across it


@dataclass(slots=True)
class Row:
    """One line of a list: its text and its mentions in their order.

    ``block``: rows of one paragraph share it. ``container``: ids of the list items and quotations around it,
    outermost first. ``opens_item``: it is the first line of a list item.
    """

    parts: list[str | Mention]
    block: int
    kind: Kind = Kind.TEXT
    container: tuple[int, ...] = ()
    opens_item: bool = False


def clean_title(text: str) -> str:
    """White space collapsed, control and bidi characters removed, at most 500 characters."""
    return _INVISIBLE.sub("", " ".join(text[: 20 * MAX_TITLE].split()))[:MAX_TITLE].strip()


def is_label(text: str) -> bool:
    """Whether a link's text only says that it is a link (``原文链接``, ``here``)."""
    return bool(_LABEL.fullmatch(text.strip(_LEADING + _ENDING)))


def best_cell(cells: Sequence[str], header: Sequence[str] = ()) -> str:
    """The title among the cells of a table row: the column that says so, else the longest text."""
    for name, cell in zip(header, cells, strict=False):
        if _TITLE_COLUMN.fullmatch(name.strip()) and cell.strip():
            return cell
    return max((cell for cell in cells if _LETTER.search(cell) and not is_label(cell)), key=len, default="")


_TITLE_COLUMN = re.compile(
    r"标题|题目|题名|文章|名称|文章标题|title|name|article|text|headline", re.IGNORECASE
)


@dataclass(slots=True)
class _Unit:
    """A line or paragraph that is all addresses or all text."""

    mentions: list[Mention] = field(default_factory=list)
    first: str = ""
    last: str = ""
    container: tuple[int, ...] = ()
    opens_item: bool = False

    @property
    def letter(self) -> str:
        return "U" if self.mentions else "T"


def pair(rows: Iterable[Row]) -> list[Mention]:
    """All mentions in their order, titled as far as the rows tell.

    A title stands in the line of its address, else beside it in its paragraph, else in the paragraph after it,
    unless the list puts its titles first.
    """
    mentions: list[Mention] = []
    segments: list[tuple[str, list[_Unit]]] = [("", [])]  # the heading above, and what stands under it
    for _, group in groupby(rows, key=lambda row: row.block):
        block = list(group)
        for row in block:
            _title_within(row)
            mentions += (part for part in row.parts if isinstance(part, Mention))
        unit = _unit_of(block)
        if unit:
            segments[-1][1].append(unit)
            continue
        segments.append((_text(block[0]) if block[0].kind is Kind.HEADING else "", []))
    titles_first = _titles_come_first(units for _, units in segments)
    for heading, units in segments:
        _pair_units(units, titles_first=titles_first and units[0].letter == "T" if units else False)
        if heading and len(units) == 1 and not is_label(heading):
            _give(units[0], heading)
    return mentions


def _text(row: Row) -> str:
    return clean_title("".join(part for part in row.parts if isinstance(part, str)))


def _trim(text: str) -> str:
    """``text`` without the separators and half brackets that joined it to an address."""
    text = clean_title(text)
    text = text.lstrip(_LEADING).rstrip(_ENDING)
    label = _LABEL_AT_END.search(text)
    if label:
        text = text[: label.start()].rstrip(_ENDING)
    bracketed = _BRACKETED.fullmatch(text)  # a Markdown link in a text that is none
    return bracketed[1].strip() if bracketed else text


def _is_bare(row: Row) -> bool:
    """Whether the row is untitled addresses and nothing else that reads as text."""
    mentions = [part for part in row.parts if isinstance(part, Mention)]
    if not mentions or any(mention.title and not is_label(mention.title) for mention in mentions):
        return False
    return not any(_LETTER.search(_trim(part)) for part in row.parts if isinstance(part, str))


def _title_within(row: Row) -> None:
    """Give the untitled mentions of a line the text that stands before (else after) them in it."""
    mentions = [part for part in row.parts if isinstance(part, Mention)]
    if all(mention.title and not is_label(mention.title) for mention in mentions):
        return
    texts = _texts_between(row.parts)
    before = [_titled(text) for text in texts]
    if before[0]:
        _carry(mentions, texts, before)
    else:
        after = [
            "" if text.lstrip().startswith(_SENTENCE_GOES_ON) else title
            for text, title in zip(texts, before, strict=True)
        ]
        _carry(mentions[::-1], texts[:0:-1], after[:0:-1])


def _texts_between(parts: list[str | Mention]) -> list[str]:
    """The texts before, between and after the mentions: one more than there are mentions."""
    texts: list[list[str]] = [[]]
    for part in parts:
        if isinstance(part, Mention):
            texts.append([])
        else:
            texts[-1].append(part)
    return ["".join(text) for text in texts]


def _carry(mentions: list[Mention], texts: list[str], titles: list[str]) -> None:
    """Name each mention by the title beside it; mentions with nothing between them share one."""
    carried = ""
    for mention, text, title in zip(mentions, texts, titles, strict=False):
        carried = title or ("" if _LETTER.search(text) else carried)
        _name(mention, carried)


def _titled(text: str) -> str:
    """``text`` beside an address as a title, or nothing if it is none."""
    title = _trim(text)
    return (
        title if len(title) <= _MAX_TEXT and len(_LETTER.findall(title)) > 1 and not is_label(title) else ""
    )


def _name(mention: Mention, title: str) -> None:
    if title and (not mention.title or is_label(mention.title)):
        mention.title = title


def _unit_of(block: list[Row]) -> _Unit | None:
    """The block as one unit, or None if it separates what is above it from what is below."""
    worded = [row for row in block if row.kind is not Kind.TEXT or _says_something(row)]
    units = [_unit_of_row(row) for row in worded or block]
    whole = [unit for unit in units if unit]
    if len(whole) == len(units) and len({unit.letter for unit in whole}) == 1:
        mentions = [mention for unit in whole for mention in unit.mentions]
        return _Unit(mentions, whole[0].first, whole[-1].last, whole[0].container, whole[0].opens_item)
    for _, run in groupby(units, key=lambda unit: unit is None):
        lines = [unit for unit in run if unit]
        if lines:
            letters = "".join(line.letter for line in lines)
            titles_first = letters[0] == "T" and (letters[-1] == "U" or letters.count("TU") == 1)
            _pair_units(lines, titles_first=titles_first, shared=True)
    return None


def _unit_of_row(row: Row) -> _Unit | None:
    if row.kind is Kind.BREAK:
        return None
    if _is_bare(row):
        mentions = [part for part in row.parts if isinstance(part, Mention)]
        return _Unit(mentions, container=row.container, opens_item=row.opens_item)
    text = _text(row)
    if (
        row.kind is Kind.HEADING
        or not _WORD.search(text)
        or any(isinstance(part, Mention) for part in row.parts)
    ):
        return None
    return _Unit([], text, text, row.container, row.opens_item)


def _says_something(row: Row) -> bool:
    """Whether the row is more than punctuation."""
    return any(isinstance(part, Mention) or _WORD.search(part) for part in row.parts)


def _titles_come_first(segments: Iterable[list[_Unit]]) -> bool:
    """Whether the list's regular stretches put the title before its address rather than after it."""
    after = before = 0
    for units in segments:
        letters = "".join(unit.letter for unit in units)
        if len(units) > 2 and letters[0] == "T" and _is_intro(units):
            letters = letters[1:]
        pairs = len(letters) // 2
        if letters == "UT" * pairs:
            after += pairs
        elif pairs > 1 and letters == "TU" * pairs:
            before += pairs if all(_is_short(unit) for unit in units if not unit.mentions) else 0
    return before > after


def _is_intro(units: list[_Unit]) -> bool:
    """Whether a stretch begins with a sentence that announces it, unlike its other texts."""
    return units[0].last.endswith((":", "：")) and not any(
        unit.last.endswith((":", "：")) for unit in units[1:]
    )


def _is_short(unit: _Unit) -> bool:
    return len(unit.last) <= _MAX_NEARBY and not unit.last.endswith("。")


def _pair_units(units: list[_Unit], *, titles_first: bool, shared: bool = False) -> None:
    """Give each unit of addresses a neighbour's text; ``shared``: addresses in a row have one title together."""
    used: set[int] = set()
    for address, text in _neighbours(units, -1 if titles_first else 1, shared=shared):
        if titles_first or _may_follow(units[text], units[address], same_block=shared):
            used.add(text)
            _give(units[address], units[text].last if titles_first else units[text].first)
    for address, text in _neighbours(units, -1, shared=False):
        above, unit = units[text], units[address]
        nested = above.container and unit.container[: len(above.container)] == above.container
        if text not in used and _is_short(above) and (nested or above.container == unit.container):
            _give(unit, above.last)


def _neighbours(units: list[_Unit], step: int, *, shared: bool) -> Iterator[tuple[int, int]]:
    """Index pairs (addresses, text): the text comes directly after (step 1) or before (step -1) the addresses."""
    text: int | None = None
    order = range(len(units)) if step < 0 else range(len(units) - 1, -1, -1)
    for index in order:
        if not units[index].mentions:
            text = index
        elif text is not None:
            yield index, text
            if not shared:
                text = None


def _may_follow(text: _Unit, addresses: _Unit, *, same_block: bool) -> bool:
    """Whether the text below can be the title: no item of its own, no quotation, not what announces the next."""
    if text.first.endswith((":", "：")) or len(text.first) > _MAX_TEXT or _OTHER_SCHEME.match(text.first):
        return False
    inside = addresses.container[: len(text.container)] == text.container
    return same_block or (inside and not text.opens_item)


def _give(unit: _Unit, title: str) -> None:
    title = _trim(title)
    for mention in unit.mentions:
        _name(mention, title)
