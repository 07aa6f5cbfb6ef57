"""The whole suite runs against SQLite and against real MariaDB and PostgreSQL servers.

Where a server's programs are missing its tests are skipped and say so; under `CI=true` they fail.
"""

import asyncio
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.database_url import database_url
from backend.store.migrate import migrate
from tests.store.servers import DatabaseServer, MariaDb, Postgres, find

_PROGRAMS = {"mariadb": ("mariadbd", "mariadb-install-db"), "postgresql": ("postgres", "initdb")}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    yield from _running("mariadb", tmp_path_factory)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    yield from _running("postgresql", tmp_path_factory)


@dataclass
class Place:
    """A database of a test's own; `server` where it can be stopped."""

    url: str
    server: DatabaseServer | None = None


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Without a table."""
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path}/calls.db")
    return _in(request.getfixturevalue(request.param))


@pytest.fixture
def place(empty: Place) -> Place:
    """With its tables, as a server of before has left it."""
    return _migrated(empty)


@pytest.fixture(params=["mariadb", "postgresql"])
def stoppable(request: pytest.FixtureRequest) -> Place:
    return _migrated(_in(request.getfixturevalue(request.param)))


def _migrated(place: Place) -> Place:
    asyncio.run(migrate(database_url(place.url)[1]))
    return place


def _in(server: DatabaseServer) -> Place:
    return Place(server.url(f"calls_{next(_numbers)}"), server)


def _running(kind: str, folders: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    if missing := [program for program in _PROGRAMS[kind] if find(program) is None]:
        reason = (
            f"{kind} is not installed here ({', '.join(missing)} missing; on Debian: apt-get install {_package(kind)})"
        )
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server: DatabaseServer = (MariaDb if kind == "mariadb" else Postgres)(folders.mktemp(kind))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _package(kind: str) -> str:
    return "mariadb-server" if kind == "mariadb" else "postgresql"
