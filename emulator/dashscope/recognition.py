"""Paraformer's streaming recognition as a task.

Source: docs "paraformer-client-events", "paraformer-server-events"; the fact sheet's observed frames.
"""

import math
import zlib
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from emulator import asr_result
from emulator.dashscope import fields, hot_words
from emulator.dashscope.link import Link
from emulator.dashscope.tasks import Beginning
from emulator.dashscope.wire import Command, TaskFailure
from emulator.decode import BYTES_PER_MS, RATE_HZ, decoder
from emulator.encode import Sound, encoder
from emulator.engines.base import Heard, Hearing, HearOptions, Pcm, Utterance
from emulator.house import House
from emulator.invoice import SoundItem
from emulator.link import VendorError
from emulator.script import Service

MODELS: Final = ("paraformer-realtime-", "fun-asr-realtime")
HEARTBEAT_EVERY_MS: Final = 10_000

_FORMATS: Final = {"pcm": "pcm", "wav": "wav", "mp3": "mp3", "opus": "ogg"}
_BILLED_MS: Final = 1000
_SEMANTIC_SILENCE_MS: Final = 2000
_UNSUPPORTED: Final = "UNSUPPORTED_FORMAT"
_NO_AUDIO: Final = "NO_INPUT_AUDIO_ERROR"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run-task wants.

    Attributes:
        end_window_ms: silence that ends a sentence.
        vocabulary_id: of a list of hot words, which no engine heeds.
    """

    audio_format: str
    sample_rate_hz: int
    end_window_ms: int
    heartbeat: bool
    vocabulary_id: str


def begin(house: House, link: Link, command: Command) -> "Recognition":
    """The task that a run-task begins.

    Raises:
        TaskFailure: the service would not begin it.
    """
    beginning = Beginning(house, link, "asr", command)
    asked, model = _asked(command), str(command.payload["model"])
    beginning.record["hot_words"] = hot_words.heeded(house, asked.vocabulary_id, model)
    return Recognition(house, link, beginning, asked, house.invoice.hears(model, _BILLED_MS))


class Recognition:
    """One task: sound in, sentences out."""

    service: ClassVar[Service] = "asr"

    def __init__(self, house: House, link: Link, beginning: Beginning, asked: Asked, billed: SoundItem) -> None:
        self.task_id = beginning.task_id
        self.started = False
        self.busy = False
        self._house = house
        self._link = link
        self._asked = asked
        self._beginning = beginning
        self._billed = billed
        self._record = beginning.record
        self._record.update(audio_ms=0, packets=0, audio_crc32=0)
        self._decoder = decoder(asked.audio_format, 1, any_rate=True)
        self._resampler = encoder(Sound("pcm", RATE_HZ))
        self._hearing: Hearing | None = None
        self._audio_bytes = 0
        self._news_ms = 0
        self._loud_ms = 0
        self._heartbeat_ms = 0
        self._told = 0
        self._begun = False

    async def run(self) -> dict[str, Any]:
        """Hear until the client has finished."""
        options = HearOptions(self._asked.end_window_ms)
        async with self._house.loaded.recognition.open(options) as self._hearing:
            self.started = True
            await self._beginning.start()
            heard = Heard(0, ())
            async for heard in self._hearing:
                await self._report(heard)
            await self._report(asr_result.settled(heard))
        return {"output": {}, "usage": None}

    async def audio(self, data: bytes) -> None:
        """Hear some more."""
        pcm = self._pcm(data)
        self._listen(pcm)
        self._count(pcm)
        if pcm and self._hearing is not None:
            await self._hearing.feed(pcm)
        await self._bear_silence()

    async def more(self, command: Command) -> None:
        """Context, which these engines have no use for."""

    async def finish(self, command: Command) -> None:
        """No more audio comes."""
        _ = command.input
        if not self._audio_bytes or self._hearing is None:
            raise TaskFailure(_NO_AUDIO, _NO_AUDIO)
        self._record["finished"] = self.busy = True
        await self._hearing.finish()

    def _pcm(self, data: bytes) -> bytes:
        try:
            pcm = self._decoder.feed(data)
        except VendorError as exc:
            raise TaskFailure(_UNSUPPORTED, _UNSUPPORTED) from exc
        if self._asked.audio_format != "pcm" or self._asked.sample_rate_hz == RATE_HZ or not pcm:
            return pcm
        return self._resampler.feed(Pcm(pcm, self._asked.sample_rate_hz))

    def _listen(self, pcm: bytes) -> None:
        """Know where sound was last louder than silence; nobody asks where there are heartbeats."""
        if self._asked.heartbeat:
            return
        samples, peak = np.frombuffer(pcm, dtype="<i2"), self._house.script.speech_peak
        if (loud := np.flatnonzero((samples >= peak) | (samples <= -peak))).size:
            self._loud_ms = (self._audio_bytes + 2 * int(loud[-1])) // BYTES_PER_MS

    def _count(self, pcm: bytes) -> None:
        self._audio_bytes += len(pcm)
        self._billed.has(self._audio_ms)
        self._record["packets"] += 1
        self._record["audio_ms"] = self._audio_ms
        self._record["audio_crc32"] = zlib.crc32(pcm, self._record["audio_crc32"])

    async def _bear_silence(self) -> None:
        """A client that sends only silence has to have asked for heartbeats."""
        if not self._asked.heartbeat:
            silent_ms = self._audio_ms - max(self._news_ms, self._loud_ms)
            if silent_ms >= self._house.script.limits.task_silence_ms:
                raise TaskFailure("ResponseTimeout", "Response timeout!")
        elif self._audio_ms - max(self._news_ms, self._heartbeat_ms) >= HEARTBEAT_EVERY_MS:
            self._heartbeat_ms = self._audio_ms
            await self._tell({"begin_time": 0, "end_time": None, "text": "", "heartbeat": True, "words": []}, None)

    async def _report(self, heard: Heard) -> None:
        for utterance in heard.utterances[self._told :]:
            self._news_ms = self._audio_ms
            if not self._begun:
                self._begun = True
                await self._tell(self._sentence(utterance, text="", sentence_begin=True), None)
            if utterance.text.strip():
                await self._beginning.misbehave("mid")
            if utterance.definite:
                await self._settle(utterance)
            else:
                await self._tell(self._sentence(utterance, words=_words(utterance)), None)

    async def _settle(self, utterance: Utterance) -> None:
        self._house.stats.stamp("definite", self.task_id, utterance.text)
        sentence = self._sentence(utterance, end_time=utterance.end_ms, sentence_end=True, words=_words(utterance))
        await self._tell(sentence, {"duration": math.ceil(self._audio_ms / 1000)})
        self._told += 1
        self._begun = False

    def _sentence(self, utterance: Utterance, **said: Any) -> dict[str, Any]:
        return {
            "sentence_id": self._told + 1,
            "begin_time": utterance.start_ms,
            "end_time": None,
            "text": utterance.text.strip(),
            "channel_id": 0,
            "speaker_id": None,
            "sentence_end": False,
            "words": [],
            **said,
        }

    async def _tell(self, sentence: dict[str, Any], usage: dict[str, Any] | None) -> None:
        payload: dict[str, Any] = {"output": {"sentence": sentence}}
        if usage is not None:
            payload["usage"] = usage
        await self._link.event("result-generated", self._beginning.told_id, payload)

    @property
    def _audio_ms(self) -> int:
        return self._audio_bytes // BYTES_PER_MS


def _asked(command: Command) -> Asked:
    model = str(command.payload["model"])
    if not model.startswith(MODELS):
        raise TaskFailure("ModelNotFound", "Model not found")
    wanted = fields.parameters(command)
    name = fields.text(wanted, "format")
    if not name or "sample_rate" not in wanted:
        raise fields.wrong("sample_rate" if name else "format")
    if name not in _FORMATS:
        raise TaskFailure(_UNSUPPORTED, _UNSUPPORTED)
    silence_ms = fields.number(wanted, "max_sentence_silence", _end_window_ms(model), 200, 6000)
    return Asked(
        _FORMATS[name],
        int(fields.number(wanted, "sample_rate", RATE_HZ, 8000, 48_000)),
        _SEMANTIC_SILENCE_MS if fields.flag(wanted, "semantic_punctuation_enabled") else int(silence_ms),
        fields.flag(wanted, "heartbeat"),
        fields.text(wanted, "vocabulary_id"),
    )


def _end_window_ms(model: str) -> int:
    return 1300 if model.startswith("fun-asr") else 800


def _words(utterance: Utterance) -> list[dict[str, Any]]:
    """One per character, spread evenly: an engine knows only where the utterance begins and ends."""
    chars = [(at, char) for at, char in enumerate(utterance.text) if char.isalnum()]
    span_ms = (utterance.end_ms - utterance.start_ms) / max(len(chars), 1)
    words = []
    for place, (at, char) in enumerate(chars):
        following = utterance.text[at + 1 : at + 2].strip()
        times = {
            "begin_time": utterance.start_ms + round(span_ms * place),
            "end_time": utterance.start_ms + round(span_ms * (place + 1)),
        }
        mark = "" if following.isalnum() else following
        words.append({**times, "text": char, "punctuation": mark, "fixed": utterance.definite, "speaker_id": None})
    return words
