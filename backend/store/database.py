"""The database behind the conversations: what is read and written there."""

import asyncio
import os
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from backend.errors import StoreError
from backend.ports import Message
from backend.store import charges, summaries, writing
from backend.store.asking import Ask, Asked, Script
from backend.store.head import HEAD
from backend.store.records import Record
from backend.store.totals import Total
from backend.store.voice_table import VoiceTable

_ROOT: Final = Path(__file__).resolve().parents[2]
_SQLITE: Final = "sqlite+aiosqlite:///"


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
        self._file = sqlite_file(url)
        self._asked = _reached(url, self._file)
        self._persona = default_persona
        self.voices = VoiceTable(self._asked)

    async def open(self) -> None:
        """Connect, and bring the tables to their newest shape."""
        if self._file is not None:
            _make_room(self._file)
        if await self.revision() == HEAD:
            return
        await _migrate(self._url)

    async def aclose(self) -> None:
        """Let go of every connection."""
        with suppress(StoreError):
            await self._asked.aclose()

    async def revision(self) -> str | None:
        """The tables' shape; None where there are none."""
        return await self._asked.revision()

    async def load(self, sid: str, most: int, owner: str = "") -> tuple[Message, ...]:
        """The newest messages of a conversation, oldest first, as the caller heard them, behind its summary.

        Args:
            owner: who asks; nothing of what is somebody else's.
        """
        return await self._asked.read(summaries.read(sid, most, owner))

    async def write(self, records: Sequence[Record], *, again: bool = False) -> None:
        """Write all of them, or none.

        Args:
            again: some may have been written by a try that seemed to fail.
        """
        await self._asked.write(writing.write(tuple(records), self._persona, again=again))

    async def owner(self, sid: str) -> str:
        """Whose the conversation is; empty for nobody's."""
        return await self._asked.read(_owner(sid))

    async def holders(self, sids: Collection[str]) -> dict[str, str]:
        """Which call took up each of these conversations last."""
        return await self._asked.read(_holders(sids))

    async def newest_charge(self) -> int:
        """The id of the last charge that was written; those of later ones are greater."""
        return await self._asked.read(charges.newest())

    async def costs(self, first: str, last: str, newest: int) -> tuple[Total, ...]:
        """What these days have cost, both included, in charges up to the one with the id `newest`."""
        return await self._asked.report(charges.between(first, last, newest))

    async def forget(self, sid: str, owner: str = "") -> bool:
        """Delete a conversation with all that belongs to it; whether there was one that is theirs, or nobody's."""
        return await self._asked.write(_changed(Ask("forget", {"sid": sid, "owner": owner}))) > 0

    async def forget_before(self, time_ms: int) -> int:
        """Delete the conversations that nobody has said anything in since; how many there were."""
        return await self._asked.write(_changed(Ask("forget_before", {"time_ms": time_ms})))


def sqlite_file(url: str) -> Path | None:
    """The file that the URL names, where it names one."""
    return Path(url.removeprefix(_SQLITE).partition("?")[0]) if url.startswith(_SQLITE) else None


def _make_room(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise StoreError(f"{type(exc).__name__}: {exc}") from exc


def _reached(url: str, file: Path | None) -> Asked:
    """Without SQLAlchemy, where there are no options that it would have to understand."""
    if file is not None and "?" not in url and not file.name.startswith(":"):
        from backend.store.sqlite_file import SqliteFile  # noqa: PLC0415 - of the two only what is needed

        return SqliteFile(file)
    from backend.store.alchemy import Alchemy  # noqa: PLC0415

    return Alchemy(url)


def _owner(sid: str) -> Script[str]:
    rows = (yield Ask("owner", {"sid": sid})).rows
    return rows[0][0] if rows else ""


def _holders(sids: Collection[str]) -> Script[dict[str, str]]:
    return dict(cast(Any, (yield Ask("holders", {"sids": list(sids)})).rows))


def _changed(ask: Ask) -> Script[int]:
    return (yield ask).changed


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
