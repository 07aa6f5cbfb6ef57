"""What was paid for, line by line, apart from the conversations: it stays when those are deleted."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

revision: Final = "0004"
down_revision: Final = "0003"

_TABLE: Final[dict[str, Any]] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "charges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("record", _name(32), nullable=False),
        sa.Column("call", _name(32), nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("day", _name(10), nullable=False),
        sa.Column("stage", sa.String(8), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("cny_nano", sa.BigInteger, nullable=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_charges"),
        sa.UniqueConstraint("record", name="uq_charges_record"),
        **_TABLE,
    )
    op.create_index("ix_charges_day", "charges", ["day"])
    op.create_index("ix_charges_call", "charges", ["call"])


def downgrade() -> None:
    """Forget it."""
    op.drop_table("charges")


def _name(chars: int) -> TypeEngine[str]:
    exact = mysql.VARCHAR(chars, charset="ascii", collation="ascii_bin")
    return sa.String(chars).with_variant(exact, "mysql", "mariadb")
