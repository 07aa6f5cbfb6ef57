"""Synthesis with espeak-ng: small, robotic, and there on every Python. Runs in a worker."""

import ctypes
import ctypes.util
import importlib.util
import io
import re
import shutil
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from emulator.engines import voices
from emulator.engines.level import levelled, pcm_with_pause

SAMPLE_RATE_HZ: Final = 22_050
NORMAL_WORDS_PER_MINUTE: Final = 175
SLOWEST: Final = 80
FASTEST: Final = 450
WOMAN_PITCH: Final = 75
MAN_PITCH: Final = 35

CJK_RUN: Final = re.compile(r"[^A-Za-z]*[\u3400-\u9fff][^A-Za-z]*")
PROGRAM_S: Final = 30

_RETRIEVAL: Final = 1
_RATE: Final = 1
_PITCH: Final = 3
_UTF8: Final = 1

_Callback: Any = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _Speaker(Protocol):
    def say(self, text: str, language: str, words_per_minute: int, pitch: int) -> bytes:
        """PCM at 22,050 Hz."""


class Espeak:
    """The library if there is one, else the program.

    Raises:
        RuntimeError: neither is there.
    """

    def __init__(self) -> None:
        self._speaker = _speaker()

    def say(self, blob: bytes, text: str, voice: str, rate: float, volume: float) -> tuple[None, bytes]:
        """PCM of one piece."""
        speed = int(min(FASTEST, max(SLOWEST, NORMAL_WORDS_PER_MINUTE * rate)))
        pitch = MAN_PITCH if voice in voices.MEN else WOMAN_PITCH
        pcm = b"".join(self._speaker.say(part, language, speed, pitch) for language, part in by_language(text))
        sound = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
        return None, pcm_with_pause(levelled(sound, volume), 0.0, SAMPLE_RATE_HZ)


def available() -> bool:
    """Whether this machine has it in any form."""
    return _library() is not None or shutil.which("espeak-ng") is not None


def by_language(text: str) -> Iterator[tuple[str, str]]:
    """The runs of Mandarin (with the numbers beside it) and of English, by espeak-ng's names of the two."""
    at = 0
    for run in CJK_RUN.finditer(text):
        if english := text[at : run.start()].strip():
            yield "en-us", english
        yield "cmn", run.group()
        at = run.end()
    if english := text[at:].strip():
        yield "en-us", english


class _Library:
    """The shared library, called in this process."""

    def __init__(self, library: Path | str, data: str | None) -> None:
        self._lib = ctypes.CDLL(str(library))
        if self._lib.espeak_Initialize(_RETRIEVAL, 0, data.encode() if data else None, 0) != SAMPLE_RATE_HZ:
            raise RuntimeError("espeak-ng cannot be initialised")
        self._heard: list[bytes] = []
        self._callback = _Callback(self._take)  # kept: the library holds only its address
        self._lib.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, language: str, words_per_minute: int, pitch: int) -> bytes:
        """PCM at 22,050 Hz."""
        self._heard.clear()
        self._lib.espeak_SetVoiceByName(language.encode())
        self._lib.espeak_SetParameter(_RATE, words_per_minute, 0)
        self._lib.espeak_SetParameter(_PITCH, pitch, 0)
        data = text.encode()
        self._lib.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8, None, None)
        self._lib.espeak_Synchronize()
        return b"".join(self._heard)

    def _take(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count:
            self._heard.append(ctypes.string_at(samples, count * 2))
        return 0


class _Program:
    """The command, once a piece."""

    def __init__(self, path: str) -> None:
        self._path = path

    def say(self, text: str, language: str, words_per_minute: int, pitch: int) -> bytes:
        """PCM at 22,050 Hz."""
        command = [self._path, "-v", language, "-s", str(words_per_minute), "-p", str(pitch), "--stdout", "--stdin"]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=PROGRAM_S)  # noqa: S603
        with wave.open(io.BytesIO(done.stdout)) as sound:
            return bytes(sound.readframes(sound.getnframes()))


def _speaker() -> _Speaker:
    if (found := _library()) is not None:
        return _Library(*found)
    if (program := shutil.which("espeak-ng")) is not None:
        return _Program(program)
    raise RuntimeError("espeak-ng is neither installed nor bundled")


def _library() -> tuple[Path | str, str | None] | None:
    """The bundled library with its data, else the system's, which knows where its data are."""
    if importlib.util.find_spec("espeakng_loader") is not None:
        import espeakng_loader  # noqa: PLC0415 - an optional library

        return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
    found = ctypes.util.find_library("espeak-ng")
    return (found, None) if found else None
