"""Decides, from the audio alone, when the script's next line has been heard. Pure: no clock, no waiting."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from emulator.engines.base import Heard, HearOptions, Utterance
from emulator.prompter import Prompter
from emulator.script import Utterance as Line

_WINDOW_MS: Final = 10
_SHORTEST_SPEECH_MS: Final = 30
_PARTIAL_EVERY_MS: Final = 200


class ScriptedEars:
    """Of one recognition session."""

    def __init__(self, prompter: Prompter, options: HearOptions) -> None:
        self._prompter = prompter
        self._options = options
        self._window_bytes = options.sample_rate_hz * 2 * _WINDOW_MS // 1000
        self._rest = b""
        self._audio_ms = 0
        self._done: list[Utterance] = []
        self._line: Line | None = None
        self._partials = 0
        self._began_ms = 0
        self._speech_ms = 0
        self._speech_end_ms = 0
        self._counted_one = False

    def feed(self, pcm: bytes) -> list[Heard]:
        """Take some more audio; gives what has been heard because of it, in order."""
        data = self._rest + pcm
        whole = len(data) - len(data) % self._window_bytes
        self._rest = data[whole:]
        return [heard for loud in self._loudness(data[:whole]) for heard in self._window(loud)]

    def finish(self) -> Heard:
        """The last result: what was on its way is definite now."""
        if self._line is not None or (self._speech_ms >= _SHORTEST_SPEECH_MS and self._waits_for_speech()):
            self._settle(self._speech_end_ms or self._audio_ms)
        return self._heard()

    def _loudness(self, pcm: bytes) -> list[bool]:
        samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, self._window_bytes // 2)
        peak = self._prompter.script.speech_peak
        loud: list[bool] = ((samples.max(axis=1) >= peak) | (samples.min(axis=1) <= -peak)).tolist()
        return loud

    def _window(self, loud: bool) -> Iterator[Heard]:
        self._audio_ms += _WINDOW_MS
        line = self._line or self._prompter.next_utterance()
        if line is None:
            return
        yield from self._by_speech(line, loud) if line.after_ms is None else self._by_count(line, line.after_ms)

    def _by_count(self, line: Line, after_ms: int) -> Iterator[Heard]:
        if self._counted_one and not self._prompter.script.many_per_session:
            return
        since_ms = self._audio_ms - self._began_ms
        every_ms = after_ms / (len(line.partials) + 1)
        yield from self._partial(line, since_ms, every_ms, self._audio_ms)
        if since_ms >= after_ms:
            self._counted_one = True
            self._settle(self._audio_ms)
            yield self._heard()

    def _by_speech(self, line: Line, loud: bool) -> Iterator[Heard]:
        if loud:
            if not self._speech_ms:
                self._began_ms = self._audio_ms - _WINDOW_MS
            self._speech_ms += _WINDOW_MS
            self._speech_end_ms = self._audio_ms
            if self._speech_ms >= _SHORTEST_SPEECH_MS:
                yield from self._partial(line, self._speech_ms, _PARTIAL_EVERY_MS, self._speech_end_ms)
        elif self._speech_ms and self._may_end():
            if self._speech_ms < _SHORTEST_SPEECH_MS:
                self._silent()
                return
            self._settle(self._speech_end_ms)
            yield self._heard()

    def _may_end(self) -> bool:
        silence_ms = self._audio_ms - self._speech_end_ms
        return silence_ms >= self._options.end_window_ms and self._audio_ms >= self._options.force_to_speech_ms

    def _partial(self, line: Line, since_ms: int, every_ms: float, end_ms: int) -> Iterator[Heard]:
        if self._partials < len(line.partials) and since_ms >= every_ms * (self._partials + 1):
            self._claim()
            self._partials += 1
            if self._options.partials:
                text = line.partials[self._partials - 1]
                yield self._heard(Utterance(text, self._began_ms, end_ms, definite=False))

    def _claim(self) -> None:
        if self._line is None:
            self._line = self._prompter.claim_utterance()

    def _settle(self, end_ms: int) -> None:
        self._claim()
        if self._line is not None:
            self._done.append(Utterance(self._line.text, self._began_ms, end_ms, definite=True))
        self._line = None
        self._silent()

    def _silent(self) -> None:
        self._partials = 0
        self._began_ms = self._audio_ms
        self._speech_ms = 0
        self._speech_end_ms = 0

    def _waits_for_speech(self) -> bool:
        line = self._prompter.next_utterance()
        return line is not None and line.after_ms is None

    def _heard(self, *open_utterances: Utterance) -> Heard:
        return Heard(self._audio_ms, (*self._done, *open_utterances))
