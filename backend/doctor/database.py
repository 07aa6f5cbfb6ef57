"""The database: reached, of a shape that this server knows, and writable."""

import importlib.util
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from sqlalchemy import text as sql
from sqlalchemy.engine import make_url

from backend.doctor.findings import Finding, doubtful, fine, wrong
from backend.doctor.patient import Patient
from backend.errors import StoreError
from backend.settings import StoreSettings
from backend.store.database import Database
from backend.store.engine import make_engine, translated
from backend.store.head import HEAD

_STEPS: Final = Path(__file__).resolve().parents[1] / "store" / "migrations" / "versions"
_DRIVERS: Final = {"sqlite": "aiosqlite", "mysql": "aiomysql", "postgresql": "asyncpg"}
_PROBE: Final = "lvc_doctor_probe"


async def database(patient: Patient) -> AsyncIterator[Finding]:
    """Whatever `DATABASE_URL` names."""
    store = patient.settings.store
    if store.kind == "memory":
        remedy = "leave DATABASE_URL empty for a file, or name a database"
        yield doubtful("database", "memory: conversations end with the server", remedy)
    elif importlib.util.find_spec(_DRIVERS[store.kind]) is None:
        yield wrong("database", f"{_DRIVERS[store.kind]} is not installed", "run scripts/setup python")
    elif (file := _new_file(store)) is not None:
        yield _of_new_file(file)
    else:
        yield await _of_database(store)


def _new_file(store: StoreSettings) -> Path | None:
    """The SQLite file that the first start will make."""
    if store.kind != "sqlite":
        return None
    file = Path(make_url(store.url).database or "")
    return None if file.exists() else file


def _of_new_file(file: Path) -> Finding:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return fine("database", f"{file} will be made by the first start")
    return wrong("database", f"{file} cannot be made in {folder}", "give the user the right to write there")


async def _of_database(store: StoreSettings) -> Finding:
    try:
        revision = await _revision(store.url)
    except StoreError as exc:
        remedy = "start it, and look at DATABASE_URL: host, port, name, user, password"
        return wrong("database", f"it cannot be reached ({exc})", remedy)
    if revision is not None and revision not in _known_revisions():
        text = f"its tables are of a newer server (revision {revision}, this one knows {HEAD})"
        return wrong("database", text, "update this server, or give it a database of its own")
    try:
        await _write(store.url, revision)
    except StoreError as exc:
        return wrong("database", f"it cannot be written to ({exc})", "give the user all rights in the database")
    shape = {HEAD: "its tables are up to date", None: "the first start makes the tables"}
    return fine(
        "database", f"{store.kind}, writable; {shape.get(revision, 'the next start brings the tables up to date')}"
    )


def _known_revisions() -> set[str]:
    return {path.name.partition("_")[0] for path in _STEPS.glob("[0-9]*.py")}


async def _revision(url: str) -> str | None:
    opened = Database(url)
    try:
        return await opened.revision()
    finally:
        await opened.aclose()


async def _write(url: str, revision: str | None) -> None:
    """Write and take it back: a conversation where there are tables, else a table."""
    engine = make_engine(url)
    try:
        async with translated(), engine.connect() as connection:
            if revision is None:
                await connection.execute(sql(f"CREATE TABLE {_PROBE} (id INTEGER)"))
                await connection.execute(sql(f"DROP TABLE {_PROBE}"))
            else:
                await connection.execute(sql("DELETE FROM turns WHERE sid = ' '"))
                await connection.execute(sql("UPDATE conversations SET last_ms = last_ms WHERE sid = ' '"))
            await connection.rollback()
    finally:
        await engine.dispose()
