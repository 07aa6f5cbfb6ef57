"""When a conversation was taken up last: a claim that is written late must not undo a newer one."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"


def upgrade() -> None:
    """Of conversations of before it is not known, and any claim is newer."""
    op.add_column("conversations", sa.Column("held_ms", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("conversations", "held_ms")
