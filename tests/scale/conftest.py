"""nginx and PostgreSQL of a test's own. Without them the tests are skipped and say so; under `CI=true` they fail."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backend.config.database_url import database_url
from backend.store.migrate import migrate
from tests.scale.cluster import NODES, PATIENCE_S, Cluster, cluster
from tests.store.servers import DatabaseServer, find, running
from tests.support import caller

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    yield from running("postgresql", tmp_path_factory)


@pytest.fixture(scope="session")
def nginx() -> str:
    program = find("nginx")
    if program is None:
        reason = "nginx is not installed here (on Debian: apt-get install nginx-light)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return program


@pytest.fixture
async def group(
    tmp_path: Path, nginx: str, postgresql: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Cluster]:
    """`SCALE_NODES` servers, two unless it is set."""
    assert nginx
    monkeypatch.setattr(caller, "PATIENCE_S", PATIENCE_S)  # so many processes begin at once
    url = await asyncio.to_thread(postgresql.url, f"scale_{next(_numbers)}")
    await migrate(database_url(url)[1])  # or each server would start a process for it
    async with cluster(tmp_path, url, NODES) as running:
        yield running
