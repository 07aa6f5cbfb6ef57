"""The frames of streaming recognition: what we say, and what an answer means. Pure.

Source: Volcengine "大模型流式语音识别API" (docs 6561/1354869).
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from backend.ports import SAMPLE_BYTES, SAMPLE_RATE_HZ, Hypothesis
from backend.protocol.header import Compression, Header, MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import LAST_BIT, SpeechFrame, encode
from backend.providers.volcengine.config import AsrConfig

_LONGEST_MS: Final = 2**40
_SIZE: Final = struct.Struct(">I")
_PLAIN_AUDIO: Final = Header(MessageType.CLIENT_AUDIO, 0, Serialization.NONE, Compression.NONE).encode()
_LAST_AUDIO: Final = Header(MessageType.CLIENT_AUDIO, LAST_BIT, Serialization.NONE, Compression.NONE).encode()


def request(config: AsrConfig) -> bytes:
    """The first message: what comes, and how it shall be recognised.

    No frame of ours carries a sequence number: the service then counts by itself, and there is nothing to mismatch.
    """
    return _encode(MessageType.CLIENT_REQUEST, json_bytes(_request_body(config)), config, Serialization.JSON)


def audio(pcm: bytes, config: AsrConfig, *, last: bool) -> bytes:
    """One packet; the last one may be empty."""
    if not config.compress:
        return b"".join((_LAST_AUDIO if last else _PLAIN_AUDIO, _SIZE.pack(len(pcm)), pcm))
    return _encode(MessageType.CLIENT_AUDIO, pcm, config, Serialization.NONE, LAST_BIT if last else 0)


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence of the session, on the service's audio clock."""

    text: str
    start_ms: int
    end_ms: int
    definite: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One answer.

    Attributes:
        utterances: those with text.
        is_last: the session ends here.
    """

    text: str
    utterances: tuple[Utterance, ...]
    audio_ms: int
    log_id: str
    is_last: bool


def read(frame: SpeechFrame) -> Result:
    """Read an answer leniently: `result` may be an object, a list of them, or missing; so may every field.

    Raises:
        ProtocolError: the payload is no JSON object.
    """
    body = frame.json()
    results = _objects(body.get("result"))
    utterances = tuple(
        utterance
        for result in results
        for each in _objects(result.get("utterances"))
        if (utterance := _utterance(each)).text
    )
    text = "".join(_text(result.get("text")) for result in results)
    return Result(
        text or "".join(utterance.text for utterance in utterances),
        utterances,
        _ms(_first(_objects(body.get("audio_info"))).get("duration")),
        _text(_first(_objects(_first(results).get("additions"))).get("log_id")),
        frame.is_last,
    )


class Hearsay:
    """Makes hypotheses of a session's answers: only news, and each definite sentence once.

    A sentence that is definite is repeated by every later answer, and `bigmodel` answers every packet.
    """

    def __init__(self) -> None:
        self._told: set[tuple[int, int, str]] = set()
        self._latest = ("", 0)

    def take(self, result: Result) -> Hypothesis | None:
        """What is new in an answer, on the service's clock; the last answer is always news, and definite."""
        last = result.utterances[-1] if result.utterances else None
        end_ms = last.end_ms if last else 0
        definite = self._is_newly_definite(last) or result.is_last
        if not definite and self._latest == (result.text, end_ms):
            return None
        self._latest = (result.text, end_ms)
        return Hypothesis(result.text, definite, end_ms, result.audio_ms)

    def _is_newly_definite(self, utterance: Utterance | None) -> bool:
        if utterance is None or not utterance.definite:
            return False
        key = (utterance.start_ms, utterance.end_ms, utterance.text)
        is_new = key not in self._told
        self._told.add(key)
        return is_new


def _request_body(config: AsrConfig) -> dict[str, Any]:
    sound: dict[str, Any] = {"format": "pcm", "codec": "raw", "rate": SAMPLE_RATE_HZ, "bits": 8 * SAMPLE_BYTES}
    sound["channel"] = 1
    if config.language and config.spoken_mode == "bigmodel_nostream":
        sound["language"] = config.language
    wishes: dict[str, Any] = {
        "model_name": config.model_name,
        "enable_itn": config.numbers,
        "enable_punc": config.punctuation,
        "enable_ddc": config.smooth,
        "show_utterances": True,  # without it nothing is ever definite
        "result_type": "full",
        "end_window_size": config.end_window_ms,
    }
    if config.force_to_speech_ms is not None:
        wishes["force_to_speech_time"] = config.force_to_speech_ms
    if config.two_pass and config.spoken_mode == "bigmodel_async":
        wishes["enable_nonstream"] = True
    if config.hot_words:
        wishes["corpus"] = {"context": _hot_words(config.hot_words)}
    return {"user": {"uid": config.user_id}, "audio": sound, "request": wishes}


def _hot_words(words: Iterable[str]) -> str:
    return json_bytes({"hotwords": [{"word": word} for word in words]}).decode()


def _encode(
    kind: MessageType, payload: bytes, config: AsrConfig, serialization: Serialization, flags: int = 0
) -> bytes:
    compression = Compression.GZIP if config.compress else Compression.NONE
    return encode(SpeechFrame(kind, payload, flags, serialization, compression))


def _utterance(value: dict[str, Any]) -> Utterance:
    words = _objects(value.get("words"))
    spoken_until_ms = max((_ms(word.get("end_time")) for word in words), default=0)
    return Utterance(
        _text(value.get("text")),
        _ms(value.get("start_time")),
        spoken_until_ms or _ms(value.get("end_time")),
        value.get("definite") is True,
    )


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def _first(values: list[dict[str, Any]]) -> dict[str, Any]:
    return values[0] if values else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _ms(value: object) -> int:
    if isinstance(value, int | float) and 0 <= value < _LONGEST_MS:  # which NaN is not
        return int(value)
    return 0
