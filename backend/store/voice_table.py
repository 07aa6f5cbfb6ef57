"""Voices in a database, in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.errors import StoreError
from backend.store.engine import translated
from backend.store.schema import voices
from backend.store.voice_rows import VoiceRow, VoiceWish

_THERE = voices.c.status != "removed"


class VoiceTable:
    """See `VoicePlace`.

    Args:
        reading: the same database, without transactions.
    """

    def __init__(self, engine: AsyncEngine, reading: AsyncEngine) -> None:
        self._engine = engine
        self._reading = reading

    async def find(self, wish: VoiceWish, offset: int, limit: int) -> tuple[list[VoiceRow], int]:
        """See `VoicePlace`."""
        wanted = _conditions(wish)
        page = select(voices).where(*wanted).order_by(voices.c.place, voices.c.created_ms, voices.c.id)
        async with translated(), self._reading.connect() as connection:
            rows = (await connection.execute(page.offset(offset).limit(limit))).mappings().all()
            total = await connection.scalar(select(func.count()).select_from(voices).where(*wanted))
        return [_row(row) for row in rows], total or 0

    async def get(self, ident: str) -> VoiceRow | None:
        """See `VoicePlace`."""
        async with translated(), self._reading.connect() as connection:
            row = (await connection.execute(_one(ident))).mappings().first()
        return None if row is None else _row(row)

    async def add(self, rows: Sequence[VoiceRow]) -> int:
        """See `VoicePlace`: again, where another server adds the same at the same time."""
        try:
            return await self._add(rows)
        except StoreError:
            return await self._add(rows)

    async def _add(self, rows: Sequence[VoiceRow]) -> int:
        async with translated(), self._engine.begin() as connection:
            known = set(await connection.scalars(select(voices.c.id).where(voices.c.id.in_([row.id for row in rows]))))
            new = [asdict(row) for row in rows if row.id not in known]
            if new:
                await connection.execute(insert(voices), new)
        return len(new)

    async def change(self, ident: str, values: Mapping[str, object]) -> bool:
        """See `VoicePlace`."""
        async with translated(), self._engine.begin() as connection:
            # MariaDB counts rows that did not change as not found
            there = (await connection.execute(_one(ident).with_for_update())).first() is not None
            await connection.execute(update(voices).where(voices.c.id == ident, _THERE).values(**values))
        return there

    async def drop(self, ident: str) -> bool:
        """See `VoicePlace`."""
        async with translated(), self._engine.begin() as connection:
            return (await connection.execute(delete(voices).where(voices.c.id == ident))).rowcount > 0


def _one(ident: str) -> Select[Any]:
    return select(voices).where(voices.c.id == ident, _THERE)


def _conditions(wish: VoiceWish) -> list[ColumnElement[bool]]:
    wanted = [_THERE if wish.statuses is None else voices.c.status.in_(wish.statuses)]
    for column, value in (
        (voices.c.provider, wish.provider),
        (voices.c.voice, wish.voice),
        (voices.c.enabled, wish.enabled),
        (voices.c.kind, wish.kind),
    ):
        if value is not None:
            wanted.append(column == value)
    if wish.language is not None:
        language = voices.c.language
        wanted.append(or_(language == wish.language, language.startswith(f"{wish.language}-", autoescape=True)))
    return wanted


def _row(row: Mapping[Any, Any]) -> VoiceRow:
    return VoiceRow(**row)
