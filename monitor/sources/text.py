"""Plain text and tables in plain text (CSV, TSV)."""

from __future__ import annotations

import csv
import io
import re

from monitor.sources.bare import find_urls, link_target
from monitor.sources.rows import Kind, Mention, Row, best_cell, clean_title, pair

_ITEM = re.compile(r"[ \t]*+(?:[-*+•·]|[0-9]{1,3}[.)、])[ \t]++")
_RULE = re.compile(r"[ \t]*+([-=*_#~])\1{2,}[ \t]*+")
_DELIMITERS = ",;\t|"


def mentions_in(text: str, line: int) -> list[str | Mention]:
    """``text`` taken apart into its bare addresses and what stands between them; ``line`` is that of its start."""
    parts: list[str | Mention] = []
    done = 0
    for found in find_urls(text):
        line += text.count("\n", done, found.start)
        parts += (text[done : found.start], Mention(found.url, line))
        done = found.end
    parts.append(text[done:])
    return parts


def read(text: str) -> list[Mention]:
    """The bare addresses of a text; paragraphs are what blank lines part."""
    rows: list[Row] = []
    block = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            block += 1
        elif _RULE.fullmatch(line):
            rows.append(Row([], block + 1, Kind.BREAK))
            block += 2
        else:
            item = _ITEM.match(line)
            block += bool(item)
            parts = mentions_in(line[item.end() :] if item else line, number)
            rows.append(Row(parts, block, opens_item=bool(item)))
    return pair(rows)


def read_table(text: str) -> list[Mention]:
    """The addresses in every cell of a CSV or TSV file, titled by their row."""
    head = text[:4096].lstrip("\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    if delimiter not in head:
        return read(text)
    mentions: list[Mention] = []
    header: list[str] = []
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    try:
        for index, cells in enumerate(records):
            found = _read_record(cells, header, line)
            if not index and not found:
                header = cells
            mentions += found
            line = records.line_num + 1
    except csv.Error:  # a cell beyond the module's limit: a quotation mark that is never closed
        return read(text)
    return mentions


def _read_record(cells: list[str], header: list[str], line: int) -> list[Mention]:
    parts = []
    for cell in cells:
        address = link_target(cell) if cell.isascii() and len(cell.split()) == 1 else None
        parts.append([Mention(address, line)] if address else mentions_in(cell, line))
        line += cell.count("\n")
    texts = [clean_title("".join(part for part in cell if isinstance(part, str))) for cell in parts]
    found = [part for cell in parts for part in cell if isinstance(part, Mention)]
    title = clean_title(best_cell(texts, header)) if found else ""
    for mention in found:
        mention.title = title
    return found
