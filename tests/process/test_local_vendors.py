"""The emulator as a child process: whenever it dies there is another, as soon as the system has room for one."""

import asyncio
import errno
from typing import Any

import pytest

from backend.process import local_vendors
from backend.settings import load
from tests.support.virtual import virtually


class Process:
    """A child that lives until it is ended."""

    def __init__(self, *, dead: bool = False) -> None:
        self.returncode: int | None = 1 if dead else None
        self._over = asyncio.Event()

    async def wait(self) -> int:
        if self.returncode is None:
            await self._over.wait()
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        self.returncode = 0
        self._over.set()


def test_it_is_started_again_when_there_is_room_for_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def watch() -> tuple[list[float], Process]:
        tried: list[float] = []
        started = Process()

        async def start(*_command: str, **_options: Any) -> Process:
            tried.append(asyncio.get_running_loop().time())
            if len(tried) < 8:
                raise OSError(errno.ENOMEM, "Cannot allocate memory")
            return started

        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        first: Any = Process(dead=True)
        watcher = asyncio.create_task(local_vendors._keep_alive(first, load({}).emulator))
        await asyncio.sleep(300)
        assert not watcher.done()
        watcher.cancel()
        await asyncio.wait([watcher])
        return tried, started

    tried, started = virtually(watch())

    assert [later - earlier for earlier, later in zip([0.0, *tried], tried, strict=False)] == [
        1,
        2,
        4,
        8,
        16,
        30,
        30,
        30,
    ]
    assert started.returncode == 0, "the new one is ended with the server"
    told = [record.getMessage() for record in caplog.records]
    assert told == ["emulator.died", *["emulator.not_started"] * 7]
