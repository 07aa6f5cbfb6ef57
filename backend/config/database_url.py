"""What `DATABASE_URL` may say, and what it means."""

from typing import Final, Literal, cast
from urllib.parse import urlsplit

from backend.errors import ConfigError

DatabaseKind = Literal["memory", "sqlite", "mysql", "postgresql"]

DEFAULT: Final = "sqlite:///data/live-voice-call.db"
MEMORY: Final = "memory:"
_KINDS: Final = {
    "sqlite": "sqlite",
    "mysql": "mysql",
    "mariadb": "mysql",
    "postgresql": "postgresql",
    "postgres": "postgresql",
}
_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "mysql": "mysql+aiomysql", "postgresql": "postgresql+asyncpg"}


def database_url(value: str) -> tuple[DatabaseKind, str]:
    """Which database, and its URL with the driver that speaks to it.

    Raises:
        ConfigError: it is none of ours; the message does not repeat it, as a password may be in it.
    """
    if value == MEMORY:
        return "memory", ""
    scheme, colon, rest = (value or DEFAULT).partition(":")
    name, _, driver = scheme.partition("+")
    kind = _KINDS.get(name)
    if kind is None or (driver and _DRIVERS[kind] != f"{kind}+{driver}") or not colon or not _is_whole(kind, rest):
        raise ConfigError(
            "DATABASE_URL is sqlite:///FILE, mysql://USER:PASSWORD@HOST/NAME, postgresql://USER:PASSWORD@HOST/NAME, "
            "memory:, or empty for a SQLite file"
        )
    return cast(DatabaseKind, kind), f"{_DRIVERS[kind]}:{rest}"


def _is_whole(kind: str, rest: str) -> bool:
    try:
        parts = urlsplit(f"//{rest.removeprefix('//')}") if rest.startswith("//") else None
    except ValueError:
        return False
    if parts is None:
        return False
    named = len(parts.path) > 1
    return named and not parts.netloc if kind == "sqlite" else named
