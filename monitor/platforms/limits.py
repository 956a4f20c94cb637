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
from collections.abc import Mapping

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

_SPACE = r" \t\r\n\f"  # of HTML; another character is part of a name
# Comments, and what a parser makes one (13.2.5.41 to 13.2.5.53): a "<script>" in them is none.
_COMMENT = r"(?:!--(?!-?>)[^-]*+(?:-(?!-!?>)[^-]*+)*+(?:--!?>)?|(?:[!?]|/(?![A-Za-z>]))[^>]*+>?)"
_TAG = re.compile(rf"<(?:(/?)([A-Za-z][^{_SPACE}/>]*)|{_COMMENT})")
# The rest of a well-written tag with up to sixteen attributes; anything else is counted attribute by attribute.
_FIELDS = r"""(?:[ \t\r\n\f]+[^ \t\r\n\f/>="'<]+(?:=(?:"[^"]*"|'[^']*'|[^ \t\r\n\f"'=<>`]+))?+){0,16}+[ \t\r\n\f]*"""
_PLAIN = f"{_FIELDS}/?>"
_PLAIN_TAG = re.compile(f"{_FIELDS}(/?)>")
# One attribute as HTML reads it (13.2.5.32 to 13.2.5.38): hardly anything is not one.
_ATTRIBUTE = re.compile(
    r"""[ \t\r\n\f/]*+[^ \t\r\n\f/>][^ \t\r\n\f/>=]*+"""
    r"""(?:[ \t\r\n\f]*+=[ \t\r\n\f]*+(?:"[^"]*+"?|'[^']*+'?|[^ \t\r\n\f>"'][^ \t\r\n\f>]*)?+)?+"""
)
_SELF_CLOSED = re.compile(rf"[{_SPACE}/]*/>")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RAW_END = {
    name: re.compile(rf"(?ai)</{name}(?=[{_SPACE}/>])")
    for name in _words("script style textarea title xmp iframe noembed noframes")
}
# What changes how a script ends, by where in it the parser is (13.2.5.4, .20, .27): outside and inside of "<!--", and
# there inside of another "<script>".
_SCRIPT = tuple(
    re.compile(rf"(?ai){marks}")
    for marks in (
        rf"(?P<in><!)(?=--)|(?P<end></script)(?=[{_SPACE}/>])",
        rf"(?P<out>-->)|(?P<in><script)(?=[{_SPACE}/>])|(?P<end></script)(?=[{_SPACE}/>])",
        rf"(?P<out>-->)|(?P<back></script)(?=[{_SPACE}/>])",
    )
)
_NEVER_OPEN = _words(
    "area base br col embed hr img input link meta param source track wbr "
    # closed by their next sibling, so they do not nest by themselves
    "p li dt dd td th tr option optgroup rp rt html head body"
)
# What ends a drawing it stands in (13.2.6.5), of these.
_ENDS_DRAWING = _words("br embed hr img meta p li dt dd head body")
_FORMATTING = _words("a b big code em font i nobr s small strike strong tt u")
# In a drawing or formula "/>" closes, title, style and script are no raw text, and its end closes all that is in it
# (13.2.6.5), as long as nothing ends it early or lets HTML in. So one is known to be sound by its names, and by having
# no markup in what HTML would take for raw text or a comment.
_DRAWINGS = _words("svg math")
_DRAWN = _words(
    "animate animatemotion animatetransform circle clippath defs ellipse filter g image line lineargradient marker "
    "mask metadata mpath path pattern polygon polyline radialgradient rect set stop switch symbol text textpath tspan "
    "use view feblend fecolormatrix fecomponenttransfer fecomposite fedropshadow feflood fefunca fefuncb fefuncg "
    "fefuncr fegaussianblur feimage femerge femergenode feoffset feturbulence "
    "sodipodi:namedview inkscape:grid rdf:rdf cc:work dc:format dc:type dc:title "
    "annotation maction menclose mfrac mmultiscripts mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle "
    "msub msubsup msup mtable mtd mtr munder munderover none semantics"
)
_WRITTEN = _words("title desc style mi mo mn ms mtext")  # sound with text alone
_SILENT = r"!--[^<>-]*+(?:-[^<>-]++)*+-->|!\[CDATA\[[^<>]*+\]\]>"
_NO_MARKUP = re.compile(f"<(?:{_SILENT})")
_FOREIGN = _DRAWINGS | _DRAWN | _WRITTEN
_TEXT = rf"{_FIELDS}>[^<]*+(?:<(?:{_SILENT})[^<]*+)*+</"
_INSIDE = (
    rf"{_FIELDS}>[^<]*+(?:<(?:/?(?ai:{'|'.join(sorted(_DRAWN))})(?=[{_SPACE}/>]){_PLAIN}"
    rf"|(?ai:{'|'.join(f'{name}{_TEXT}{name}' for name in sorted(_WRITTEN))})[{_SPACE}]*+>"
    rf"|{_SILENT})[^<]*+)*+</"
)
_DRAWING = rf"(?ai:svg{_INSIDE}svg|math{_INSIDE}math)[{_SPACE}]*+>"
_WHOLE_DRAWING = re.compile(f"<{_DRAWING}")
_HAS_TEXT = re.compile(rf"(?ai)<(?:{'|'.join(sorted(_WRITTEN))})[{_SPACE}>]")
# Every tag of a page at once: a script inside of raw text, a whole drawing, the name of an end tag, of a start tag, and
# something where a start tag is not plain. Raw text is taken with its element. No group is in a possessive repetition:
# Python 3.11 may fail there (gh-101955).
_TAGS = re.compile(
    rf"<(?:(?ai:({'|'.join(_RAW_END)}))(?=[{_SPACE}/>])(?:{_PLAIN})"
    rf"[^<]*+(?:<(?!(?:/(?ai:\1)|(?ai:script))[{_SPACE}/>])[^<]*+)*+(?:</(?ai:\1)|<(?ai:(script)))?"
    rf"|(?ai:(?=svg|math))({_DRAWING})"
    rf"|/([A-Za-z][^{_SPACE}/>]*+)"
    rf"|([A-Za-z][^{_SPACE}/>]*+)(?:{_PLAIN}|([\s\S]?))|{_COMMENT})"
)
# Wherever a tag may begin, whatever state the parser would be in: nothing where it is plain, a letter where it is not,
# and the names that have limits of their own.
_LIMITED = rf"(?ai:{'|'.join(_MAX_OF)})"
_OPENINGS = re.compile(
    rf"<(?=/?[A-Za-z])(?=(?!{_LIMITED})/?[A-Za-z][^\s/<>]*+{_PLAIN}|({_LIMITED}(?={_PLAIN})|[\s\S]))"
)


def parsable_length(markup: str) -> int:
    """How many characters of ``markup``, from its beginning, are safe to parse. Linear in their number."""
    # the Kelvin sign, whose lower case is "k" for us and not for HTML
    markup = markup.replace("\u212a", "\ufffd")
    if len(markup) <= _TINY or (len(markup) <= _USUAL and _is_small(markup)):
        return len(markup)
    end = min(len(markup), MAX_CHARACTERS)
    openings = markup.count("<", 0, end)
    if openings <= _MAX_TAGS and end == len(markup) and _is_modest(markup):
        return end
    if openings > _MAX_OPENINGS:
        end = min(end, _SHORTENED)
    work = _Work(markup)
    while (tag := _TAG.search(markup, work.resume, end)) is not None:
        if tag[2] is None:
            work.skip(tag)
        elif not work.affords(tag):
            return tag.start()
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
    depth = loose = formatting = steps = reopened = 0
    for _, nested, drawing, end, start, odd in _TAGS.findall(markup):
        steps += depth + loose
        reopened += formatting
        if end:
            name = end.lower()
            if opened.get(name):
                opened[name] -= 1
                depth -= 1
                formatting -= name in _FORMATTING
            elif loose and name in _FOREIGN:
                return False
        elif start:
            name = start.lower()
            if name not in _NEVER_OPEN:
                opened[name] = opened.get(name, 0) + 1
                depth += 1
                formatting += name in _FORMATTING
            elif name in _MAX_OF:
                seen[name] = seen.get(name, 0) + 1
            if odd or depth > _MAX_DEPTH or name in _DRAWINGS:
                return False
        elif drawing:
            inside = drawing.count("<") + 1
            steps += inside * (depth + loose + inside)
            reopened += inside * formatting
            if depth + inside > _MAX_DEPTH or len(opened) + inside > _MAX_NAMES or _has_drawn(opened):
                return False
            loose += inside if formatting and _HAS_TEXT.search(drawing) else 0
        elif nested:
            return False
    few = all(count <= _MAX_OF[name] for name, count in seen.items())
    sure = not loose or "<![CDATA[" not in markup
    return few and sure and steps <= _MAX_STEPS and reopened <= _MAX_REOPENED and len(opened) <= _MAX_NAMES


def _has_drawn(opened: Mapping[str, int]) -> bool:
    """Whether an element is open whose end tag, in a drawing, would end the drawing."""
    return any(opened[name] for name in opened.keys() & _DRAWN)


def _script_end(markup: str, start: int) -> int:
    """Behind the name of the end tag of a script that begins here."""
    state, position = 0, start
    while (mark := _SCRIPT[state].search(markup, position)) is not None:
        position = mark.end()
        if mark.lastgroup == "end":
            return position
        state = {"in": state + 1, "back": state - 1, "out": 0}[mark.lastgroup or ""]
    return len(markup)


class _Work:
    """What the tree builder will have to do for the tags read so far.

    Where a drawing is not known to be sound, it is unsure what is foreign from there on: "/>" may close or not, which
    costs a loose level: one that may still be open, and is a step for each later tag. Raw text may be markup or not:
    from the first that has any, each "<" with a name is taken for a tag that is never closed.
    """

    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._open: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._depth = self._loose = self._formatting = self._tags = self._steps = self._reopened = 0
        self._unsure = self._blind = self._closed = False
        self._drawing_end = 0
        self._outside: tuple[int, int, Counter[str]] | None = None
        self.resume = 0

    def skip(self, comment: re.Match[str]) -> None:
        """Go on behind a comment, unless the parser may see markup in it."""
        start = comment.start()
        if (self._unsure or self._loose) and self._markup.startswith("<![CDATA[", start):
            self._blind |= _NO_MARKUP.match(self._markup, start) is None
        self.resume = start + 1 if self._blind else comment.end()

    def affords(self, tag: re.Match[str]) -> bool:
        """Whether the page is affordable up to the end of this tag; go on behind it."""
        if self._outside is not None and tag.start() >= self._drawing_end:
            self._depth, self._formatting, self._open = self._outside
            self._outside = None
        name = tag[2].lower()
        self.resume = tag.end()
        self._tags += 1
        self._steps += self._depth + self._loose
        self._reopened += self._formatting
        if tag[1]:
            self._end(name)
        elif not (self._guess(name) if self._blind else self._begin(name, tag.start())):
            return False
        return (
            self._tags <= _MAX_TAGS
            and self._depth <= _MAX_DEPTH
            and self._steps <= _MAX_STEPS
            and self._reopened <= _MAX_REOPENED
            and len(self._open) <= _MAX_NAMES
        )

    def _end(self, name: str) -> None:
        # An end tag that closes nothing is ignored by the parser too.
        if self._open[name] and not self._blind:
            self._open[name] -= 1
            self._depth -= 1
            self._formatting -= name in _FORMATTING
        elif self._loose and name in _FOREIGN:
            self._unsure = True

    def _guess(self, name: str) -> bool:
        """A tag, if the parser sees one here."""
        start = self.resume
        few = self._few_attributes()
        self.resume = start
        self._loose += 1
        self._formatting += name in _FORMATTING
        return few and self._is_few(name)

    def _begin(self, name: str, start: int) -> bool:
        if name in _DRAWINGS and self._outside is None:
            self._draw(start)
        if not self._few_attributes():
            return False
        if self._outside is not None:
            if not self._closed:
                self._nest(name)
        elif name in _RAW_END:
            self._pass_raw(name)
        elif self._unsure and (self._closed or name in _NEVER_OPEN) and name not in _ENDS_DRAWING:
            self._loose += 1
        elif name not in _NEVER_OPEN:
            self._nest(name)
        return self._is_few(name)

    def _nest(self, name: str) -> None:
        self._open[name] += 1
        self._depth += 1
        self._formatting += name in _FORMATTING

    def _is_few(self, name: str) -> bool:
        if name not in _MAX_OF:
            return True
        self._seen[name] += 1
        return self._seen[name] <= _MAX_OF[name]

    def _draw(self, start: int) -> None:
        drawing = _WHOLE_DRAWING.match(self._markup, start)
        if drawing is None or _has_drawn(self._open):
            self._unsure = True
            return
        self._outside = self._depth, self._formatting, self._open.copy()
        self._drawing_end = drawing.end()
        if self._formatting and _HAS_TEXT.search(drawing[0]):
            # Text may reopen a formatting element, and that keeps the drawing from being closed.
            self._loose += drawing[0].count("<")

    def _pass_raw(self, name: str) -> None:
        if name == "script":
            end = _script_end(self._markup, self.resume)
        else:
            found = _RAW_END[name].search(self._markup, self.resume)
            end = found.end() if found else len(self._markup)
        if self._unsure and self._markup.find("<", self.resume, end) < end - len(name) - 2:
            self._blind = True
            self._loose += 1
        else:
            self.resume = end

    def _few_attributes(self) -> bool:
        if plain := _PLAIN_TAG.match(self._markup, self.resume):
            self.resume = plain.end()
            self._closed = bool(plain[1])
            return True
        start = self.resume
        for count in range(_MAX_ATTRIBUTES):
            attribute = _ATTRIBUTE.match(self._markup, self.resume)
            if attribute is None:
                self._steps += count * (count + 64)  # to parse, and for us to count
                self._steps += self._blind * (self.resume - start)  # for us to read it again
                self._closed = _SELF_CLOSED.match(self._markup, self.resume) is not None
                return True
            self.resume = attribute.end()
        return False
