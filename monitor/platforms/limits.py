"""How much of a page can be parsed without being made to pay for it.

A tree builder walks its stack of open elements at almost every tag, re-creates unclosed ``<font>`` elements at every
paragraph, compares each attribute with those before it, merges the attributes of a second ``<body>`` into the first,
and looks through the whole ``<select>`` at every ``<option>``. A few hundred kilobytes of ``<div><div>…`` or
``<a a1 a2 a3 …>`` therefore cost seconds (measured with Lexbor: 256 kB, 4.4 s and 3.0 s). Such a page is cut where it
begins to be expensive. No honest page comes near these limits, and what a browser shows first is above the cut.
"""

from __future__ import annotations

import re
from collections import Counter

MAX_CHARACTERS = 4_000_000
_TINY = 2_048  # characters: the worst that could be found takes 0.04 s
_USUAL = 200_000  # characters: hardly any longer page has few tags
_MAX_TAGS = 25_000
_MAX_DEPTH = 512  # Chrome's own limit
_MAX_OPENINGS = 150_000  # "<" in all; more is markup made to be slow
_SHORTENED = 400_000
_MAX_STEPS = 10_000_000  # open elements, summed over all tags; squares of attribute counts
_MAX_REOPENED = 100_000  # unclosed formatting elements, summed over all tags
_MAX_ATTRIBUTES = 256
_MAX_NAMES = 1_000
_MAX_OF = {"option": 3_000, "optgroup": 1_000, "body": 20, "html": 20}

# Comments, and what a parser makes one (13.2.5.41 to 13.2.5.53): a "<script>" in them is none.
_COMMENT = r"(?:!--(?!-?>)[^-]*+(?:-(?!-!?>)[^-]*+)*+(?:--!?>)?|(?:[!?]|/(?![A-Za-z>]))[^>]*+>?)"
_TAG = re.compile(rf"<(?:(/?)([A-Za-z][^\s/>]*)|{_COMMENT})")
# The rest of a well-written tag with up to sixteen attributes; anything else is counted attribute by attribute.
_PLAIN = r"""(?:[ \t\r\n\f]+[^ \t\r\n\f/>="'<]+(?:=(?:"[^"]*"|'[^']*'|[^ \t\r\n\f"'=<>`]+))?+){0,16}+[ \t\r\n\f]*/?>"""
_PLAIN_TAG = re.compile(_PLAIN)
# One attribute as HTML reads it (13.2.5.32 to 13.2.5.38): hardly anything is not one.
_ATTRIBUTE = re.compile(
    r"""[ \t\r\n\f/]*+[^ \t\r\n\f/>][^ \t\r\n\f/>=]*+"""
    r"""(?:[ \t\r\n\f]*+=[ \t\r\n\f]*+(?:"[^"]*+"?|'[^']*+'?|[^ \t\r\n\f>"'][^ \t\r\n\f>]*)?+)?+"""
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RAW_END = {
    name: re.compile(rf"(?ai)</{name}")
    for name in _words("script style textarea title xmp iframe noembed noframes")
}
_NEVER_OPEN = _words(
    "area base br col embed hr img input link meta param source track wbr "
    # closed by their next sibling, so they do not nest by themselves
    "p li dt dd td th tr option optgroup rp rt html head body"
)
_FORMATTING = _words("a b big code em font i nobr s small strike strong tt u")
# Every tag of a page at once: the name of an end tag, of a start tag, and something where a start tag is not plain.
# Elements of raw text are taken with all that is in them, and leave three empty names.
_TAGS = re.compile(
    rf"<(?:(?ai:({'|'.join(_RAW_END)}))(?=[\s/>])(?:{_PLAIN})[^<]*+(?:<(?!/(?ai:\1))[^<]*+)*+(?:</(?ai:\1))?"
    r"|/([A-Za-z][^\s/>]*+)"
    rf"|([A-Za-z][^\s/>]*+)(?:{_PLAIN}|([\s\S]?))|{_COMMENT})"
)
# Wherever a tag may begin, whatever state the parser would be in: nothing where it is plain, a letter where it is not,
# and the names that have limits of their own.
_LIMITED = rf"(?ai:{'|'.join(_MAX_OF)})"
_OPENINGS = re.compile(
    rf"<(?=/?[A-Za-z])(?=(?!{_LIMITED})/?[A-Za-z][^\s/<>]*+{_PLAIN}|({_LIMITED}(?={_PLAIN})|[\s\S]))"
)


def parsable_length(markup: str) -> int:
    """How many characters of ``markup``, from its beginning, are safe to parse. Linear in their number."""
    if len(markup) <= _TINY or (len(markup) <= _USUAL and _is_small(markup)):
        return len(markup)
    end = min(len(markup), MAX_CHARACTERS)
    openings = markup.count("<", 0, end)
    if openings <= _MAX_TAGS and end == len(markup) and _is_modest(markup):
        return end
    if openings > _MAX_OPENINGS:
        end = min(end, _SHORTENED)
    work = _Work(markup)
    position = 0
    while (tag := _TAG.search(markup, position, end)) is not None:
        if tag[2] is None:
            position = tag.end()
            continue
        if not work.affords(tag):
            return tag.start()
        position = work.resume
    return end


def _is_small(markup: str) -> bool:
    """Whether a page has so few tags, all of them plain, that it is affordable in whatever order they stand.

    Of ``tags`` tags no more are open at once, so no sum over them exceeds half their square.
    """
    found = _OPENINGS.findall(markup)
    tags, special = len(found), list(filter(None, found))
    return (
        tags <= min(_MAX_DEPTH, _MAX_NAMES)
        and tags * tags <= 2 * min(_MAX_STEPS, _MAX_REOPENED)
        and len(special) <= min(_MAX_OF.values())
        and all(len(name) > 1 for name in special)
    )


def _is_modest(markup: str) -> bool:
    """Whether a page of at most ``_MAX_TAGS`` is affordable as a whole and its tags are plain.

    It counts as :class:`_Work` does, several times faster: nearly all pages need no more.
    """
    opened: dict[str, int] = {}
    seen: dict[str, int] = {}
    depth = formatting = steps = reopened = 0
    for _, end, start, odd in _TAGS.findall(markup):
        steps += depth
        reopened += formatting
        if end:
            name = end.lower()
            if opened.get(name):
                opened[name] -= 1
                depth -= 1
                formatting -= name in _FORMATTING
        elif start:
            name = start.lower()
            if name not in _NEVER_OPEN:
                opened[name] = opened.get(name, 0) + 1
                depth += 1
                formatting += name in _FORMATTING
            elif name in _MAX_OF:
                seen[name] = seen.get(name, 0) + 1
            if odd or depth > _MAX_DEPTH:
                return False
    few = all(count <= _MAX_OF[name] for name, count in seen.items())
    return few and steps <= _MAX_STEPS and reopened <= _MAX_REOPENED and len(opened) <= _MAX_NAMES


class _Work:
    """What the tree builder will have to do for the tags read so far."""

    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._open: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._depth = self._formatting = self._tags = self._steps = self._reopened = 0
        self.resume = 0

    def affords(self, tag: re.Match[str]) -> bool:
        name = tag[2].lower()
        self.resume = tag.end()
        self._tags += 1
        self._steps += self._depth
        self._reopened += self._formatting
        if tag[1]:
            # An end tag that closes nothing is ignored by the parser too.
            if self._open[name]:
                self._open[name] -= 1
                self._depth -= 1
                self._formatting -= name in _FORMATTING
        elif not self._begin(name):
            return False
        return (
            self._tags <= _MAX_TAGS
            and self._depth <= _MAX_DEPTH
            and self._steps <= _MAX_STEPS
            and self._reopened <= _MAX_REOPENED
            and len(self._open) <= _MAX_NAMES
        )

    def _begin(self, name: str) -> bool:
        if not self._few_attributes():
            return False
        if name in _RAW_END:
            end = _RAW_END[name].search(self._markup, self.resume)
            self.resume = end.end() if end else len(self._markup)
        elif name not in _NEVER_OPEN:
            self._open[name] += 1
            self._depth += 1
            self._formatting += name in _FORMATTING
        elif name in _MAX_OF:
            self._seen[name] += 1
            return self._seen[name] <= _MAX_OF[name]
        return True

    def _few_attributes(self) -> bool:
        if plain := _PLAIN_TAG.match(self._markup, self.resume):
            self.resume = plain.end()
            return True
        for count in range(_MAX_ATTRIBUTES):
            attribute = _ATTRIBUTE.match(self._markup, self.resume)
            if attribute is None:
                self._steps += count * (count + 64)  # to parse, and for us to count
                return True
            self.resume = attribute.end()
        return False
