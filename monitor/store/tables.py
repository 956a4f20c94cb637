"""The tables. Times are aware UTC in Python everywhere; :class:`UtcDateTime` sees to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.engine import Dialect

WHERE = "where"  # in an index's ``info``: the condition of the rows that stand in it

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware on the way in, aware and UTC on the way out, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    # SQLite keeps text. A look writes some twenty moments: one step each way instead of SQLAlchemy's three.

    def bind_processor(self, dialect: Dialect) -> Any:
        return _to_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone was about to be stored")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _to_text(moment: datetime | None) -> str | None:
    return None if moment is None else _utc(moment).isoformat(" ", "microseconds")[:_TEXT]


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "Z")


_TEXT = len("2026-01-31 12:00:00.000000")


def _id() -> Column[Any]:
    return Column("id", Integer, primary_key=True)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of some rows. ``migrations/env.py`` tells the dialect in use: the keyword ``postgresql_where=`` would
    import that of PostgreSQL at every start."""
    return Index(name, *columns, unique=unique, info={WHERE: where})


def _of_link(*, index: bool = True) -> Column[Any]:
    return Column("link_id", ForeignKey("link.id", ondelete="CASCADE"), nullable=False, index=index)


source = Table(
    "source",
    metadata,
    _id(),
    Column("path", Text, nullable=False, unique=True),
    Column("digest", String(64)),  # sha256 of its bytes when last read: unchanged lists cost nothing
    Column("archive", Boolean, nullable=False, server_default=true()),  # its links may go to archives
    Column("configured", Boolean, nullable=False, server_default=false()),  # named under [[sources]]
    Column("synced_at", UtcDateTime),
    Column("missing_since", UtcDateTime),
    Column("problem", Text),  # why it could not be read, one sentence
    Column("machine", String(64)),  # that reads it: files are not the same everywhere
)

link = Table(
    "link",
    metadata,
    _id(),
    Column("url", Text, nullable=False, unique=True),  # canonical: carries no personal parameter
    Column("platform", String(32), nullable=False),
    Column("host", String(255), nullable=False),
    Column("account", Text, index=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("added_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    Column("watched", Boolean, nullable=False, server_default=true()),  # some source mentions it
    Column("ignored", Boolean, nullable=False, server_default=false()),  # the user said so
    # where it stands, and what the policy remembers (monitor.policy.status.State)
    Column("status", String(16), nullable=False, server_default="pending"),
    Column("since", UtcDateTime, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failed_days", Integer, nullable=False, server_default="0"),
    Column("last_failed_at", UtcDateTime),
    Column("gone_seen", Integer, nullable=False, server_default="0"),
    Column("gone_since", UtcDateTime),
    Column("removed_seen", Integer, nullable=False, server_default="0"),
    Column("removed_since", UtcDateTime),
    Column("walls", Integer, nullable=False, server_default="0"),
    Column("walled_since", UtcDateTime),
    Column("oks", Integer, nullable=False, server_default="0"),
    Column("oks_since", UtcDateTime),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("last_ok_at", UtcDateTime),
    Column("scared_at", UtcDateTime),  # last seen removed or gone
    Column("recent", String(5), nullable=False, server_default=""),  # first letters of the last outcomes
    # the last look
    Column("last_checked_at", UtcDateTime),
    Column("outcome", String(16)),
    Column("reason", String(32)),
    Column("rule", String(64)),
    Column("evidence", Text),
    Column("moved_to", Text),
    Column("looks", Integer, nullable=False, server_default="0"),
    Column("span_id", Integer),  # the open row of its history
    Column("vantage", String(64)),  # that the last look was made from
    Column("only_from", String(64)),  # the vantage that alone saw it fail: another looks next
    # the next look
    Column("next_check_at", UtcDateTime),
    Column("why_then", JSON),  # the inputs that set it
    Column("leased_by", String(64)),
    Column("lease_until", UtcDateTime),
    # risk
    Column("yearly_risk", Float),
    Column("chance_90d", Float),
    Column("at_risk", Boolean, nullable=False, server_default=false()),
    Column("at_risk_copied", Boolean, nullable=False, server_default=false()),  # what at_risk is with a copy
    Column("risk_reasons", JSON),
    # the last good text and the copy that counts
    Column("sketch", LargeBinary),
    Column("likeness", Float),
    Column("changed_at", UtcDateTime),  # when its text was last seen to be much of another one
    Column("copy_id", Integer),  # the verified snapshot shown for it; null = none
    Index("ix_link_due", "host", "next_check_at"),
    _partial("ix_link_never_looked_at", "host", "id", where="looks = 0"),
    _partial("ix_link_due_again", "host", "next_check_at", where="looks > 0"),
    _partial("ix_link_leased", "host", "lease_until", where="lease_until IS NOT NULL"),
    Index("ix_link_standing", "status", "at_risk", "watched", "ignored", "copy_id"),  # the four numbers
)

reference = Table(
    "reference",
    metadata,
    _id(),
    Column("source_id", ForeignKey("source.id", ondelete="CASCADE"), nullable=False, index=True),
    _of_link(),
    Column("line", Integer, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    UniqueConstraint("source_id", "link_id", "line"),
)

span = Table(
    "span",
    metadata,
    _id(),
    _of_link(),
    Column("vantage", String(64), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("evidence", Text, nullable=False, server_default=""),
    Column("http_status", Integer),
    Column("final_url", Text),
    Column("checks", Integer, nullable=False, server_default="1"),
)

flip = Table(
    "flip",
    metadata,
    _id(),
    _of_link(),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("old", String(16), nullable=False),
    Column("new", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("evidence", Text, nullable=False, server_default=""),
)

mark = Table(
    "mark",
    metadata,
    _id(),
    _of_link(),
    Column("at", UtcDateTime, nullable=False),
    Column("word", String(16), nullable=False),  # dead, alive, ignore, recheck
    Column("who", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
)

host = Table(
    "host",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("due_at", UtcDateTime, index=True),  # never later than the earliest look due there
)

pace = Table(
    "pace",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("vantage", String(64), primary_key=True),
    Column("not_before", UtcDateTime, nullable=False),
    Column("spacing_s", Float),  # between looks here, where walls or long peace changed it
    Column("walls", Integer, nullable=False, server_default="0"),  # in a row
    Column("looks_since_wall", Integer, nullable=False, server_default="0"),
    Column("recent", String(10), nullable=False, server_default=""),  # last answers, "+" or "-": the brake
    Column("outage_since", UtcDateTime),
)

domain = Table(  # what the registry last told; only of domains that ordinary sites stand on
    "domain",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("expires_at", UtcDateTime),
    Column("statuses", JSON),
    Column("answered_at", UtcDateTime),  # null = never yet
    Column("ask_at", UtcDateTime, nullable=False),
)

snapshot = Table(
    "snapshot",
    metadata,
    _id(),
    _of_link(),
    Column("archive", String(16), nullable=False),  # wayback, local
    Column("url", Text, nullable=False),  # where the copy opens
    Column("original_url", Text, nullable=False),
    Column("captured_at", UtcDateTime, nullable=False),
    Column("origin", String(8), nullable=False),  # made, found
    Column("digest", Text),
    Column("http_status", Integer),
    Column("judged_at", UtcDateTime),
    Column("grade", String(1)),  # A, B count; C, X do not; null = not judged yet
    Column("outcome", String(16)),
    Column("rule", String(64)),
    Column("evidence", Text),
    Column("file", Text),  # a local copy: its WARC file, where the record starts and how long it is
    Column("offset", Integer),
    Column("length", Integer),
    Column("pictures", Integer),  # how many the page shows
    Column("pictures_digest", String(64)),  # of their addresses
    Column("pictures_due", UtcDateTime),  # when they are to be fetched; null = nothing is left to do
    Column("pictures_tries", Integer, nullable=False, server_default="0"),
    UniqueConstraint("link_id", "archive", "url"),
    _partial("ix_snapshot_file_offset", "file", "offset", where="file IS NOT NULL"),
    _partial("ix_snapshot_pictures_due", "pictures_due", where="pictures_due IS NOT NULL"),
)

part = Table(  # what a local copy has besides its page; several copies may share a record
    "part",
    metadata,
    _id(),
    Column("snapshot_id", ForeignKey("snapshot.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(8), nullable=False),  # redirect, picture, revisit
    Column("url", Text, nullable=False, index=True),
    Column("captured_at", UtcDateTime, nullable=False),
    Column("digest", String(64), index=True),  # a picture's sha256
    Column("file", Text, nullable=False),
    Column("offset", Integer, nullable=False),
    Column("length", Integer, nullable=False),
    UniqueConstraint("snapshot_id", "file", "offset"),
    Index("ix_part_file_offset", "file", "offset"),
)

archive_job = Table(
    "archive_job",
    metadata,
    _id(),
    _of_link(),
    Column("archive", String(16), nullable=False),
    Column("state", String(20), nullable=False),
    Column("danger", Integer, nullable=False),  # 0 goes first
    Column("created_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("submitted_at", UtcDateTime),
    Column("remote_id", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("code", Text),
    Column("message", Text),
    Column("snapshot_id", ForeignKey("snapshot.id", ondelete="SET NULL")),
    Column("finished_at", UtcDateTime),
    Column("leased_by", String(64)),
    Column("lease_until", UtcDateTime),
    Index("ix_archive_job_due", "finished_at", "not_before", "danger"),
    _partial("uq_archive_job_open", "link_id", "archive", where="finished_at IS NULL", unique=True),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("kind", String(16), nullable=False),  # weekly, or once (a report asked for by hand)
    Column("period", String(40), nullable=False),  # one mail a kind and period, however many daemons
    Column("subject", Text, nullable=False),
    Column("message", LargeBinary, nullable=False),  # the whole mail, as it goes out
    Column("state", String(16), nullable=False),  # queued, sent, given_up
    Column("created_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("sent_at", UtcDateTime),
    Column("leased_by", String(64)),
    Column("lease_until", UtcDateTime),
    UniqueConstraint("kind", "period"),
)

tally = Table(
    "tally",
    metadata,
    Column("day", String(10), primary_key=True),  # UTC date; the day's last count
    *(
        Column(name, Integer, nullable=False)
        for name in (
            *("links", "pending", "alive", "suspect", "dead", "blind", "at_risk"),
            *("safe", "exposed", "rescued", "lost"),
        )
    ),
)

service = Table(
    "service",
    metadata,
    Column("name", String(32), primary_key=True),  # archive.org, network, …
    Column("not_before", UtcDateTime),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("note", Text),
    Column("data", JSON),
    Column("updated_at", UtcDateTime, nullable=False),
)

turn = Table(  # what one worker does for all
    "turn",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("leased_by", String(64)),
    Column("lease_until", UtcDateTime),
)

worker = Table(  # the daemons that run, or ran until lately
    "worker",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("machine", String(64), nullable=False),
    Column("vantage", String(64), nullable=False, index=True),
    Column("roles", String(64), nullable=False),
    Column("version", String(32), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
