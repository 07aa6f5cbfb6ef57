"""`python -m tests.data.make_speech`: make the speech of this folder again, with the on-device synthesiser."""

import wave
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from emulator import models
from emulator.engines import voices
from emulator.engines.kokoro import SAMPLE_RATE_HZ as MADE_AT_HZ
from emulator.engines.kokoro import KokoroVoice

HERE: Final = Path(__file__).parent
RATE_HZ: Final = 16_000
CALLER: Final = "feng"
WOMAN: Final = "lan"

Samples = NDArray[np.int16]


def main() -> None:
    """Fetch the model if need be, and write the four files."""
    folder = models.fetch(["kokoro"]) / "kokoro"
    voice = KokoroVoice(str(folder), threads=2, voices=voices.ALL)
    hello = _spoken(voice, "你好，青青，你今天在干什么呀？", CALLER, rate=1.15)
    travel = _spoken(voice, "你最近有没有去哪里旅游？", CALLER)
    english = _spoken(voice, "Hello, what did you do today?", WOMAN)
    for name, speech in (("zh_ni_hao", hello), ("zh_travel", travel), ("en_hello", english)):
        _write(name, [_silence(300), speech, _silence(1300)])
    _write("zh_call", [_silence(1000), hello, _silence(9000), travel, _silence(15_000)])


def _spoken(voice: KokoroVoice, text: str, who: str, rate: float = 1.0) -> Samples:
    _, pcm = voice.say(b"", text, who, rate, 1.0)
    made = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2")[np.newaxis], "s16", "mono")
    made.sample_rate = MADE_AT_HZ
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    return np.concatenate([frame.to_ndarray()[0] for frame in (*resampler.resample(made), *resampler.resample(None))])


def _silence(milliseconds: int) -> Samples:
    return np.zeros(RATE_HZ * milliseconds // 1000, np.int16)


def _write(name: str, parts: list[Samples]) -> None:
    with wave.open(str(HERE / f"{name}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.concatenate(parts).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
