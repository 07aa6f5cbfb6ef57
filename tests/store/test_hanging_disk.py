"""A disk that hangs keeps no server from ending."""

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from backend.ports import Message, TurnRef
from backend.store import sqlite_file
from backend.store.database import Database
from backend.store.kept import KeptStore
from backend.store.vault import KeepLimits

LIMITS = KeepLimits(linger_s=0, flush_s=0.05, close_s=0.05)


async def test_the_end_waits_for_no_disk_that_hangs_and_says_what_was_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hangs, lets_go = threading.Event(), threading.Event()

    def hang(*_: Any) -> None:
        hangs.set()
        lets_go.wait(30)

    async def vault() -> Database:
        return Database(f"sqlite+aiosqlite:///{tmp_path}/calls.db")

    monkeypatch.setattr(sqlite_file, "_transaction", hang)
    store = KeptStore(vault, LIMITS)
    store.start()
    await store.append("sid", (Message("user", "你好"),), TurnRef("call-1", 1))
    assert await asyncio.to_thread(hangs.wait, 30)
    await store.append("sid", (Message("user", "在吗"),), TurnRef("call-1", 2))
    try:
        async with asyncio.timeout(10):
            with caplog.at_level(logging.WARNING):
                await store.aclose()
    finally:
        lets_go.set()

    told = [(record.getMessage(), record.__dict__.get("records")) for record in caplog.records]
    assert told == [("store.lost", 2), ("store.not_closed", None)]
