"""The on-device engines, loaded once for all tests that need them."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from backend.errors import ConfigError
from emulator import models
from emulator.engines import on_device


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """The folder with all models. Where they cannot be had the tests are skipped; in CI they fail."""
    try:
        return models.fetch(["whisper-base", "kokoro"])
    except ConfigError as exc:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the on-device models cannot be had: {exc}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def device(model_cache: Path) -> AsyncIterator[on_device.OnDevice]:
    """Both models in their processes."""
    engines = await on_device.load(model_cache, lambda _: None)
    yield engines
    await engines.aclose()
