"""The database as the store needs it, and how much patience it has with it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.ports import Message
from backend.store.records import Record
from backend.store.totals import Total
from backend.store.voice_rows import VoicePlace


class Vault(Protocol):
    """The database, as `backend.store.database.Database` is one. Every method may raise `StoreError`."""

    @property
    def voices(self) -> VoicePlace:
        """Those there are to choose from."""

    async def open(self) -> None:
        """Connect, and have the tables in shape; again after a failure."""

    async def load(self, sid: str, most: int, owner: str) -> tuple[Message, ...]:
        """The newest messages of a conversation, oldest first; nothing of one that is somebody else's."""

    async def write(self, records: Sequence[Record], *, again: bool) -> None:
        """Write all or none; with `again`, those that are not there yet."""

    async def owner(self, sid: str) -> str:
        """Whose the conversation is; empty for nobody's."""

    async def holders(self, sids: Collection[str]) -> dict[str, str]:
        """Which call took up each conversation last."""

    async def newest_charge(self) -> int:
        """The id of the last charge that was written; those of later ones are greater."""

    async def costs(self, first: str, last: str, newest: int) -> tuple[Total, ...]:
        """What these days have cost, both included, in charges up to the one with the id `newest`. May take long."""

    async def forget(self, sid: str, owner: str) -> bool:
        """Delete a conversation; whether there was one that is theirs, or nobody's."""

    async def forget_before(self, time_ms: int) -> int:
        """Delete what is older; how many conversations that was."""

    async def aclose(self) -> None:
        """Let go of every connection."""


@dataclass(frozen=True, slots=True)
class KeepLimits:
    """Bounds of what waits for the database.

    Attributes:
        max_messages: of a conversation that are read, and held in memory.
        in_memory: conversations that go on from memory while the database is down.
        load_s: after this long a call begins with what memory has.
        first_load_s: the same while the server has only just started: who was cut off by that comes back at once.
        write_s: after this long a write has failed.
        open_s: the same for connecting, in which another server's migration may have to be waited for.
        linger_s: how long a record waits for others to be written together.
        pending: records that wait; the oldest is dropped for the newest.
        batch: records in one transaction.
        retry_s, most_retry_s: how long a database that failed is left alone, at first and at most.
        tries: a record that the database refuses for what it is, by itself, is dropped after so many.
        flush_s: how long the end of the server waits for what has not been written.
        close_s: and then for the database to let go: a disk may hang for ever.
        days: conversations in which nothing was said for so long are deleted; 0 keeps them.
        chore_s: how often that is looked after.
    """

    max_messages: int = 20
    in_memory: int = 1000
    load_s: float = 1.0
    first_load_s: float = 5.0
    write_s: float = 10.0
    open_s: float = 90.0
    linger_s: float = 0.05
    pending: int = 10_000
    batch: int = 200
    retry_s: float = 0.5
    most_retry_s: float = 15.0
    tries: int = 3
    flush_s: float = 5.0
    close_s: float = 2.0
    days: float = 0
    chore_s: float = 3600.0
