"""A model in another process: calls, their order, and what becomes of them when things break."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import pytest
import pytest_asyncio

from backend.errors import ConfigError, ProviderUnavailable
from emulator.engines.workers import WAITING_CALLS, Worker

TOY = "tests.emulator.toys:Toy"


@pytest_asyncio.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker("toy", "asr", TOY, {"greeting": "你好"})
    await worker.start()
    yield worker
    await worker.aclose()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A named pipe, on which a call holds until it has been opened and closed here."""
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


async def opened(gate: Path) -> BinaryIO:
    """Once this returns, the call runs; closing it lets the call end."""
    return await asyncio.to_thread(gate.open, "wb")


async def test_a_call_runs_in_the_process_and_prints_do_not_disturb_it(worker: Worker) -> None:
    assert await worker.call("greet", b"abc", name="青青") == ("你好 青青", b"cba")


async def test_a_large_blob_goes_both_ways(worker: Worker) -> None:
    sound = bytes(range(256)) * 8000

    _, back = await worker.call("greet", sound, name="x")

    assert back == sound[::-1]


async def test_a_failed_call_is_a_provider_error_and_the_next_one_works(worker: Worker) -> None:
    with pytest.raises(ProviderUnavailable, match="toy engine failed: ValueError: no such word") as failure:
        await worker.call("fail")

    assert failure.value.stage == "asr"
    assert await worker.call("greet", name="x") == ("你好 x", b"")


async def test_a_process_that_dies_fails_its_call_and_is_started_again(worker: Worker) -> None:
    first = worker.pid
    with pytest.raises(ProviderUnavailable, match="stopped working and is being restarted"):
        await worker.call("die")

    assert await worker.call("greet", name="x") == ("你好 x", b"")
    assert worker.pid != first


async def test_calls_that_wait_outlive_the_death_of_the_one_before(worker: Worker) -> None:
    dying = asyncio.create_task(worker.call("die"))
    waiting = asyncio.create_task(worker.call("greet", name="x"))

    outcomes = await asyncio.gather(dying, waiting, return_exceptions=True)

    assert isinstance(outcomes[0], ProviderUnavailable)
    assert outcomes[1] == ("你好 x", b"")


async def test_urgent_calls_go_first_and_cancelled_ones_never_run(worker: Worker, gate: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    running = asyncio.create_task(worker.call("hold", gate=str(gate)))
    door = await opened(gate)
    late, cancelled, urgent = (
        asyncio.create_task(worker.call("note", urgent=word == "u", path=str(notes), word=word)) for word in "lcu"
    )
    await asyncio.sleep(0)
    cancelled.cancel()
    door.close()

    await asyncio.gather(running, late, urgent)

    assert notes.read_text() == "ul"
    assert not worker.busy


async def test_more_calls_than_may_wait_are_refused(worker: Worker, gate: Path) -> None:
    running = asyncio.create_task(worker.call("hold", gate=str(gate)))
    door = await opened(gate)
    waiting = [asyncio.create_task(worker.call("greet", name="x")) for _ in range(WAITING_CALLS)]
    await asyncio.sleep(0)

    with pytest.raises(ProviderUnavailable, match="overloaded"):
        await worker.call("greet", name="x")

    door.close()
    assert len(await asyncio.gather(running, *waiting)) == WAITING_CALLS + 1


async def test_closing_ends_the_process_and_fails_what_is_under_way(gate: Path) -> None:
    worker = Worker("toy", "tts", TOY, {})
    await worker.start()
    pid = worker.pid
    assert pid is not None
    running = asyncio.create_task(worker.call("hold", gate=str(gate)))
    door = await opened(gate)
    waiting = asyncio.create_task(worker.call("greet", name="x"))
    await asyncio.sleep(0)

    await worker.aclose()

    door.close()
    outcomes = await asyncio.gather(running, waiting, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["the toy engine has been closed"] * 2
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ProviderUnavailable, match="closed"):
        await worker.call("greet", name="x")


async def test_a_model_that_cannot_be_loaded_stops_the_start_with_its_reason() -> None:
    worker = Worker("toy", "tts", "tests.emulator.toys:broken", {})

    with pytest.raises(ConfigError, match=r"cannot load the toy engine: .*weights\.bin is missing"):
        await worker.start()
    await worker.aclose()
