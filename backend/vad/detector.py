"""The detector behind the port: for each call a gate and its edges, for all of them one model."""

from collections.abc import Callable
from pathlib import Path

from backend.ports import ActivityChange
from backend.vad.batch import Batcher, Counters, Scorer
from backend.vad.edges import Edges
from backend.vad.gate import EnergyGate
from backend.vad.windows import Cutter, Window


class SileroDetector:
    """Voice activity of all calls of this process. The model is loaded, on its thread, when the first call opens.

    Args:
        weights: the model's file.
        load: makes the model of it; another in tests.
    """

    def __init__(self, weights: Path, load: Callable[[Path], Scorer] | None = None) -> None:
        self._batcher = Batcher(lambda: (load or _silero)(weights))

    @property
    def counters(self) -> Counters:
        """What has been done since the start."""
        return self._batcher.counters

    def open(self, on_change: ActivityChange) -> "SileroActivity":
        """Follow one call; inside a running event loop."""
        return SileroActivity(self._batcher, on_change)

    async def aclose(self) -> None:
        """Let go of the model and its thread."""
        await self._batcher.aclose()


class SileroActivity:
    """Voice activity of one call."""

    def __init__(self, batcher: Batcher, on_change: ActivityChange) -> None:
        self._batcher = batcher
        self._on_change = on_change
        self._cutter = Cutter()
        self._gate = EnergyGate()
        self._edges = Edges()
        self._line = batcher.open(self._judged)

    def feed(self, pcm: bytes) -> None:
        """Take audio as it comes."""
        due: list[Window] = []
        for sound in self._cutter.cut(pcm):
            due += self._gate.take(sound, speaking=self._edges.speaking)
        if due:
            self._batcher.submit(self._line, due)

    def close(self) -> None:
        """Forget the call."""
        self._batcher.close(self._line)

    def _judged(self, window: Window, probability: float) -> None:
        if change := self._edges.judge(window, probability):
            self._on_change(change.speaking, change.at_ms)


def _silero(weights: Path) -> Scorer:
    from backend.vad.silero import Silero  # noqa: PLC0415 - only a process that hears a call pays for the import

    return Silero(weights)
