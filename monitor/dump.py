"""The JSON that other programs read (``status --json``, ``show --json`` and the same over HTTP), and its times."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from monitor.model import COUNTS

if TYPE_CHECKING:
    from sqlalchemy import Row

    from monitor.store.overview import Whole
    from monitor.store.tally import Tally

STATUSES = ("pending", "alive", "suspect", "dead", "blind")
TOGETHER = 100  # links
PRESERVATION = ("safe", "exposed", "rescued", "lost")


def zulu(moment: datetime) -> str:
    """``2026-11-24T08:00:00Z``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def as_json(value: Any, *, indent: int | None = None) -> str:
    return _encoder(indent).encode(value)


@cache
def _encoder(indent: int | None) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=False, indent=indent, default=_no_word_for)


def _no_word_for(value: object) -> str:
    if isinstance(value, datetime):
        return zulu(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")


async def status_text(
    numbers: Tally, links: AsyncIterator[dict[str, Any]], at: datetime
) -> AsyncGenerator[str, None]:
    """The object of ``status --json`` in pieces, some links each."""
    head = {
        "generated_at": at,
        "totals": {name: getattr(numbers, name) for name in ("links", *STATUSES, "at_risk")},
        "preservation": {name: getattr(numbers, name) for name in PRESERVATION},
    }
    yield as_json(head)[:-1] + ', "links": ['
    separator = "\n"
    piece: list[str] = []
    async for link in links:
        piece.append(as_json(link))
        if len(piece) == TOGETHER:
            yield separator + ",\n".join(piece)
            separator = ",\n"
            piece = []
    yield (separator if piece else "") + ",\n".join(piece) + "\n]}\n"


def whole_link(found: Whole, why: str) -> dict[str, Any]:
    """The object of ``show --json``; ``why``: the sentence that explains where the link stands."""
    from monitor.store.overview import link_object  # noqa: PLC0415  (the start-up of `--version` does without)

    return link_object(found.row, found.places) | {
        "history": [
            {
                "from": span.started_at,
                "to": span.ended_at,
                **_columns(span, "outcome", "reason", "rule", "evidence", "checks", "vantage"),
            }
            for span in found.spans
        ],
        "flips": [
            {"at": flip.at, "from": flip.old, "to": flip.new, "reason": flip.reason} for flip in found.flips
        ],
        "snapshots": [
            {
                **_columns(one, "url", "archive", "captured_at", "origin", "grade"),
                **_columns(one, "judged_at", "outcome", "rule"),
                "verified": one.grade in COUNTS,
            }
            for one in found.snapshots
        ],
        "archive_jobs": [
            {
                **_columns(job, "archive", "state", "created_at", "submitted_at", "not_before"),
                **_columns(job, "attempts", "code", "message", "finished_at"),
            }
            for job in found.jobs
        ],
        "marks": [_columns(one, "at", "word", "who", "note") for one in found.marks],
        "why": why,
    }


def _columns(row: Row[Any], *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
