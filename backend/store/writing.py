"""How records get into the tables, as a script: see `backend.store.asking`."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

from backend.store import charges
from backend.store.asking import Ask, Script
from backend.store.records import Billed, Charged, Claimed, Folded, Line, Record, Said, clean, now_ms

log = logging.getLogger(__name__)

_LATE_MS: Final = 1000
"""A claim that was not written for so long may have been overtaken; of any other the servers' clocks are no judge."""
_NEVER: Final = -1
_ALWAYS: Final = 2**62

Row = dict[str, Any]


def write(records: Sequence[Record], default_persona: str, *, again: bool) -> Script[None]:
    """All of them.

    Args:
        default_persona: what is written for a call that asked for none.
        again: some may have been written by a try that seemed to fail.
    """
    records = yield from _own(records)
    for sid, row in sorted(_rows(records, default_persona).items()):  # in one order: no two servers block each other
        yield from _touch(sid, row)
    said = [row for record in records if isinstance(record, Said) for row in _message_rows(record)]
    billed = [_turn_row(record) for record in records if isinstance(record, Billed)]
    paid = [row for record in records if isinstance(record, Billed | Charged) for row in charges.rows(record)]
    for table, rows in (("messages", said), ("turns", billed), ("charges", paid)):
        new = (yield from _unwritten(table, rows)) if again else rows
        if new:
            yield Ask(f"add_{table}", new)
    yield from _summarise(records)


def _own(records: Sequence[Record]) -> Script[Sequence[Record]]:
    """Without what callers said in conversations of others, which they could take up while the database was away.

    What was paid for that was paid all the same: it stays, and names no conversation.
    """
    sids = sorted({record.sid for record in records})
    owners: dict[str, str] = dict(cast(Any, (yield Ask("owners", {"sids": sids})).rows))
    own = list(_kept(records, owners))
    if foreign := sum(not _is_own(record, owners) for record in records):
        log.warning("store.not_its_own", extra={"records": foreign})
    return own


def _kept(records: Sequence[Record], owners: dict[str, str]) -> Iterator[Record]:
    """In their order: the first with an owner has a conversation that is nobody's, and `owners` then says so."""
    for record in records:
        if not isinstance(record, Charged | Folded) and record.ref.owner:
            owners.setdefault(record.sid, record.ref.owner)
        if _is_own(record, owners):
            yield record
        elif isinstance(record, Billed):
            yield record.without_conversation()


def _is_own(record: Record, owners: dict[str, str]) -> bool:
    return owners.get(record.sid, record.ref.owner) == record.ref.owner


def _rows(records: Sequence[Record], default_persona: str) -> dict[str, Row]:
    """What the records change in the rows of their conversations."""
    rows: dict[str, Row] = {}
    for record in records:
        if isinstance(record, Charged | Folded):
            continue
        row = rows.setdefault(record.sid, {})
        row["last_ms"] = record.at_ms
        if record.ref.owner:
            row.setdefault("owner", record.ref.owner)
        if isinstance(record, Claimed):
            row["holder"], row["held_ms"] = record.ref.call, record.at_ms
        else:
            row["persona"] = record.ref.persona or default_persona
    return rows


def _touch(sid: str, row: Row) -> Script[None]:
    """Have the conversation's row be there and up to date."""
    held_ms = row.get("held_ms", 0)
    is_late = now_ms() - held_ms > _LATE_MS
    changes = {
        "new_last_ms": row["last_ms"],
        "new_persona": row.get("persona"),
        "new_owner": row.get("owner", ""),
        "new_holder": row.get("holder", ""),
        "new_held_ms": held_ms,
        "held_until_ms": _NEVER if "holder" not in row else held_ms if is_late else _ALWAYS,
    }
    if (yield Ask("touch", {"known_sid": sid, **changes})).changed:
        return
    if not (yield Ask("is_there", {"sid": sid})).rows:  # MariaDB counts a row that did not change as not found
        fresh = {"sid": sid, "persona": "", "owner": "", "holder": "", "began_ms": row["last_ms"], "held_ms": 0}
        yield Ask("add_conversation", [fresh | row])


def _unwritten(table: str, rows: list[Row]) -> Script[list[Row]]:
    if not rows:
        return rows
    there = (yield Ask(f"known_{table}", {"records": [row["record"] for row in rows]})).rows
    known = {record for (record,) in there}
    return [row for row in rows if row["record"] not in known]


def _summarise(records: Sequence[Record]) -> Script[None]:
    """The newest summary of each conversation, once all messages of these records are written.

    A conversation that the call does not hold is left alone: it was taken up by another, or deleted meanwhile.
    """
    newest = {record.sid: place for place, record in enumerate(records) if isinstance(record, Folded)}
    for sid, place in sorted(newest.items()):
        record = cast(Folded, records[place])
        later = sum(len(each.heard()) for each in records[place:] if isinstance(each, Said) and each.sid == sid)
        rows = (yield Ask("message_before", {"sid": sid, "newer": record.newer + later})).rows
        held = {"known_sid": sid, "by": record.ref.call}
        yield Ask("fold", {"new_summary": clean(record.summary), "new_folded": rows[0][0] if rows else None, **held})


def _message_rows(said: Said) -> Iterable[Row]:
    return (_message_row(said, line) for line in said.lines)


def _message_row(said: Said, line: Line) -> Row:
    return {
        "sid": said.sid,
        "record": line.key,
        "call": said.ref.call,
        "turn": said.ref.turn,
        "role": line.message.role,
        "text": clean(line.message.text),
        "heard": None if line.heard is None else clean(line.heard),
        "at_ms": said.at_ms,
    }


def _turn_row(billed: Billed) -> Row:
    bill = billed.bill
    return {
        "sid": billed.sid,
        "record": billed.key,
        "call": billed.ref.call,
        "turn": billed.ref.turn,
        "outcome": bill.outcome,
        "failure": bill.failure,
        "marks_ms": dict(bill.marks_ms),
        "usage": dict(bill.usage),
        "at_ms": billed.at_ms,
    }
