"""The vendor's own SDK, unchanged, turned to an emulator. It blocks, so a test calls it in a thread."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import dashscope
import pytest

from emulator.script import Script
from tests.support.emulator import EmulatorHandle, running_emulator

T = TypeVar("T")
PATIENCE_S = 30
KEY = "sk-test"


@asynccontextmanager
async def dashscope_at(
    script: Script, patch: pytest.MonkeyPatch, *, may_leave_lines: bool = False
) -> AsyncIterator[EmulatorHandle]:
    """An emulator that the SDK takes for the service."""
    async with running_emulator(script, may_leave_lines=may_leave_lines) as vendor:
        patch.setattr(dashscope, "api_key", KEY)
        patch.setattr(dashscope, "base_websocket_api_url", vendor.dashscope_ws_url)
        patch.setattr(dashscope, "base_http_api_url", f"{vendor.http_url}/api/v1")
        yield vendor


async def in_thread(work: Callable[[], T]) -> T:
    """Let the SDK block a thread of its own."""
    async with asyncio.timeout(PATIENCE_S):
        return await asyncio.to_thread(work)
