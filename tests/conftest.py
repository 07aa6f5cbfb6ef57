"""For every test: a slow machine is no reason to fail a property, and what one does to logging ends with it."""

import gc
import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

gc.disable()  # thousands of tests are collected, none of which is garbage


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is there for good is not looked through again at each collection of a test's garbage."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A program that is run in the test's process sets the root logger up as its own."""
    root = logging.getLogger()
    level, handlers = root.level, set(root.handlers)
    yield
    root.setLevel(level)
    for handler in set(root.handlers) - handlers:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)


@pytest.fixture
def without_the_collector() -> Iterator[None]:
    """What is freed in the test is freed because nothing knows it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
