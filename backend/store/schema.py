"""The tables, as far as they are read and written; the migrations make them, and know each database's types.

Times are milliseconds since 1970, UTC.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, MetaData, String, Table, Text

metadata = MetaData()

conversations = Table(
    "conversations",
    metadata,
    Column("sid", String(64), primary_key=True),
    Column("persona", String(255), nullable=False),
    Column("holder", String(32), nullable=False),  # the call that took it up last
    Column("owner", String(32), nullable=False, server_default=""),  # whoever began it, see `access.keys.Grant`
    Column("began_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("summary", Text, nullable=True),  # of the messages up to the one whose id is `folded`
    Column("folded", BigInteger, nullable=True),
    Column("held_ms", BigInteger, nullable=False, server_default="0"),  # since when `holder` does; behind it
)

messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("sid", String(64), nullable=False),
    Column("record", String(32), nullable=False),  # unique, so that nothing is written twice
    Column("call", String(32), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("heard", Text, nullable=True),  # of a reply that was cut off; NULL: all of it
    Column("at_ms", BigInteger, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("sid", String(64), nullable=False),
    Column("record", String(32), nullable=False),
    Column("call", String(32), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("failure", String(32), nullable=False),
    Column("marks_ms", JSON, nullable=False),
    Column("usage", JSON, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

voices = Table(
    "voices",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("provider", String(16), nullable=False),
    Column("voice", String(128), nullable=False),
    Column("model", String(128), nullable=False),
    Column("name_zh", String(80), nullable=False),
    Column("name_en", String(80), nullable=False),
    Column("language", String(32), nullable=False),
    Column("gender", String(8), nullable=False),
    Column("sample_text", String(200), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("status", String(16), nullable=False),
    Column("place", Integer, nullable=False),
    Column("problem", String(32), nullable=False),
    Column("detail", String(400), nullable=False),
    Column("consent_ms", BigInteger, nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

charges = Table(
    "charges",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("record", String(32), nullable=False),
    Column("call", String(32), nullable=False),
    Column("turn", Integer, nullable=False),  # 0: of the call, and of none of its turns
    Column("day", String(10), nullable=False),
    Column("stage", String(8), nullable=False),
    Column("model", String(128), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("cny_nano", BigInteger, nullable=True),  # billionths of a yuan; NULL: the model has no price
    Column("at_ms", BigInteger, nullable=False),
)
