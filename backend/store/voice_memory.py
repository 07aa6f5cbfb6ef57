"""Voices in this process's memory, where there is no database: those that were added are gone with it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from backend.store.voice_rows import VoiceRow, VoiceWish


class VoiceMemory:
    """See `VoicePlace`."""

    def __init__(self) -> None:
        self._rows: dict[str, VoiceRow] = {}

    async def find(self, wish: VoiceWish, offset: int, limit: int) -> tuple[list[VoiceRow], int]:
        """See `VoicePlace`."""
        found = [row for row in self._rows.values() if _is_wanted(row, wish)]
        found.sort(key=lambda row: (row.place, row.created_ms, row.id))
        return found[offset : offset + limit], len(found)

    async def get(self, ident: str) -> VoiceRow | None:
        """See `VoicePlace`."""
        row = self._rows.get(ident)
        return None if row is None or row.status == "removed" else row

    async def add(self, rows: Sequence[VoiceRow]) -> int:
        """See `VoicePlace`."""
        new = [row for row in rows if row.id not in self._rows]
        self._rows.update((row.id, row) for row in new)
        return len(new)

    async def change(self, ident: str, values: Mapping[str, object]) -> bool:
        """See `VoicePlace`."""
        if (row := await self.get(ident)) is None:
            return False
        self._rows[ident] = replace(row, **cast(dict[str, Any], values))
        return True

    async def drop(self, ident: str) -> bool:
        """See `VoicePlace`."""
        return self._rows.pop(ident, None) is not None


def _is_wanted(row: VoiceRow, wish: VoiceWish) -> bool:
    exact = ("provider", "voice", "enabled", "kind")
    return (
        (row.status != "removed" if wish.statuses is None else row.status in wish.statuses)
        and all(getattr(wish, name) in (None, getattr(row, name)) for name in exact)
        and (wish.language is None or row.language == wish.language or row.language.startswith(f"{wish.language}-"))
    )
