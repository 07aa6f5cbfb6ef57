"""The tables, as the newest migration leaves them. Times are milliseconds since 1970, UTC."""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

HEAD: Final = "0001"
"""The revision of the newest migration."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def name(chars: int) -> TypeEngine[str]:
    """An id of ASCII characters, compared byte by byte everywhere: MySQL would take `a` for `A`."""
    return String(chars).with_variant(mysql.VARCHAR(chars, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")


def number() -> TypeEngine[int]:
    """A key that counts up; SQLite counts only what it calls INTEGER."""
    return BigInteger().with_variant(Integer(), "sqlite")


def prose() -> TypeEngine[str]:
    """Text of any length."""
    return Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb")


TABLE: Final[dict[str, Any]] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}

conversations = Table(
    "conversations",
    metadata,
    Column("sid", name(64), primary_key=True),
    Column("persona", String(255), nullable=False),
    Column("holder", name(32), nullable=False),  # the call that took it up last
    Column("began_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Index(None, "last_ms"),
    **TABLE,
)

messages = Table(
    "messages",
    metadata,
    Column("id", number(), primary_key=True, autoincrement=True),
    Column("sid", name(64), ForeignKey("conversations.sid", ondelete="CASCADE"), nullable=False),
    Column("record", name(32), nullable=False, unique=True),  # so that nothing is written twice
    Column("call", name(32), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("text", prose(), nullable=False),
    Column("heard", prose(), nullable=True),  # of a reply that was cut off; NULL: all of it
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "sid", "id"),
    **TABLE,
)

turns = Table(
    "turns",
    metadata,
    Column("id", number(), primary_key=True, autoincrement=True),
    Column("sid", name(64), ForeignKey("conversations.sid", ondelete="CASCADE"), nullable=False),
    Column("record", name(32), nullable=False, unique=True),
    Column("call", name(32), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("failure", String(32), nullable=False),
    Column("marks_ms", JSON, nullable=False),
    Column("usage", JSON, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "sid", "id"),
    Index(None, "at_ms"),
    **TABLE,
)
