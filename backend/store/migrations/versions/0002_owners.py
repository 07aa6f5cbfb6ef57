"""Whose a conversation is: what its first caller's token is known by, empty where none was wanted."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Conversations of before belong to nobody yet: to the first who takes them up."""
    exact = mysql.VARCHAR(32, charset="ascii", collation="ascii_bin")
    kind = sa.String(32).with_variant(exact, "mysql", "mariadb")
    op.add_column("conversations", sa.Column("owner", kind, nullable=False, server_default=""))


def downgrade() -> None:
    """Forget whose they are."""
    op.drop_column("conversations", "owner")
