"""The voices there are to choose from."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

revision: Final = "0003"
down_revision: Final = "0002"

_TABLE: Final[dict[str, Any]] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the table; the server fills it."""
    op.create_table(
        "voices",
        sa.Column("id", _name(160), nullable=False),
        sa.Column("provider", _name(16), nullable=False),
        sa.Column("voice", _name(128), nullable=False),
        sa.Column("model", _name(128), nullable=False),
        sa.Column("name_zh", sa.String(80), nullable=False),
        sa.Column("name_en", sa.String(80), nullable=False),
        sa.Column("language", _name(32), nullable=False),
        sa.Column("gender", _name(8), nullable=False),
        sa.Column("sample_text", sa.String(200), nullable=False),
        sa.Column("kind", _name(8), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("status", _name(16), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("problem", _name(32), nullable=False),
        sa.Column("detail", sa.String(400), nullable=False),
        sa.Column("consent_ms", sa.BigInteger, nullable=True),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_voices"),
        **_TABLE,
    )
    op.create_index("ix_voices_provider", "voices", ["provider", "voice"])


def downgrade() -> None:
    """Forget them; clones stay with the vendor."""
    op.drop_table("voices")


def _name(chars: int) -> TypeEngine[str]:
    exact = mysql.VARCHAR(chars, charset="ascii", collation="ascii_bin")
    return sa.String(chars).with_variant(exact, "mysql", "mariadb")
