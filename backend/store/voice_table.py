"""Voices in a database; see `backend.store.asking`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from backend.errors import StoreError
from backend.store.asking import Ask, Asked, Script
from backend.store.voice_rows import VoiceRow, VoiceWish

COLUMNS: Final = tuple(field.name for field in fields(VoiceRow))
_LIKE_ESCAPE: Final = "/"


class VoiceTable:
    """See `VoicePlace`."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    async def find(self, wish: VoiceWish, offset: int, limit: int) -> tuple[list[VoiceRow], int]:
        """See `VoicePlace`."""
        return await self._asked.read(_find(wish, offset, limit))

    async def get(self, ident: str) -> VoiceRow | None:
        """See `VoicePlace`."""
        return await self._asked.read(_get(ident, "voice"))

    async def add(self, rows: Sequence[VoiceRow]) -> int:
        """See `VoicePlace`: again, where another server adds the same at the same time."""
        try:
            return await self._asked.write(_add(rows))
        except StoreError:
            return await self._asked.write(_add(rows))

    async def change(self, ident: str, values: Mapping[str, object]) -> bool:
        """See `VoicePlace`."""
        return await self._asked.write(_change(ident, values))

    async def drop(self, ident: str) -> bool:
        """See `VoicePlace`."""
        return await self._asked.write(_drop(ident))


def _find(wish: VoiceWish, offset: int, limit: int) -> Script[tuple[list[VoiceRow], int]]:
    wanted = _wanted(wish)
    rows = (yield Ask("voices", {**wanted, "offset": offset, "limit": limit})).rows
    ((total,),) = (yield Ask("voice_count", wanted)).rows
    return [_row(row) for row in rows], total


def _get(ident: str, statement: str) -> Script[VoiceRow | None]:
    rows = (yield Ask(statement, {"id": ident})).rows
    return _row(rows[0]) if rows else None


def _add(rows: Sequence[VoiceRow]) -> Script[int]:
    there = (yield Ask("known_voices", {"ids": [row.id for row in rows]})).rows
    known = {ident for (ident,) in there}
    new = [asdict(row) for row in rows if row.id not in known]
    if new:
        yield Ask("add_voices", new)
    return len(new)


def _change(ident: str, values: Mapping[str, object]) -> Script[bool]:
    row = yield from _get(ident, "locked_voice")
    if row is None:
        return False
    changed = asdict(row) | dict(values)
    yield Ask("change_voice", {f"new_{name}": changed[name] for name in COLUMNS if name != "id"} | {"known_id": ident})
    return True


def _drop(ident: str) -> Script[bool]:
    return (yield Ask("drop_voice", {"id": ident})).changed > 0


def _wanted(wish: VoiceWish) -> dict[str, Any]:
    """Where nothing is asked for, None goes in, which every voice fits."""
    return {
        "provider": wish.provider,
        "voice": wish.voice,
        "enabled": wish.enabled,
        "kind": wish.kind,
        "language": wish.language,
        "dialects": None if wish.language is None else f"{_escaped(wish.language)}-%",
        "any_status": wish.statuses is None,
        "statuses": list(wish.statuses or ("",)),
    }


def _escaped(words: str) -> str:
    for special in (_LIKE_ESCAPE, "%", "_"):
        words = words.replace(special, _LIKE_ESCAPE + special)
    return words


def _row(row: Sequence[Any]) -> VoiceRow:
    values = dict(zip(COLUMNS, row, strict=True))
    return VoiceRow(**values | {"enabled": bool(values["enabled"])})
