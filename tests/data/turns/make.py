"""`python -m tests.data.turns.make`: write `turns.jsonl`; with `--audio` also the sound of every fifth turn."""

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tests.data.turns.times import Line, bare, read, timed

HERE: Final = Path(__file__).parent
AUDIO: Final = HERE / "audio"
RUNS: Final = AUDIO / "runs.json"
"""How long each run of words of the spoken utterances takes, in ms."""
RATE_HZ: Final = 16_000
BIT_RATE: Final = 20_000
AFTER_MS: Final = 100
VOICES: Final = {
    "lin": "xia", "zhou": "feng", "chen": "yue", "mama": "lan", "xiao": "song",
    "amy": "lan", "ben": "feng", "carol": "ning", "dev": "shan",
}  # fmt: skip
PACE: Final = {"zhou": 0.95, "mama": 0.9, "carol": 0.9}

Samples = NDArray[np.int16]


def lines() -> list[Line]:
    """All that is written, in order."""
    return [read(line) for name in ("zh", "en") for line in (HERE / f"{name}.txt").read_text("utf-8").splitlines()]


def is_spoken(line: Line) -> bool:
    """Every fifth has sound."""
    return int(line.id[3:]) % 5 == 0


def records() -> list[dict[str, Any]]:
    """All of `turns.jsonl`."""
    spoken = json.loads(RUNS.read_text("utf-8")) if RUNS.exists() else {}
    return [timed(line, spoken.get(line.id)) for line in lines()]


def main() -> None:
    """Speak if asked to, then write the times."""
    if "--audio" in sys.argv[1:]:
        _speak([line for line in lines() if is_spoken(line)])
    written = "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records())
    (HERE / "turns.jsonl").write_text(written, "utf-8")


def _speak(spoken: list[Line]) -> None:
    from emulator import models
    from emulator.engines import voices
    from emulator.engines.kokoro import KokoroVoice

    AUDIO.mkdir(exist_ok=True)
    voice = KokoroVoice(str(models.fetch(["kokoro"]) / "kokoro"), threads=1, voices=voices.ALL)
    lengths: dict[str, list[int]] = {}
    for line in spoken:
        runs = [_said(voice, line, run) for run in line.runs]
        lengths[line.id] = [len(run) * 1000 // RATE_HZ for run in runs]
        record = timed(line, lengths[line.id])
        silences = [record["words"][0][1], *(pause["ms"] for pause in record["pauses"])]
        parts = [part for silence, run in zip(silences, runs, strict=True) for part in (_silence(silence), run)]
        _write(AUDIO / f"{line.id}.ogg", np.concatenate([*parts, _silence(AFTER_MS)]))
        print(line.id, lengths[line.id], flush=True)
    RUNS.write_text(json.dumps(lengths, indent=0) + "\n", "utf-8")


def _said(voice: Any, line: Line, run: tuple[str, ...]) -> Samples:
    import av

    from emulator.engines.kokoro import SAMPLE_RATE_HZ as MADE_AT_HZ

    words = [*run[:-1], bare(run[-1]) + ("？" if run[-1][-1] in "？?" else "，")]
    _, pcm = voice.say(b"", line.text(words), VOICES[line.speaker], PACE.get(line.speaker, 1.05), 1.0)
    made = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2")[np.newaxis], "s16", "mono")
    made.sample_rate = MADE_AT_HZ
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    return _trimmed(
        np.concatenate([part.to_ndarray()[0] for part in (*resampler.resample(made), *resampler.resample(None))])
    )


def _trimmed(sound: Samples) -> Samples:
    """From the first to the last 10 ms that are louder than a thirtieth of the loudest."""
    step = RATE_HZ // 100
    whole = sound[: len(sound) // step * step].reshape(-1, step).astype(np.float64)
    level = np.sqrt((whole**2).mean(axis=1))
    loud = np.flatnonzero(level > level.max() / 30)
    return sound[loud[0] * step : (loud[-1] + 1) * step]


def _silence(milliseconds: int) -> Samples:
    return np.zeros(RATE_HZ * milliseconds // 1000, np.int16)


def _write(path: Path, sound: Samples) -> None:
    import av

    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE_HZ, layout="mono")
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(sound[np.newaxis], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)


if __name__ == "__main__":
    main()
