"""One thread for all calls, over a model that records what it is asked."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager

import pytest

from backend.vad.batch import BACKLOG_WINDOWS, Batcher, Line
from backend.vad.windows import Window

PATIENCE_S = 20.0


class Model:
    """Says 0.9 to everything, and remembers each call's sounds. `hold` keeps it inside a run."""

    def __init__(self) -> None:
        self.runs: list[list[bytes]] = []
        self.heard: list[list[bytes]] = []
        self.inside = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.fails_on: bytes | None = None

    def score(self, sounds: Sequence[bytes], memories: Sequence[object]) -> tuple[list[float], list[object]]:
        self.inside.set()
        assert self.go.wait(PATIENCE_S)
        if self.fails_on is not None and self.fails_on in sounds[0]:
            raise RuntimeError("the model is ill")
        self.runs.append(list(sounds))
        before = [memory if isinstance(memory, list) else [] for memory in memories]
        self.heard = [[*heard, sound] for heard, sound in zip(before, sounds, strict=True)]
        return [0.9] * len(sounds), list(self.heard)

    def hold(self) -> None:
        self.inside.clear()
        self.go.clear()

    async def is_inside(self) -> None:
        assert await asyncio.to_thread(self.inside.wait, PATIENCE_S)


class Call:
    """One call's place, and what came of it."""

    def __init__(self, batcher: Batcher) -> None:
        self.judged: list[int] = []
        self._came = asyncio.Event()
        self._batcher = batcher
        self.line: Line = batcher.open(self._deliver)
        self.next = 0

    def _deliver(self, window: Window, probability: float) -> None:
        assert probability == 0.9
        self.judged.append(window.index)
        self._came.set()

    def say(self, windows: int) -> None:
        new = range(self.next, self.next + windows)
        self._batcher.submit(self.line, [Window(index, b"%d" % index) for index in new])
        self.next += windows

    async def has(self, index: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while index not in self.judged:
                self._came.clear()
                await self._came.wait()


@contextmanager
def told(message: str) -> Iterator[asyncio.Event]:
    """An event for this log line."""
    came, logger = asyncio.Event(), logging.getLogger("backend.vad.batch")

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == message:
                came.set()

    listener = Listener()
    logger.addHandler(listener)
    yield came
    logger.removeHandler(listener)


Scene = Callable[[Model, Batcher], Coroutine[None, None, None]]


async def play(scene: Scene, model: Model | None = None) -> None:
    model = model or Model()
    batcher = Batcher(lambda: model, gather_s=0)
    try:
        await scene(model, batcher)
    finally:
        model.go.set()
        await batcher.aclose()


async def busy(model: Model, batcher: Batcher) -> Call:
    """A call whose first window the model is holding."""
    call = Call(batcher)
    model.hold()
    call.say(1)
    await model.is_inside()
    return call


async def test_windows_that_wait_are_judged_in_one_run() -> None:
    async def scene(model: Model, batcher: Batcher) -> None:
        await busy(model, batcher)
        calls = [Call(batcher) for _ in range(49)]
        for call in calls:
            call.say(1)
        model.go.set()
        for call in calls:
            await call.has(0)

        assert [len(run) for run in model.runs] == [1, 49]
        assert (batcher.counters.runs, batcher.counters.windows) == (2, 50)

    await play(scene)


async def test_a_calls_windows_are_judged_in_order_with_what_came_before_in_mind() -> None:
    async def scene(model: Model, batcher: Batcher) -> None:
        call = Call(batcher)
        call.say(3)
        await call.has(2)
        call.say(7)
        await call.has(9)

        assert call.judged == list(range(10))
        assert model.heard == [[b"%d" % index for index in range(10)]]

    await play(scene)


async def test_nobody_waits_for_anothers_burst() -> None:
    async def scene(model: Model, batcher: Batcher) -> None:
        await busy(model, batcher)
        burst, other = Call(batcher), Call(batcher)
        burst.say(20)
        other.say(1)
        model.go.set()
        await other.has(0)
        waiting = len(burst.line.waiting)
        await burst.has(19)

        assert waiting >= 16
        assert burst.judged == list(range(20))

    await play(scene)


async def test_a_call_that_closes_in_mid_run_hears_no_more_and_the_others_do() -> None:
    async def scene(model: Model, batcher: Batcher) -> None:
        leaving = await busy(model, batcher)
        leaving.say(3)
        staying = Call(batcher)
        staying.say(1)
        batcher.close(leaving.line)
        batcher.close(leaving.line)
        leaving.say(1)
        model.go.set()
        await staying.has(0)

        assert leaving.judged == []
        assert [len(run) for run in model.runs] == [1, 1]

    await play(scene)


async def test_a_call_that_closes_itself_hears_no_more_of_the_same_run() -> None:
    async def scene(model: Model, batcher: Batcher) -> None:
        heard: list[int] = []

        def deliver(window: Window, _: float) -> None:
            heard.append(window.index)
            batcher.close(line)

        line, other = batcher.open(deliver), Call(batcher)
        batcher.submit(line, [Window(0, b"0"), Window(1, b"1")])
        other.say(2)
        await other.has(1)

        assert heard == [0]

    await play(scene)


async def test_what_is_too_late_is_dropped_from_its_old_end_counted_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(model: Model, batcher: Batcher) -> None:
        call = await busy(model, batcher)
        call.say(BACKLOG_WINDOWS + 5)
        call.say(3)
        assert len(call.line.waiting) == BACKLOG_WINDOWS
        model.go.set()
        await call.has(BACKLOG_WINDOWS + 8)

        assert call.judged == [0, *range(9, BACKLOG_WINDOWS + 9)]
        assert batcher.counters.dropped == 8

    with caplog.at_level(logging.WARNING):
        await play(scene)

    assert [record.message for record in caplog.records] == ["vad.lagging"]


async def test_a_run_that_fails_loses_its_windows_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(model: Model, batcher: Batcher) -> None:
        call = await busy(model, batcher)
        model.fails_on = b"0"
        call.say(1)
        model.go.set()
        await call.has(1)

        assert call.judged == [1]
        assert batcher.counters.dropped == 1

    await play(scene)

    assert "vad.failed" in caplog.messages


async def test_a_model_that_stays_ill_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(model: Model, batcher: Batcher) -> None:
        model.fails_on = b""
        for _ in range(3):
            await busy(model, batcher)
            model.go.set()

    await play(scene)

    assert caplog.messages.count("vad.failed") == 1


async def test_a_model_that_does_not_load_leaves_calls_without_edges(caplog: pytest.LogCaptureFixture) -> None:
    loads: list[None] = []

    def load() -> Model:
        loads.append(None)
        raise OSError("no such file")

    batcher = Batcher(load)
    with told("vad.failed") as failed:
        call = Call(batcher)
        call.say(1)
        await failed.wait()
    call.say(1)
    Call(batcher).say(1)
    await batcher.aclose()

    assert len(loads) == 1
    assert call.judged == []


async def test_one_calls_fault_is_no_other_calls(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(model: Model, batcher: Batcher) -> None:
        def deliver(_: Window, __: float) -> None:
            raise ValueError("not my day")

        line, other = batcher.open(deliver), Call(batcher)
        batcher.submit(line, [Window(0, b"0")])
        other.say(1)
        await other.has(0)

    await play(scene)

    assert caplog.messages == ["vad.listener_failed"]


async def test_closing_waits_for_the_run_and_takes_nothing_more() -> None:
    model = Model()
    batcher = Batcher(lambda: model, gather_s=0)
    call = await busy(model, batcher)
    closing = asyncio.ensure_future(batcher.aclose())
    await asyncio.sleep(0)
    assert not closing.done()

    model.go.set()
    await closing
    call.say(1)

    assert model.runs == [[b"0"]]
    assert threading.active_count() == len([thread for thread in threading.enumerate() if "vad" not in thread.name])
