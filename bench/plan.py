"""What is run: the services' delays, the shape of a conversation, the loads. Pure."""

from dataclasses import dataclass
from typing import Any, Final

ASR_MS: Final = 100
FIRST_TOKEN_MS: Final = 300
TOKEN_MS: Final = 20
TTS_FIRST_BYTE_MS: Final = 200
TTS_PIECE_MS: Final = 70
"""Between pieces of 200 ms of sound: a voice at nearly three times real time."""

FRAME_MS: Final = 100
SPEECH_MS: Final = 1000
PAUSE_MS: Final = 2100
"""From the end of a reply to the caller's next word; it makes two thirds of a call listening."""

_MS_PER_CHAR: Final = 150
_BYTES_PER_SOUND_MS: Final = 8  # 64 kbit/s
_SOUND_PER_PIECE_MS: Final = 200
_PARTIALS: Final = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of it.

    Attributes:
        calls: the loads, one after another.
        repetitions: of the whole, the processes started afresh each time.
        settle_s: of conversation before a measurement, in which the calls spread over the phases of a turn.
        window_s: of the measurement of our server; `relay_window_s` of the relay.
    """

    calls: tuple[int, ...]
    repetitions: int
    settle_s: float
    window_s: float
    relay_window_s: float


FULL: Final = Plan(calls=(1, 10, 50), repetitions=3, settle_s=4.0, window_s=10.0, relay_window_s=6.0)
QUICK: Final = Plan(calls=(1, 10), repetitions=1, settle_s=3.0, window_s=6.0, relay_window_s=4.0)


def script(turns: int) -> dict[str, Any]:
    """The emulator's script for so many turns; every utterance and every first sentence is told once only."""
    return {
        "hears": [_utterance(number) for number in range(turns)],
        "replies": [{"text": text, "tokens": list(text)} for text in map(reply, range(turns))],
        "tone": {"ms_per_char": _MS_PER_CHAR, "piece_ms": _SOUND_PER_PIECE_MS},
        "timing": {
            "asr_ms": ASR_MS,
            "first_token_ms": FIRST_TOKEN_MS,
            "token_ms": TOKEN_MS,
            "tts_first_byte_ms": TTS_FIRST_BYTE_MS,
            "tts_piece_ms": TTS_PIECE_MS,
        },
    }


def utterance(number: int) -> str:
    """What the caller says in one turn."""
    return f"第{number:04d}句，你听得见我说话吗？"


def reply(number: int) -> str:
    """What is answered. The first sentence is the first chunk for the synthesiser: eight tokens of one character."""
    return f"第{number:04d}句好。我正想着你呢，今天过得怎么样？"


def reply_pieces() -> tuple[int, ...]:
    """The sizes in bytes of a reply's pieces of sound."""
    pieces: list[int] = []
    for sentence in reply(0).removesuffix("？").split("。"):
        sound_ms = (len(sentence) + 1) * _MS_PER_CHAR
        while sound_ms > 0:
            pieces.append(min(sound_ms, _SOUND_PER_PIECE_MS) * _BYTES_PER_SOUND_MS)
            sound_ms -= _SOUND_PER_PIECE_MS
    return tuple(pieces)


def turns_wanted(calls: int, seconds: float) -> int:
    """Turns that so many calls can begin in this time, with some to spare."""
    shortest_turn_s = (PAUSE_MS + SPEECH_MS) / 1000
    return calls * (int(seconds / shortest_turn_s) + 3)


def _utterance(number: int) -> dict[str, Any]:
    text = utterance(number)
    step = len(text) // (_PARTIALS + 1)
    return {"text": text, "after_ms": None, "partials": [text[: step * place] for place in range(1, _PARTIALS + 1)]}
