"""The models on this machine as engines: fetched, loaded side by side, each in a process of its own."""

import asyncio
import importlib.util
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from backend.errors import ConfigError
from emulator import models
from emulator.engines import espeak, voices
from emulator.engines.base import ChatEngine, RecognitionEngine, SynthesisEngine
from emulator.engines.ears import Ears
from emulator.engines.mouth import Mouth
from emulator.engines.replies import Replies
from emulator.engines.vad import Silero
from emulator.engines.workers import Worker

KOKORO: Final = "kokoro"
KOKORO_LIBRARIES: Final = ("kokoro_onnx", "misaki", "jieba", "pypinyin")
ESPEAK: Final = "espeak"
KOKORO_RATE_HZ: Final = 24_000
ESPEAK_RATE_HZ: Final = 22_050
MOST_THREADS: Final = 4
INSTALL: Final = "install this project's `on-device` extra (`poetry install --extras on-device`)"

log = logging.getLogger(__name__)


class OnDevice:
    """The engines, and the processes behind them."""

    def __init__(self, ears: Worker, voice: Worker, mouth: Mouth) -> None:
        self.workers: Final = (ears, voice)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="silero")
        self.recognition: RecognitionEngine = Ears(ears, Silero(), self._pool)
        self.synthesis: SynthesisEngine = mouth
        self.chat: ChatEngine = Replies()

    async def aclose(self) -> None:
        """End the processes."""
        await asyncio.gather(*(worker.aclose() for worker in self.workers))
        self._pool.shutdown(wait=False, cancel_futures=True)


async def load(cache: Path | None = None, say: Callable[[str], None] = log.info, synthesis: str = "") -> OnDevice:
    """Fetch what is missing, then load both models at once.

    Args:
        cache: where the weights are; the account's own folder unless given.
        say: told in a line what happens.
        synthesis: `kokoro` or `espeak`; unless given, the best that this Python can have.

    Raises:
        ConfigError: a library or a model cannot be had. The message says how to mend it.
    """
    synthesis = synthesis or best_voice(say)
    names = ["whisper-base", *([KOKORO] if synthesis == KOKORO else [])]
    _require("faster_whisper")
    folder = await _fetched(names, cache)
    say("loading the on-device models")
    ears = recognition_worker(folder)
    voice, mouth = synthesis_worker(synthesis, folder)
    try:
        await _start(ears, voice)
        return OnDevice(ears, voice, mouth)
    except BaseException:
        await asyncio.gather(ears.aclose(), voice.aclose())
        raise


def best_voice(say: Callable[[str], None]) -> str:
    """Kokoro where this Python has its libraries, else espeak-ng, and then a line about it.

    Raises:
        ConfigError: neither is there.
    """
    missing = ", ".join(name for name in KOKORO_LIBRARIES if not installed(name))
    if not missing:
        return KOKORO
    if not espeak.available():
        raise ConfigError(
            f"no synthesiser: {missing} and espeak-ng are not installed; install espeak-ng, or on Python 3.12 {INSTALL}"
        )
    say(f"speaking with espeak-ng, since {missing} is missing (Python 3.11 and 3.12 can have a better voice)")
    return ESPEAK


def installed(library: str) -> bool:
    """Whether it can be imported."""
    return importlib.util.find_spec(library) is not None


def recognition_worker(folder: Path) -> Worker:
    """The process that hears, not yet started."""
    arguments = {"folder": str(folder / "whisper-base"), "threads": _threads()}
    return Worker("recognition", "asr", "emulator.engines.whisper:Whisper", arguments)


def synthesis_worker(synthesis: str, folder: Path) -> tuple[Worker, Mouth]:
    """The process that speaks, not yet started, and what speaks through it."""
    if synthesis == ESPEAK:
        worker = Worker("synthesis", "tts", "emulator.engines.espeak:Espeak", {})
        return worker, Mouth(worker, ESPEAK_RATE_HZ, voices.stand_in)
    arguments = {"folder": str(folder / KOKORO), "threads": _threads(), "voices": voices.ALL}
    worker = Worker("synthesis", "tts", "emulator.engines.kokoro:KokoroVoice", arguments)
    return worker, Mouth(worker, KOKORO_RATE_HZ, voices.stand_in)


async def _fetched(names: list[str], cache: Path | None) -> Path:
    """The folder with these models; a download that is called off stops at once."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(models.fetch, names, cache, stop=stop)
    finally:
        stop.set()


async def _start(*workers: Worker) -> None:
    outcomes = await asyncio.gather(*(worker.start() for worker in workers), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def _require(library: str) -> None:
    if not installed(library):
        raise ConfigError(f"the on-device engines need {library}, which is not installed; {INSTALL}")


def _threads() -> int:
    """As many as there are cores for us, up to what these models can use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST_THREADS, cores))
