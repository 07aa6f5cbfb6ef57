"""Conversations with a summary of their earlier messages: how both are read, and how the summary is written, in SQL."""

from collections.abc import Sequence
from typing import Final, cast

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.past import headed
from backend.ports import Message, Role
from backend.store.records import Folded, Record, Said, clean
from backend.store.schema import conversations, messages

HEARD: Final[ColumnElement[bool]] = (messages.c.heard.is_(None)) | (messages.c.heard != "")


async def read(connection: AsyncConnection, sid: str, most: int) -> tuple[Message, ...]:
    """The newest messages that are not in the summary, as the caller heard them, behind the summary."""
    known = select(conversations.c.summary, conversations.c.folded).where(conversations.c.sid == sid)
    row = (await connection.execute(known)).first()
    summary, folded = (row.summary or "", row.folded or 0) if row else ("", 0)
    newest = select(messages.c.role, messages.c.text, messages.c.heard).where(
        messages.c.sid == sid, messages.c.id > folded, HEARD
    )
    rows = (await connection.execute(newest.order_by(messages.c.id.desc()).limit(most))).all()
    said = (Message(cast(Role, row.role), row.text if row.heard is None else row.heard) for row in rows[::-1])
    return headed(summary, said)


async def write(connection: AsyncConnection, records: Sequence[Record]) -> None:
    """The newest summary of each conversation, once all messages of these records are written.

    A conversation that the call does not hold is left alone: it was taken up by another, or deleted meanwhile.
    """
    newest = {record.sid: place for place, record in enumerate(records) if isinstance(record, Folded)}
    for sid, place in sorted(newest.items()):
        record = cast(Folded, records[place])
        later = sum(len(each.heard()) for each in records[place:] if isinstance(each, Said) and each.sid == sid)
        older = select(messages.c.id).where(messages.c.sid == sid, HEARD).order_by(messages.c.id.desc())
        last = older.offset(record.newer + later).limit(1).subquery()
        folded = await connection.scalar(select(func.max(last.c.id)))
        held = (conversations.c.sid == sid) & (conversations.c.holder == record.ref.call)
        row = {"summary": clean(record.summary), "folded": folded}
        await connection.execute(update(conversations).where(held).values(row))
