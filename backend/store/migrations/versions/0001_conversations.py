"""Conversations, what was said in them, and what each turn cost."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

revision: Final = "0001"
down_revision: Final = None

_TABLE: Final[dict[str, Any]] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "conversations",
        sa.Column("sid", _name(64), nullable=False),
        sa.Column("persona", sa.String(255), nullable=False),
        sa.Column("holder", _name(32), nullable=False),
        sa.Column("began_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sid", name="pk_conversations"),
        **_TABLE,
    )
    op.create_index("ix_conversations_last_ms", "conversations", ["last_ms"])
    op.create_table(
        "messages",
        *_of_a_conversation("messages"),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("text", _prose(), nullable=False),
        sa.Column("heard", _prose(), nullable=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        **_TABLE,
    )
    op.create_index("ix_messages_sid", "messages", ["sid", "id"])
    op.create_table(
        "turns",
        *_of_a_conversation("turns"),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("failure", sa.String(32), nullable=False),
        sa.Column("marks_ms", sa.JSON, nullable=False),
        sa.Column("usage", sa.JSON, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        **_TABLE,
    )
    op.create_index("ix_turns_sid", "turns", ["sid", "id"])
    op.create_index("ix_turns_at_ms", "turns", ["at_ms"])


def downgrade() -> None:
    """Forget everything."""
    for table in ("turns", "messages", "conversations"):
        op.drop_table(table)


def _of_a_conversation(table: str) -> list[sa.schema.SchemaItem]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return [
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("sid", _name(64), nullable=False),
        sa.Column("record", _name(32), nullable=False),
        sa.Column("call", _name(32), nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("record", name=f"uq_{table}_record"),
        sa.ForeignKeyConstraint(["sid"], ["conversations.sid"], name=f"fk_{table}_sid", ondelete="CASCADE"),
    ]


def _name(chars: int) -> TypeEngine[str]:
    exact = mysql.VARCHAR(chars, charset="ascii", collation="ascii_bin")
    return sa.String(chars).with_variant(exact, "mysql", "mariadb")


def _prose() -> TypeEngine[str]:
    return sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb")
