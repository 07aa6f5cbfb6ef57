"""From settings to the store that keeps conversations."""

import asyncio
import importlib
import importlib.util
from typing import Final, cast

from backend.errors import ConfigError
from backend.process import garbage
from backend.settings import StoreSettings
from backend.store.kept import KeptStore
from backend.store.memory import MemoryStore
from backend.store.vault import KeepLimits, Vault

Store = MemoryStore | KeptStore

_LIBRARIES: Final = {"sqlite": "aiosqlite", "mysql": "aiomysql", "postgresql": "asyncpg"}


def open_store(settings: StoreSettings, max_messages: int, default_persona: str) -> Store:
    """The store that the settings ask for; nothing is connected before its `start`.

    Raises:
        ConfigError: what speaks to the database is not installed; the message says how to get it.
    """
    if settings.kind == "memory":
        return MemoryStore(max_messages)
    library = _LIBRARIES[settings.kind]
    if importlib.util.find_spec(library) is None:
        raise ConfigError(f"DATABASE_URL names a {settings.kind} database, for which {library} is missing: `make run`")

    async def vault() -> Vault:
        return await asyncio.to_thread(_database, settings.url, default_persona)

    return KeptStore(vault, KeepLimits(max_messages=max_messages, days=settings.days))


def _database(url: str, default_persona: str) -> Vault:
    """With SQLAlchemy half a second of imports, for which no call and no start waits; the collector need not look at
    them again."""
    module = importlib.import_module("backend.store.database")
    made = cast(Vault, module.Database(url, default_persona))
    garbage.keep_what_is_there()
    return made
