"""The frames of bidirectional synthesis that we send, and the voice's own ways of answering them. Pure.

Source: Volcengine "双向流式 WebSocket-V3" (docs 6561/1329505).
"""

from typing import Any, Final

from backend.ports import AudioFormat, SpeechOptions
from backend.protocol.header import MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import SpeechEvent, SpeechFrame, encode
from backend.providers import emotions
from backend.providers.volcengine.config import TtsConfig

_NAMESPACE: Final = "BidirectionalTTS"
_FORMATS: Final[dict[AudioFormat, str]] = {"mp3": "mp3", "pcm": "pcm", "opus": "ogg_opus"}
_SLOWEST, _FASTEST = -50, 100


def start_connection() -> bytes:
    """StartConnection."""
    return _event(SpeechEvent.START_CONNECTION, None, {})


def finish_connection() -> bytes:
    """FinishConnection."""
    return _event(SpeechEvent.FINISH_CONNECTION, None, {})


def start_session(session: str, options: SpeechOptions, config: TtsConfig) -> bytes:
    """StartSession: the only place where voice and sound can be chosen."""
    params: dict[str, Any] = {"speaker": options.voice, "audio_params": _audio_params(options, config)}
    if config.model:
        params["model"] = config.model
    if config.additions:
        params["additions"] = config.additions
    body = {"user": {"uid": config.user_id}, "event": SpeechEvent.START_SESSION, "namespace": _NAMESPACE}
    return _event(SpeechEvent.START_SESSION, session, body | {"req_params": params})


def task_request(session: str, text: str) -> bytes:
    """TaskRequest: some more text."""
    body = {"event": SpeechEvent.TASK_REQUEST, "namespace": _NAMESPACE, "req_params": {"text": text}}
    return _event(SpeechEvent.TASK_REQUEST, session, body)


def finish_session(session: str) -> bytes:
    """FinishSession: no more text."""
    return _event(SpeechEvent.FINISH_SESSION, session, {})


def cancel_session(session: str) -> bytes:
    """CancelSession: stop speaking."""
    return _event(SpeechEvent.CANCEL_SESSION, session, {})


def speaks_by_sentence(resource_id: str, options: SpeechOptions) -> bool:
    """Whether each sentence needs a session of its own.

    A 2.0 voice puts one pair of sentence events, without text, around a whole session. And only a session of its own
    makes an Ogg stream that is sure to begin with its headers.
    """
    return "-2.0" in resource_id or options.audio_format == "opus"


def _audio_params(options: SpeechOptions, config: TtsConfig) -> dict[str, Any]:
    params: dict[str, Any] = {"format": _FORMATS[options.audio_format], "sample_rate": options.sample_rate_hz}
    if config.bit_rate_bps is not None and options.audio_format != "pcm":
        params["bit_rate"] = config.bit_rate_bps
    for name, factor in (("speech_rate", options.rate), ("loudness_rate", options.volume)):
        if percent := min(_FASTEST, max(_SLOWEST, round((factor - 1) * 100))):
            params[name] = percent
    if felt := emotions.doubao(options.voice, options.emotion):
        params["emotion"] = felt
    return params


def _event(event: SpeechEvent, session: str | None, body: dict[str, Any]) -> bytes:
    return encode(
        SpeechFrame(
            MessageType.CLIENT_REQUEST,
            json_bytes(body),
            serialization=Serialization.JSON,
            event=event,
            ident=session,
        )
    )
