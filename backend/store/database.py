"""The database behind the conversations: what is read and written there, in SQL."""

import asyncio
import logging
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Case, ColumnElement, Connection, Table, case, delete, insert, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.errors import StoreError
from backend.ports import Message
from backend.store import charges as ledger
from backend.store import summaries
from backend.store.engine import folder_of, make_engine, translated
from backend.store.records import Billed, Charged, Claimed, Folded, Line, Record, Said, clean, now_ms
from backend.store.schema import HEAD, charges, conversations, messages, turns
from backend.store.totals import Total
from backend.store.voice_table import VoiceTable

log = logging.getLogger(__name__)

_ROOT: Final = Path(__file__).resolve().parents[2]
_LATE_MS: Final = 1000
"""A claim that was not written for so long may have been overtaken; of any other the servers' clocks are no judge."""


class Database:
    """One database, of whichever make `url` names. Every method may raise `StoreError`.

    Args:
        url: SQLAlchemy's, with an asynchronous driver.
        default_persona: what is written for a call that asked for none.

    Attributes:
        voices: those there are to choose from.
    """

    def __init__(self, url: str, default_persona: str = "") -> None:
        self._url = url
        self._engine = make_engine(url)
        # without transactions: on SQLite, reading then waits for no writer
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._persona = default_persona
        self.voices = VoiceTable(self._engine, self._reading)

    async def open(self) -> None:
        """Connect, and bring the tables to their newest shape."""
        if folder := folder_of(self._engine.url):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if await self.revision() == HEAD:
            return
        await _migrate(self._url)

    async def aclose(self) -> None:
        """Let go of every connection."""
        with suppress(StoreError):
            async with translated():
                await self._engine.dispose()

    async def revision(self) -> str | None:
        """The tables' shape; None where there are none."""
        async with translated(), self._reading.connect() as connection:
            if not await connection.run_sync(_is_stamped):
                return None
            return cast(str | None, await connection.scalar(text("SELECT version_num FROM alembic_version")))

    async def load(self, sid: str, most: int) -> tuple[Message, ...]:
        """The newest messages of a conversation, oldest first, as the caller heard them, behind its summary."""
        async with translated(), self._reading.connect() as connection:
            return await summaries.read(connection, sid, most)

    async def write(self, records: Sequence[Record], *, again: bool = False) -> None:
        """Write all of them, or none.

        Args:
            again: some may have been written by a try that seemed to fail.
        """
        async with translated(), self._engine.begin() as connection:
            records = await _own(connection, records)
            for sid, row in sorted(
                self._rows(records).items()
            ):  # in one order, so that two servers cannot block each other
                await _touch(connection, sid, row)
            said = [row for record in records if isinstance(record, Said) for row in _message_rows(record)]
            billed = [_turn_row(record) for record in records if isinstance(record, Billed)]
            paid = [row for record in records if isinstance(record, Billed | Charged) for row in ledger.rows(record)]
            for table, rows in ((messages, said), (turns, billed), (charges, paid)):
                new = await _unwritten(connection, table, rows) if again else rows
                if new:
                    await connection.execute(insert(table), new)
            await summaries.write(connection, records)

    async def owner(self, sid: str) -> str:
        """Whose the conversation is; empty for nobody's."""
        wanted = select(conversations.c.owner).where(conversations.c.sid == sid)
        async with translated(), self._reading.connect() as connection:
            return cast(str | None, await connection.scalar(wanted)) or ""

    async def holders(self, sids: Collection[str]) -> dict[str, str]:
        """Which call took up each of these conversations last."""
        wanted = select(conversations.c.sid, conversations.c.holder).where(conversations.c.sid.in_(sids))
        async with translated(), self._reading.connect() as connection:
            return {row.sid: row.holder for row in (await connection.execute(wanted)).all()}

    async def costs(self, first: str, last: str) -> tuple[Total, ...]:
        """What these days have cost, both included."""
        async with translated(), self._reading.connect() as connection:
            return await ledger.between(connection, first, last)

    async def forget(self, sid: str) -> bool:
        """Delete a conversation with all that belongs to it; whether there was one."""
        return await self._forget(conversations.c.sid == sid) > 0

    async def forget_before(self, time_ms: int) -> int:
        """Delete the conversations that nobody has said anything in since; how many there were."""
        return await self._forget(conversations.c.last_ms < time_ms)

    async def _forget(self, which: ColumnElement[bool]) -> int:
        async with translated(), self._engine.begin() as connection:
            return (await connection.execute(delete(conversations).where(which))).rowcount

    def _rows(self, records: Sequence[Record]) -> dict[str, dict[str, Any]]:
        """What the records change in the rows of their conversations."""
        rows: dict[str, dict[str, Any]] = {}
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
                row["persona"] = record.ref.persona or self._persona
        return rows


async def _migrate(url: str) -> None:
    """In a process of its own, see `backend.store.migrate`; a session of its own, as Ctrl-C is not meant for it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "backend.store.migrate"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        reason, complaint = await process.communicate(url.encode())
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        lines = (reason or complaint).decode(errors="replace").strip().splitlines()
        raise StoreError(lines[-1] if lines else f"the migration ended with {process.returncode}")


def _is_stamped(connection: Connection) -> bool:
    return inspect(connection).has_table("alembic_version")


async def _touch(connection: AsyncConnection, sid: str, row: dict[str, Any]) -> None:
    """Have the conversation's row be there and up to date."""
    changes = row if "owner" not in row else {**row, "owner": _kept_owner(row["owner"])}
    if "holder" in row and now_ms() - row["held_ms"] > _LATE_MS:
        changes = changes | {name: _unless_overtaken(name, row) for name in ("holder", "held_ms")}
    known = await connection.execute(update(conversations).where(conversations.c.sid == sid).values(**changes))
    if known.rowcount == 0:
        fresh = {"sid": sid, "persona": "", "holder": "", "began_ms": row["last_ms"]}
        await connection.execute(insert(conversations).values(fresh | row))


def _kept_owner(owner: str) -> Case[str]:
    """A conversation that has an owner keeps it."""
    return case((conversations.c.owner == "", owner), else_=conversations.c.owner)


def _unless_overtaken(name: str, claim: dict[str, Any]) -> Case[Any]:
    """A claim of later stands. MySQL sets columns one by one, in the table's order: the time must come last."""
    return case((conversations.c.held_ms <= claim["held_ms"], claim[name]), else_=conversations.c[name])


async def _own(connection: AsyncConnection, records: Sequence[Record]) -> Sequence[Record]:
    """Without what callers said in conversations of others, which they could take up while the database was away."""
    sids = {record.sid for record in records}
    owned = select(conversations.c.sid, conversations.c.owner).where(conversations.c.sid.in_(sids))
    owners = {row.sid: row.owner for row in (await connection.execute(owned.where(conversations.c.owner != ""))).all()}
    own = [record for record in records if owners.get(record.sid, record.ref.owner) == record.ref.owner]
    if len(own) < len(records):
        log.warning("store.not_its_own", extra={"records": len(records) - len(own)})
    return own


async def _unwritten(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not rows:
        return rows
    there = await connection.scalars(select(table.c.record).where(table.c.record.in_([row["record"] for row in rows])))
    known = set(there)
    return [row for row in rows if row["record"] not in known]


def _message_rows(said: Said) -> Iterable[dict[str, Any]]:
    return (_message_row(said, line) for line in said.lines)


def _message_row(said: Said, line: Line) -> dict[str, Any]:
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


def _turn_row(billed: Billed) -> dict[str, Any]:
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
