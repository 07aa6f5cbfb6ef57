"""Scripts carried out in a database of any make, through SQLAlchemy."""

from typing import cast

from sqlalchemy import Connection, CursorResult, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.store.asking import Answer, Ask, Script, T
from backend.store.engine import make_engine, translated
from backend.store.statements import BOOK


class Alchemy:
    """See `Asked`; nothing is connected before the first question.

    Args:
        url: SQLAlchemy's, with an asynchronous driver.
    """

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def revision(self) -> str | None:
        """See `Asked`."""
        async with translated(), self._reading.connect() as connection:
            if not await connection.run_sync(_is_stamped):
                return None
            return cast(str | None, await connection.scalar(text("SELECT version_num FROM alembic_version")))

    async def read(self, script: Script[T]) -> T:
        """See `Asked`."""
        async with translated(), self._reading.connect() as connection:
            return await _carried_out(script, connection)

    async def report(self, script: Script[T]) -> T:
        """See `Asked`: it has a connection of its own anyway."""
        return await self.read(script)

    async def write(self, script: Script[T]) -> T:
        """See `Asked`."""
        async with translated(), self._engine.begin() as connection:
            return await _carried_out(script, connection)

    async def aclose(self) -> None:
        """See `Asked`."""
        async with translated():
            await self._engine.dispose()


async def _carried_out(script: Script[T], connection: AsyncConnection) -> T:
    try:
        ask = next(script)
        while True:
            ask = script.send(await _answer(ask, connection))
    except StopIteration as ended:
        return cast(T, ended.value)


async def _answer(ask: Ask, connection: AsyncConnection) -> Answer:
    found = cast(CursorResult[tuple[object, ...]], await connection.execute(BOOK[ask.statement], ask.values))
    return Answer(found.all(), 0) if found.returns_rows else Answer((), found.rowcount)


def _is_stamped(connection: Connection) -> bool:
    return inspect(connection).has_table("alembic_version")
