"""What is remembered of a conversation's earlier messages, and which is the last of them."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0005"
down_revision: Final = "0004"


def upgrade() -> None:
    """Conversations of before have no summary yet."""
    prose = sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb")
    op.add_column("conversations", sa.Column("summary", prose, nullable=True))
    op.add_column("conversations", sa.Column("folded", sa.BigInteger, nullable=True))


def downgrade() -> None:
    """Forget them; the messages are still there."""
    op.drop_column("conversations", "folded")
    op.drop_column("conversations", "summary")
