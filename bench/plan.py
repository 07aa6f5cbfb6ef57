"""What is run: the services' delays, the shape of a conversation, the loads. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from bench.voice import speech

ASR_MS: Final = 100
FIRST_TOKEN_MS: Final = 300
TOKEN_MS: Final = 20
TTS_FIRST_BYTE_MS: Final = 200
TTS_PIECE_MS: Final = 70
"""Between pieces of 200 ms of sound: a voice at nearly three times real time."""
FIRST_SENTENCE_TOKENS: Final = 8
ANSWER_MS: Final = FIRST_TOKEN_MS + (FIRST_SENTENCE_TOKENS - 1) * TOKEN_MS + TTS_FIRST_BYTE_MS
"""What the services take from a chat request to the first sound of its answer."""

FRAMES_MS: Final = (20, 100)
PAUSE_MS: Final = 1500
"""From the last sound of a reply to the caller's next word; it makes two thirds of a call listening."""

_DECIDED_MS: Final = 200
_MS_PER_CHAR: Final = 120
_BYTES_PER_SOUND_MS: Final = 8  # 64 kbit/s
_SOUND_PER_PIECE_MS: Final = 200
_FIRST_SENTENCE: Final = "这个字我认得。"
_GUESSED_REPLIES: Final = 3  # requests that one turn may cost, those on trial among them
_FIRST_NAME: Final = 0x4E00  # the block of Chinese characters; each reply is named by one of them


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of it.

    Attributes:
        calls: the loads, one after another.
        frames_ms: the lengths of the callers' frames.
        repetitions: of the whole, the processes started afresh each time.
        settle_s: of conversation before a measurement.
        window_s: of the measurement of a server; `relay_window_s` of the relay.
        warms: whether each process answers a first call before it is measured.
        rows: the contenders that are run, by name; all of a part's where this is empty.
        latency_calls: at a time where latency is taken apart, for `latency_s`.
        starts: of the server, to see how long one takes.
        interruptions_s: for so long replies are interrupted.
        crowd: clients that want to call a server that has lines for `lines`.
        crowd_s: how long they try.
    """

    calls: tuple[int, ...]
    frames_ms: tuple[int, ...]
    repetitions: int
    settle_s: float
    window_s: float
    relay_window_s: float
    warms: bool
    rows: tuple[str, ...]
    latency_calls: int
    latency_s: float
    starts: int
    interruptions_s: float
    lines: int
    crowd: int
    crowd_s: float


FULL: Final = Plan(
    calls=(1, 10, 25, 50, 100, 200),
    frames_ms=FRAMES_MS,
    repetitions=2,
    settle_s=4.0,
    window_s=7.0,
    relay_window_s=4.0,
    warms=True,
    rows=(),
    latency_calls=10,
    latency_s=16.0,
    starts=7,
    interruptions_s=25.0,
    lines=20,
    crowd=200,
    crowd_s=15.0,
)
QUICK: Final = Plan(
    calls=(5,),
    frames_ms=(100,),
    repetitions=1,
    settle_s=0.2,
    window_s=5.5,
    relay_window_s=1.0,
    warms=False,
    rows=("relay", "ours, VAD off"),
    latency_calls=4,
    latency_s=5.5,
    starts=1,
    interruptions_s=1.0,
    lines=3,
    crowd=12,
    crowd_s=1.5,
)
PEERS: Final = Plan(
    calls=(1, 10, 25, 50),
    frames_ms=FRAMES_MS,
    repetitions=2,
    settle_s=4.0,
    window_s=7.0,
    relay_window_s=4.0,
    warms=True,
    rows=(),
    latency_calls=5,
    latency_s=14.0,
    starts=1,
    interruptions_s=0.0,
    lines=0,
    crowd=0,
    crowd_s=0.0,
)


def script(turns: int) -> dict[str, Any]:
    """The emulator's script for so many turns; every utterance and every first sentence is told once only."""
    replies = [reply(number) for number in range(turns * _GUESSED_REPLIES)]
    return {
        "hears": [_utterance(number) for number in range(turns)],
        "replies": [{"text": text, "tokens": list(text)} for text in replies],
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
    """What the recogniser makes of one turn's speech: a question, complete as it stands."""
    return f"第{number:04d}句，你听得见我说话吗？"


def reply(number: int) -> str:
    """What is answered: two sentences, the first of eight tokens of one character, the first token its name."""
    return f"{chr(_FIRST_NAME + number)}{_FIRST_SENTENCE}你今天过得怎么样？"


def first_token(sentence: str) -> str:
    """The first token of the reply that begins with this sentence; no two replies share it."""
    return sentence[:1]


def begins_reply(sentence: str) -> bool:
    """Whether this is the first sentence of some reply."""
    return sentence.endswith(_FIRST_SENTENCE)


def reply_pieces() -> tuple[int, ...]:
    """The sizes in bytes of a reply's pieces of sound."""
    pieces: list[int] = []
    for sentence in reply(0).removesuffix("？").split("。"):
        sound_ms = (len(sentence) + 1) * _MS_PER_CHAR
        while sound_ms > 0:
            pieces.append(min(sound_ms, _SOUND_PER_PIECE_MS) * _BYTES_PER_SOUND_MS)
            sound_ms -= _SOUND_PER_PIECE_MS
    return tuple(pieces)


def reply_ms() -> int:
    """How long a reply sounds."""
    return sum(reply_pieces()) // _BYTES_PER_SOUND_MS


def turn_s() -> float:
    """About how long a turn takes on a server that answers soon."""
    return (PAUSE_MS + speech().ms + ANSWER_MS + _DECIDED_MS + reply_ms()) / 1000


def turns_wanted(calls: int, seconds: float) -> int:
    """Turns that so many calls can begin in this time, with some to spare."""
    shortest_turn_s = (PAUSE_MS + speech().ms + reply_ms()) / 1000
    return calls * (int(seconds / shortest_turn_s) + 2)


def spread_s(settle_s: float) -> float:
    """Over what time the callers' first words are spread: a turn's length, so that they are in all phases of it."""
    return min(turn_s(), 2 * settle_s)


def _utterance(number: int) -> dict[str, Any]:
    """Told little by little while it is spoken, and whole with the last of the speech."""
    text, steps = utterance(number), speech().partials
    partials = [text[: -(-len(text) * place // steps)] for place in range(1, steps + 1)]
    return {"text": text, "after_ms": None, "partials": partials}
