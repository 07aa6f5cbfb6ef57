"""nginx and PostgreSQL of a test's own. Without them the tests are skipped and say so; under `CI=true` they fail."""

import os
from collections.abc import Iterator

import pytest

from tests.store.servers import DatabaseServer, find, running


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
