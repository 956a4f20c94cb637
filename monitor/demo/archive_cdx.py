"""The CDX server's query language, as far as it is published and of use to a monitor."""

from __future__ import annotations

import re
from itertools import groupby

from monitor.demo.archive_records import Capture, urlkey

FIELDS = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length")
Row = list[str]


def search(captures: list[Capture], parameters: list[tuple[str, str]]) -> list[Row]:
    """Rows for a query over ``captures``, which are ordered by key and time: the header first, or nothing at all.

    Raises ValueError or re.error for a query that the server does not understand.
    """
    asked = dict(parameters)
    if not asked.get("url"):
        raise ValueError("The url parameter is missing.")
    rows = [_row(one) for one in captures if _matches(one, asked["url"], asked.get("matchType", "exact"))]
    rows = [row for row in rows if _within(row["timestamp"], asked.get("from", ""), asked.get("to", ""))]
    for name, value in parameters:
        if name == "filter":
            rows = _filter(rows, value)
    for name, value in parameters:
        if name == "collapse":
            rows = _collapse(rows, value)
    if asked.get("sort") == "closest" and asked.get("closest"):
        wanted = int(asked["closest"][:14].ljust(14, "0"))
        rows.sort(key=lambda row: abs(int(row["timestamp"]) - wanted))
    elif asked.get("sort") == "reverse":
        rows.reverse()
    rows = _limit(rows, asked.get("limit", ""))
    fields = asked["fl"].split(",") if asked.get("fl") else list(FIELDS)
    if not set(fields) <= set(FIELDS):
        raise ValueError(f"Of the fields {', '.join(fields)} some are unknown.")
    return [fields, *([row[name] for name in fields] for row in rows)] if rows else []


def _row(one: Capture) -> dict[str, str]:
    status = "-" if one.status is None else str(one.status)
    length = str(
        sum(len(part) if isinstance(part, bytes) else part.size for part in one.reply.parts) // 4 + 300
    )
    return dict(
        zip(
            FIELDS,
            (urlkey(one.url), one.timestamp, one.url, one.mimetype, status, one.digest, length),
            strict=True,
        )
    )


def _matches(one: Capture, url: str, kind: str) -> bool:
    key, host = urlkey(one.url), urlkey(url).partition(")")[0]
    match kind:
        case "exact":
            return key == urlkey(url)
        case "prefix":
            return key.startswith(urlkey(url))
        case "host":
            return key.partition(")")[0] == host
        case "domain":
            own = key.partition(")")[0]
            return own == host or own.startswith(host + ",")
    raise ValueError(f"matchType {kind} is unknown.")


def _within(timestamp: str, start: str, end: str) -> bool:
    return timestamp[: len(start)] >= start and (not end or timestamp[: len(end)] <= end)


def _filter(rows: list[dict[str, str]], value: str) -> list[dict[str, str]]:
    name, _, pattern = value.lstrip("!").partition(":")
    if name not in FIELDS:
        raise ValueError(f"The field {name} is unknown.")
    wanted = not value.startswith("!")
    return [row for row in rows if bool(re.fullmatch(pattern, row[name])) is wanted]


def _collapse(rows: list[dict[str, str]], value: str) -> list[dict[str, str]]:
    name, _, digits = value.partition(":")
    length = int(digits) if digits else None
    return [next(group) for _, group in groupby(rows, key=lambda row: row[name][:length])]


def _limit(rows: list[dict[str, str]], value: str) -> list[dict[str, str]]:
    if not value:
        return rows
    number = int(value)
    return rows[number:] if number < 0 else rows[:number]
