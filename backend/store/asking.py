"""What a database is asked, apart from how it is reached: scripts yield questions and are sent the answers.

A question names a statement of `backend.store.statements`; whoever carries a script out (`backend.store.alchemy`, for
any database, and `backend.store.sqlite_file`) knows its SQL.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One statement with what goes into it; several rows are for one that inserts."""

    statement: str
    values: Values | Sequence[Values]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that were found, or how many were changed."""

    rows: Sequence[Sequence[Any]]
    changed: int


T = TypeVar("T")
Script = Generator[Ask, Answer, T]


class Asked(Protocol):
    """A database, as far as scripts need it. Every method may raise `StoreError`."""

    async def revision(self) -> str | None:
        """The tables' shape; None where there are none."""

    async def read(self, script: Script[T]) -> T:
        """Carry it out without a transaction: on SQLite, it waits for no writer."""

    async def report(self, script: Script[T]) -> T:
        """As `read`, and may take long: no `read` waits for it."""

    async def write(self, script: Script[T]) -> T:
        """Carry all of it out, or nothing."""

    async def aclose(self) -> None:
        """Let go of every connection."""
