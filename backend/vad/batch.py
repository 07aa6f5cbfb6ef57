"""One model and one thread for all calls: windows that wait are judged together."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from backend.vad.windows import Window

log = logging.getLogger(__name__)

GATHER_S: Final = 0.016
"""Between the starts of two runs, so that a run has windows of several calls: four at once cost half of four."""

BACKLOG_WINDOWS: Final = 32
"""About a second of one call: a burst after a hiccup of the network fits. Beyond it the oldest are dropped."""

_CALLS: Final = 64  # in one run; more make it no cheaper
_STEPS: Final = 4  # windows of one call in one go, so that nobody waits for another's burst


class Scorer(Protocol):
    """The model. What it remembers of a call is its own affair."""

    def score(self, sounds: Sequence[bytes], memories: Sequence[Any]) -> tuple[list[float], list[Any]]:
        """The probability of speech in one window of each call, and what to remember of each; blocks."""


@dataclass(slots=True)
class Counters:
    """What has been done since the start.

    Attributes:
        runs: of the model.
        windows: judged by it.
        dropped: not judged although the gate let them through: the machine is too slow, or the model failed.
    """

    runs: int = 0
    windows: int = 0
    dropped: int = 0


@dataclass(slots=True, eq=False)
class Line:
    """One call's place in the queue.

    Attributes:
        deliver: takes each window with its probability, in order, on the event loop.
        waiting: the windows that no run has taken yet.
        memory: the model's, touched by its thread alone.
    """

    deliver: Callable[[Window, float], None]
    waiting: deque[Window] = field(default_factory=deque)
    memory: Any = None
    closed: bool = False
    lagging: bool = False


Job = list[tuple[Line, list[Window]]]


class Batcher:
    """Runs the model over what waits, again and again, as long as anything does. Lives on one event loop.

    Args:
        load: makes the model, on the thread, when the first call opens.
        gather_s: between the starts of two runs.
    """

    def __init__(self, load: Callable[[], Scorer], gather_s: float = GATHER_S) -> None:
        self.counters = Counters()
        self._load = load
        self._gather_s = gather_s
        self._scorer: Scorer | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vad")
        self._ready: dict[Line, None] = {}  # in the order in which they began to wait
        self._running: asyncio.Future[list[list[float]]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._started = -1.0
        self._closed = False
        self._failing = False

    def open(self, deliver: Callable[[Window, float], None]) -> Line:
        """A place for one more call. The first one has the model loaded."""
        if self._scorer is None and self._running is None and not self._closed:
            self._start([])
        return Line(deliver)

    def submit(self, line: Line, windows: Sequence[Window]) -> None:
        """Have these judged soon. The oldest of a line that is too long are dropped."""
        if line.closed or self._closed:
            return
        line.waiting.extend(windows)
        while len(line.waiting) > BACKLOG_WINDOWS:
            line.waiting.popleft()
            self._dropped(line, 1)
        self._ready[line] = None
        self._schedule()

    def close(self, line: Line) -> None:
        """Forget a call, even while its windows are being judged."""
        line.closed = True
        line.deliver = _to_nobody  # who took them knows this line
        line.waiting.clear()
        self._ready.pop(line, None)

    async def aclose(self) -> None:
        """Let the thread finish its run, and end it."""
        self._closed = True
        self._ready.clear()
        if self._timer:
            self._timer.cancel()
        if self._running:
            await asyncio.wait([self._running])
        self._thread.shutdown()
        self._scorer = None

    def _schedule(self) -> None:
        if self._running is None and self._timer is None and self._ready and not self._closed:
            self._timer = asyncio.get_running_loop().call_at(self._started + self._gather_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        job: Job = []
        for line in list(self._ready)[:_CALLS]:
            del self._ready[line]
            job.append((line, [line.waiting.popleft() for _ in range(min(_STEPS, len(line.waiting)))]))
            if line.waiting:
                self._ready[line] = None
        if job:
            self._start(job)

    def _start(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        self._running = loop.run_in_executor(self._thread, self._judge, job)
        self._running.add_done_callback(lambda done: self._done(job, done))

    def _judge(self, job: Job) -> list[list[float]]:
        """On the thread: the first windows of all calls, then the second ones, and so on."""
        self._scorer = scorer = self._scorer or self._load()
        found: list[list[float]] = [[] for _ in job]
        for step in range(max((len(windows) for _, windows in job), default=0)):
            rows = [row for row, (_, windows) in enumerate(job) if step < len(windows)]
            lines = [job[row][0] for row in rows]
            sounds = [job[row][1][step].sound for row in rows]
            probabilities, memories = scorer.score(sounds, [line.memory for line in lines])
            self.counters.runs += 1
            for row, line, probability, memory in zip(rows, lines, probabilities, memories, strict=True):
                line.memory = memory
                found[row].append(probability)
        return found

    def _done(self, job: Job, done: asyncio.Future[list[list[float]]]) -> None:
        self._running = None
        if done.cancelled():
            return
        if error := done.exception():
            self._failed(job, error)
        else:
            self._failing = False
            for (line, windows), probabilities in zip(job, done.result(), strict=True):
                self._deliver(line, windows, probabilities)
        self._schedule()

    def _deliver(self, line: Line, windows: Sequence[Window], probabilities: Sequence[float]) -> None:
        self.counters.windows += len(windows)
        for window, probability in zip(windows, probabilities, strict=True):
            if line.closed:
                return
            try:
                line.deliver(window, probability)
            except Exception:  # one call's fault is no other call's
                log.exception("vad.listener_failed")

    def _failed(self, job: Job, error: BaseException) -> None:
        if not self._failing:
            log.error("vad.failed", exc_info=error)
        self._failing = True
        if self._scorer is None:
            self._closed = True  # a model that does not load now will not do so 16 ms later
        for line, windows in job:
            self._dropped(line, len(windows))

    def _dropped(self, line: Line, windows: int) -> None:
        self.counters.dropped += windows
        if not line.lagging:
            line.lagging = True
            log.warning("vad.lagging", extra={"dropped": self.counters.dropped})


def _to_nobody(_window: Window, _probability: float) -> None:
    """Where the windows of a call go that is over."""
