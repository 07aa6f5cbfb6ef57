"""The models on this machine as engines: fetched, loaded side by side, each in a process of its own."""

import asyncio
import importlib.util
import logging
import os
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
    synthesis = synthesis or _best_voice(say)
    names = ["whisper-base", *([KOKORO] if synthesis == KOKORO else [])]
    _require("faster_whisper")
    folder = await asyncio.to_thread(models.fetch, names, cache)
    say("loading the on-device models")
    ears, (voice, mouth) = _ears(folder), _voice(synthesis, folder)
    try:
        await _start(ears, voice)
        return OnDevice(ears, voice, mouth)
    except BaseException:
        await asyncio.gather(ears.aclose(), voice.aclose())
        raise


def _best_voice(say: Callable[[str], None]) -> str:
    missing = [name for name in ("kokoro_onnx", "misaki", "jieba", "pypinyin") if not _installed(name)]
    if not missing:
        return KOKORO
    if not espeak.available():
        raise ConfigError(
            f"no synthesiser: {', '.join(missing)} and espeak-ng are not installed; {INSTALL}, on Python 3.12"
        )
    say(f"speaking with espeak-ng, since {', '.join(missing)} is missing (Python 3.11 and 3.12 have a better voice)")
    return ESPEAK


def _require(library: str) -> None:
    if not _installed(library):
        raise ConfigError(f"the on-device engines need {library}, which is not installed; {INSTALL}")


def _installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def _ears(folder: Path) -> Worker:
    arguments = {"folder": str(folder / "whisper-base"), "threads": _threads()}
    return Worker("recognition", "asr", "emulator.engines.whisper:Whisper", arguments)


def _voice(synthesis: str, folder: Path) -> tuple[Worker, Mouth]:
    if synthesis == ESPEAK:
        worker = Worker("synthesis", "tts", "emulator.engines.espeak:Espeak", {})
        return worker, Mouth(worker, ESPEAK_RATE_HZ, voices.stand_in)
    arguments = {"folder": str(folder / "kokoro"), "threads": _threads(), "voices": voices.ALL}
    worker = Worker("synthesis", "tts", "emulator.engines.kokoro:KokoroVoice", arguments)
    return worker, Mouth(worker, KOKORO_RATE_HZ, voices.stand_in)


async def _start(*workers: Worker) -> None:
    outcomes = await asyncio.gather(*(worker.start() for worker in workers), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def _threads() -> int:
    """As many as there are cores for us, up to what these models can use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST_THREADS, cores))
