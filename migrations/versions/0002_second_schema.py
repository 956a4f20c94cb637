"""The second schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from monitor.store.tables import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "domain",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("statuses", sa.JSON(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("ask_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_domain")),
    )
    op.create_table(
        "turn",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_turn")),
    )
    op.create_table(
        "worker",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("vantage", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
    )
    with op.batch_alter_table("worker", recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_worker_vantage"), ["vantage"], unique=False)

    op.create_table(
        "part",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("captured_at", UtcDateTime(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshot.id"], name=op.f("fk_part_snapshot_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part")),
        sa.UniqueConstraint("snapshot_id", "file", "offset", name=op.f("uq_part_snapshot_id_file_offset")),
    )
    with op.batch_alter_table("part", recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_part_digest"), ["digest"], unique=False)
        batch_op.create_index("ix_part_file_offset", ["file", "offset"], unique=False)
        batch_op.create_index(batch_op.f("ix_part_url"), ["url"], unique=False)

    with op.batch_alter_table("link", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("vantage", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("only_from", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("changed_at", UtcDateTime(), nullable=True))
        batch_op.drop_column("seen_alive_s")

    with op.batch_alter_table("snapshot", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("pictures", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("pictures_digest", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("pictures_due", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("pictures_tries", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index(
            "ix_snapshot_file_offset",
            ["file", "offset"],
            unique=False,
            sqlite_where=sa.text("file IS NOT NULL"),
            postgresql_where=sa.text("file IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_snapshot_pictures_due",
            ["pictures_due"],
            unique=False,
            sqlite_where=sa.text("pictures_due IS NOT NULL"),
            postgresql_where=sa.text("pictures_due IS NOT NULL"),
        )

    with op.batch_alter_table("source", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("machine", sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("source", recreate="never") as batch_op:
        batch_op.drop_column("machine")

    with op.batch_alter_table("snapshot", recreate="never") as batch_op:
        batch_op.drop_index(
            "ix_snapshot_pictures_due",
            sqlite_where=sa.text("pictures_due IS NOT NULL"),
            postgresql_where=sa.text("pictures_due IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_snapshot_file_offset",
            sqlite_where=sa.text("file IS NOT NULL"),
            postgresql_where=sa.text("file IS NOT NULL"),
        )
        batch_op.drop_column("pictures_tries")
        batch_op.drop_column("pictures_due")
        batch_op.drop_column("pictures_digest")
        batch_op.drop_column("pictures")

    with op.batch_alter_table("link", recreate="never") as batch_op:
        batch_op.add_column(
            sa.Column("seen_alive_s", sa.BIGINT(), server_default=sa.text("'0'"), nullable=False)
        )
        batch_op.drop_column("changed_at")
        batch_op.drop_column("only_from")
        batch_op.drop_column("vantage")

    with op.batch_alter_table("part", recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_part_url"))
        batch_op.drop_index("ix_part_file_offset")
        batch_op.drop_index(batch_op.f("ix_part_digest"))

    op.drop_table("part")
    with op.batch_alter_table("worker", recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_worker_vantage"))

    op.drop_table("worker")
    op.drop_table("turn")
    op.drop_table("domain")
