"""The recognition of the on-device engines: sound in at any pace, utterances out when Silero hears a silence."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np

from backend.errors import ProviderError, ProviderRefused, ProviderUnavailable
from emulator.engines.base import Heard, Hearing, HearOptions, Utterance
from emulator.engines.vad import (
    SAMPLE_RATE_HZ,
    SPEECH,
    Began,
    Ended,
    Endpointer,
    Paused,
    Resampler,
    Silero,
    SpeechMeter,
)
from emulator.engines.workers import Worker

BYTES_PER_MS: Final = SAMPLE_RATE_HZ * 2 // 1000
BEFORE_MS: Final = 320
AFTER_MS: Final = 160
"""Sound around an utterance that goes to the model with it: soft first and last consonants."""
PARTIAL_EVERY_MS: Final = 640
AHEAD_S: Final = 120
STEP_MS: Final = 1000
WAITING_UTTERANCES: Final = 4

log = logging.getLogger(__name__)


class Ears:
    """A RecognitionEngine.

    Args:
        worker: its model has `transcribe(blob, hot_words)`, which answers `{"text": …}`.
        pool: where Silero runs.
    """

    def __init__(self, worker: Worker, silero: Silero, pool: ThreadPoolExecutor) -> None:
        self._worker = worker
        self._silero = silero
        self._pool = pool

    @asynccontextmanager
    async def open(self, options: HearOptions) -> AsyncIterator[Hearing]:
        """Begin a session. Leaving the block drops its work that is still in line."""
        session = _Session(self._worker, SpeechMeter(self._silero), self._pool, options)
        running = asyncio.create_task(session.run(), name="hearing")
        try:
            yield session
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@dataclass(slots=True)
class _Stretch:
    """The sound of one utterance, or of its beginning."""

    number: int
    start_ms: int
    end_ms: int
    pcm: bytes
    guess: asyncio.Task[str | None] | None = None


class _Session:
    def __init__(self, worker: Worker, meter: SpeechMeter, pool: ThreadPoolExecutor, options: HearOptions) -> None:
        self._worker = worker
        self._meter = meter
        self._pool = pool
        self._options = options
        self._resampler = Resampler(options.sample_rate_hz)
        self._endpointer = Endpointer(options.end_window_ms, options.force_to_speech_ms)
        self._fed = bytearray()
        self._finished = False
        self._arrived = asyncio.Event()
        self._sound = bytearray()
        self._sound_ms = 0  # where on the audio clock the kept sound begins
        self._number = 0  # of the utterance under way
        self._guess: _Stretch | None = None
        self._partial_at_ms = 0
        self._asking = False
        self._finals: asyncio.Queue[_Stretch | None] = asyncio.Queue(WAITING_UTTERANCES)
        self._settled: list[Utterance] = []
        self._settled_number = 0
        self._partial: Utterance | None = None
        self._changed = asyncio.Event()
        self._failure: ProviderError | None = None
        self._over = False

    @property
    def kept_ms(self) -> int:
        """How much sound is held that has been listened to."""
        return len(self._sound) // BYTES_PER_MS

    async def feed(self, pcm: bytes) -> None:
        """Keep the sound for the listening task.

        Raises:
            ProviderRefused: it comes so much faster than it can be listened to that holding it all would have no bound.
        """
        if len(self._fed) + len(pcm) > AHEAD_S * self._options.sample_rate_hz * 2:
            raise ProviderRefused("asr", f"more than {AHEAD_S} s of sound wait to be recognised")
        self._fed += pcm
        self._arrived.set()

    async def finish(self) -> None:
        """Let the listening task end what is under way."""
        self._finished = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        shown: tuple[Utterance, ...] = ()
        while not self._over:
            await self._changed.wait()
            self._changed.clear()
            if (heard := self._heard()).utterances != shown and not self._over:
                shown = heard.utterances
                yield heard
        if self._failure is not None:
            raise self._failure
        yield self._heard()

    async def run(self) -> None:
        """Listen and write down until the session is finished, has failed, or is cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(tasks))
                tasks.create_task(self._write_down())
        except* ProviderError as failed:
            self._failure = _first(failed)
        except* Exception:
            log.exception("hearing.failed")
            self._failure = ProviderUnavailable("asr", "recognition failed")
        finally:
            self._over = True
            self._changed.set()

    async def _listen(self, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while len(self._fed) > 1 or not self._finished:
            if len(self._fed) < 2:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            pcm, probabilities = await loop.run_in_executor(self._pool, self._measure, self._take())
            self._sound += pcm
            for probability in probabilities:
                await self._window(probability, tasks)
            self._forget()
        await self._end(self._endpointer.end())
        await self._finals.put(None)

    def _take(self) -> bytes:
        """The oldest sound, up to a second of it, in whole samples."""
        size = min(len(self._fed), STEP_MS * self._options.sample_rate_hz // 1000 * 2) // 2 * 2
        taken = bytes(self._fed[:size])
        del self._fed[:size]
        return taken

    def _measure(self, pcm: bytes) -> tuple[bytes, list[float]]:
        """On a thread of the pool: 16 kHz PCM, and Silero's probabilities."""
        samples = self._resampler(np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768))
        return (samples * 32768).astype("<i2").tobytes(), self._meter.feed(samples)

    async def _window(self, probability: float, tasks: asyncio.TaskGroup) -> None:
        match self._endpointer.window(probability):
            case Paused(start_ms, end_ms):
                self._drop_guess()
                self._guess = self._stretch(start_ms, end_ms)
                self._guess.guess = tasks.create_task(self._guessed(self._guess))
            case Ended() as ended:
                await self._end(ended)
            case Began(start_ms):
                self._partial_at_ms = start_ms
            case None if probability >= SPEECH:
                self._ask_partial(tasks)

    def _ask_partial(self, tasks: asyncio.TaskGroup) -> None:
        """A hypothesis now and then, where the client gains from it and the model has nothing else to do."""
        start_ms, now_ms = self._endpointer.speaking_since_ms, self._endpointer.now_ms
        if start_ms is None or not self._options.partials or self._asking or self._worker.busy:
            return
        if now_ms - self._partial_at_ms >= PARTIAL_EVERY_MS:
            self._partial_at_ms, self._asking = now_ms, True
            tasks.create_task(self._guessed(self._stretch(start_ms, now_ms), urgent=False))

    async def _end(self, ended: Ended | None) -> None:
        if ended is None:
            return
        if self._guess is not None and self._guess.end_ms == ended.end_ms:
            stretch, self._guess = self._guess, None
        else:
            stretch = self._stretch(ended.start_ms, ended.end_ms)
            self._drop_guess()
        if not ended.spoken:
            stretch.pcm = b""
        self._number += 1
        await self._finals.put(stretch)

    def _drop_guess(self) -> None:
        """The caller went on speaking: what was guessed is not all."""
        guessed, self._guess = self._guess, None
        if guessed is not None and guessed.guess is not None:
            guessed.guess.cancel()

    def _stretch(self, start_ms: int, end_ms: int) -> _Stretch:
        first = max(0, start_ms - BEFORE_MS - self._sound_ms) * BYTES_PER_MS
        last = (end_ms + AFTER_MS - self._sound_ms) * BYTES_PER_MS
        return _Stretch(self._number, start_ms, end_ms, bytes(self._sound[first:last]))

    def _forget(self) -> None:
        """Keep the utterance under way, or what may turn out to be the beginning of one."""
        since_ms = self._endpointer.speaking_since_ms
        keep_ms = (since_ms if since_ms is not None else self._endpointer.now_ms - STEP_MS // 2) - BEFORE_MS
        if keep_ms > self._sound_ms:
            del self._sound[: (keep_ms - self._sound_ms) * BYTES_PER_MS]
            self._sound_ms = keep_ms

    async def _guessed(self, stretch: _Stretch, *, urgent: bool = True) -> str | None:
        """What the stretch says, shown meanwhile; None when the model could not be asked."""
        try:
            text = await self._transcribed(stretch, urgent=urgent)
        except ProviderError:
            return None
        finally:
            self._asking = self._asking and urgent
        if self._options.partials:
            self._show(stretch, text)
        return text

    async def _transcribed(self, stretch: _Stretch, *, urgent: bool) -> str:
        head, _ = await self._worker.call(
            "transcribe", stretch.pcm, urgent=urgent, hot_words=list(self._options.hot_words)
        )
        return str(head["text"])

    async def _write_down(self) -> None:
        while (stretch := await self._finals.get()) is not None:
            text = "" if not stretch.pcm else await self._definite(stretch)
            if text:
                joint = " " if self._settled and text[0].isascii() and self._settled[-1].text[-1].isascii() else ""
                self._settled.append(Utterance(joint + text, stretch.start_ms, stretch.end_ms, definite=True))
            self._settled_number, self._partial = stretch.number + 1, None
            self._changed.set()

    async def _definite(self, stretch: _Stretch) -> str:
        if stretch.guess is not None:
            text = await stretch.guess
            if text is not None:
                return text
        return await self._transcribed(stretch, urgent=True)

    def _show(self, stretch: _Stretch, text: str) -> None:
        """As a hypothesis, unless it came too late or its turn has not come yet."""
        newer = self._partial is None or stretch.end_ms >= self._partial.end_ms
        if text and newer and stretch.number == self._settled_number:
            self._partial = Utterance(text, stretch.start_ms, stretch.end_ms, definite=False)
            self._changed.set()

    def _heard(self) -> Heard:
        partial = [self._partial] if self._partial is not None else []
        return Heard(self._endpointer.now_ms, (*self._settled, *partial))


def _first(failed: BaseExceptionGroup[ProviderError]) -> ProviderError:
    first = failed.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
