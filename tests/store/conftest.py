"""The whole suite runs against SQLite and against real MariaDB and PostgreSQL servers.

Where a server's programs are missing its tests are skipped and say so; under `CI=true` they fail.
"""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.config.database_url import database_url
from backend.store.migrate import migrate
from tests.store.servers import DatabaseServer, running

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    yield from running("mariadb", tmp_path_factory)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    yield from running("postgresql", tmp_path_factory)


@dataclass
class Place:
    """A database of a test's own; `server` where it can be stopped."""

    url: str
    server: DatabaseServer | None = None


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Without a table."""
    return _of(request, request.param, tmp_path)


@pytest.fixture
def place(empty: Place) -> Place:
    """With its tables, as a server of before has left it."""
    return _migrated(empty)


@pytest.fixture(params=["sqlite", "mariadb", "postgresql", None])
def place_or_memory(request: pytest.FixtureRequest, tmp_path: Path) -> Place | None:
    """A database with its tables, or none."""
    return None if request.param is None else _migrated(_of(request, request.param, tmp_path))


@pytest.fixture(params=["mariadb", "postgresql"])
def stoppable(request: pytest.FixtureRequest) -> Place:
    return _migrated(_in(request.getfixturevalue(request.param)))


def _of(request: pytest.FixtureRequest, make: str, folder: Path) -> Place:
    if make == "sqlite":
        return Place(f"sqlite:///{folder}/calls.db")
    return _in(request.getfixturevalue(make))


def _migrated(place: Place) -> Place:
    asyncio.run(migrate(database_url(place.url)[1]))
    return place


def _in(server: DatabaseServer) -> Place:
    return Place(server.url(f"calls_{next(_numbers)}"), server)
