"""Every statement that the server asks a database, in SQLAlchemy's words, under the names that scripts use.

`python -m backend.store.statements` writes those for SQLite as plain SQL into `sqlite.json`, from which
`backend.store.sqlite_file` takes them: nothing of SQLAlchemy need be in memory then.
"""

import json
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Insert,
    Integer,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import UpdateBase

from backend.store.schema import charges, conversations, messages, turns, voices
from backend.store.voice_table import COLUMNS

Statement = Select[Any] | UpdateBase

SQLITE: Final = Path(__file__).with_name("sqlite.json")

_NOTHING: Final[ColumnElement[str]] = literal_column("''", String())
_ZERO: Final = literal_column("0", Integer())
_HEARD: Final = (messages.c.heard.is_(None)) | (messages.c.heard != _NOTHING)
_OPEN: Final = or_(conversations.c.owner == _NOTHING, conversations.c.owner == bindparam("owner"))
"""To whoever asks: nobody's, or theirs."""
_THERE: Final = voices.c.status != literal_column("'removed'")


def _new(column: Any) -> BindParameter[Any]:
    return bindparam(f"new_{column.name}", type_=column.type)


def _many(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True, type_=String())


def _known(table: Table) -> Select[Any]:
    return select(table.c.record).where(table.c.record.in_(_many("records")))


def _costs() -> Select[Any]:
    kind = [charges.c[name] for name in ("day", "stage", "model", "unit", "purpose", "estimated")]
    sums = func.sum(charges.c.quantity).label("quantity"), func.sum(charges.c.cny_nano).label("cny_nano")
    days = charges.c.day.between(bindparam("first"), bindparam("last"))
    known = charges.c.id <= bindparam("newest")
    return select(*kind, *sums).where(days, known).group_by(*kind, charges.c.cny_nano.is_(None))


def _touch() -> Statement:
    """A conversation that has an owner keeps it, and a claim of later stands.

    MySQL sets columns one by one, in the table's order: `held_ms`, which is asked about, is the last of them.
    """
    kept = conversations.c
    wins = kept.held_ms <= bindparam("held_until_ms", type_=BigInteger())
    return (
        update(conversations)
        .where(kept.sid == bindparam("known_sid"))
        .values(
            last_ms=_new(kept.last_ms),
            persona=func.coalesce(_new(kept.persona), kept.persona),
            owner=case((kept.owner == _NOTHING, _new(kept.owner)), else_=kept.owner),
            holder=case((wins, _new(kept.holder)), else_=kept.holder),
            held_ms=case((wins, _new(kept.held_ms)), else_=kept.held_ms),
        )
    )


def _fold() -> Statement:
    held = (conversations.c.sid == bindparam("known_sid")) & (conversations.c.holder == bindparam("by"))
    return update(conversations).where(held).values(summary=bindparam("new_summary"), folded=bindparam("new_folded"))


def _newest() -> Select[Any]:
    after = messages.c.id > bindparam("folded")
    wanted = (
        select(messages.c.role, messages.c.text, messages.c.heard)
        .join(conversations, conversations.c.sid == messages.c.sid)
        .where(messages.c.sid == bindparam("sid"), _OPEN, after, _HEARD)
    )
    return wanted.order_by(messages.c.id.desc()).limit(bindparam("most", type_=Integer())).offset(_ZERO)


def _before() -> Select[Any]:
    older = select(messages.c.id).where(messages.c.sid == bindparam("sid"), _HEARD).order_by(messages.c.id.desc())
    return older.offset(bindparam("newer", type_=Integer())).limit(literal_column("1", Integer()))


def _wanted() -> ColumnElement[bool]:
    exact = [_unless_none(voices.c[name]) for name in ("provider", "voice", "enabled", "kind")]
    language, dialects = bindparam("language", type_=String()), bindparam("dialects", type_=String())
    speaks = or_(language.is_(None), voices.c.language == language, voices.c.language.like(dialects, escape="/"))
    any_status = and_(bindparam("any_status", type_=Boolean()).is_(True), _THERE)
    return and_(*exact, speaks, or_(any_status, voices.c.status.in_(_many("statuses"))))


def _unless_none(column: Any) -> ColumnElement[bool]:
    wish = bindparam(column.name, type_=column.type)
    return or_(wish.is_(None), column == wish)


def _voices() -> Select[Any]:
    page = _voice().where(_wanted()).order_by(voices.c.place, voices.c.created_ms, voices.c.id)
    return page.limit(bindparam("limit", type_=Integer())).offset(bindparam("offset", type_=Integer()))


def _voice() -> Select[Any]:
    return select(*(voices.c[name] for name in COLUMNS))


def _change_voice() -> Statement:
    values = {name: _new(voices.c[name]) for name in COLUMNS if name != "id"}
    return update(voices).where(voices.c.id == bindparam("known_id"), _THERE).values(values)


_KEPT: Final = conversations.c
_ONE_VOICE: Final = _voice().where(voices.c.id == bindparam("id"), _THERE)

BOOK: Final[dict[str, Statement]] = {
    "owners": select(_KEPT.sid, _KEPT.owner).where(_KEPT.sid.in_(_many("sids")), _KEPT.owner != _NOTHING),
    "owner": select(_KEPT.owner).where(_KEPT.sid == bindparam("sid")),
    "holders": select(_KEPT.sid, _KEPT.holder).where(_KEPT.sid.in_(_many("sids"))),
    "touch": _touch(),
    "is_there": select(_KEPT.sid).where(_KEPT.sid == bindparam("sid")),
    "add_conversation": insert(conversations).inline(),
    "add_messages": insert(messages).inline(),
    "add_turns": insert(turns).inline(),
    "add_charges": insert(charges).inline(),
    "known_messages": _known(messages),
    "known_turns": _known(turns),
    "known_charges": _known(charges),
    "summary": select(_KEPT.summary, _KEPT.folded).where(_KEPT.sid == bindparam("sid"), _OPEN),
    "newest_messages": _newest(),
    "message_before": _before(),
    "fold": _fold(),
    "newest_charge": select(func.coalesce(func.max(charges.c.id), _ZERO)),
    "costs": _costs(),
    "forget": delete(conversations).where(_KEPT.sid == bindparam("sid"), _OPEN),
    "forget_before": delete(conversations).where(_KEPT.last_ms < bindparam("time_ms")),
    "voices": _voices(),
    "voice_count": select(func.count()).select_from(voices).where(_wanted()),
    "voice": _ONE_VOICE,
    "locked_voice": _ONE_VOICE.with_for_update(),
    "known_voices": select(voices.c.id).where(voices.c.id.in_(_many("ids"))),
    "add_voices": insert(voices).inline(),
    "change_voice": _change_voice(),
    "drop_voice": delete(voices).where(voices.c.id == bindparam("id")),
}


def for_sqlite() -> dict[str, str]:
    """The statements as SQLite reads them; a list goes in where `__[POSTCOMPILE_name]` stands."""
    dialect = sqlite.dialect(paramstyle="named")
    texts: dict[str, str] = {}
    for name, statement in BOOK.items():
        compiled = statement.compile(dialect=dialect, column_keys=_columns(name, statement))
        texts[name] = " ".join(str(compiled).split())
    return texts


def _columns(name: str, statement: Statement) -> list[str] | None:
    """Those that an insertion fills."""
    if not isinstance(statement, Insert):
        return None
    left_out = {"add_conversation": {"summary", "folded"}, "add_voices": set[str]()}.get(name, {"id"})
    return [column.name for column in statement.table.columns if column.name not in left_out]


if __name__ == "__main__":
    SQLITE.write_text(json.dumps(for_sqlite(), indent=1) + "\n", "utf-8")
