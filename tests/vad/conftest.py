"""Silero's weights, fetched once for all tests that need them."""

import os
from pathlib import Path

import pytest

from backend.errors import ConfigError
from backend.vad.weights import FILE, MODEL
from emulator import models


@pytest.fixture(scope="session")
def silero_weights() -> Path:
    """The model's file. Where it cannot be had the tests are skipped; in CI they fail."""
    try:
        return models.fetch([MODEL]) / MODEL / FILE
    except ConfigError as exc:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"Silero's weights cannot be had: {exc}")
