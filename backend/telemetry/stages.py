"""A turn cut into stages that join: from the end of the caller's speech to the first sound of the answer."""

from collections.abc import Iterator
from typing import Final, Literal

from backend.marks import TurnMarks

Stage = Literal["endpoint", "handover", "llm", "chunk", "tts", "deliver"]

STAGES: Final[dict[Stage, tuple[str, str]]] = {
    "endpoint": ("speech_end", "endpoint"),
    "handover": ("endpoint", "request_sent"),
    "llm": ("request_sent", "llm_first_token"),
    "chunk": ("llm_first_token", "tts_first_text"),
    "tts": ("tts_first_text", "tts_first_byte"),
    "deliver": ("tts_first_byte", "first_audio"),
}
"""From which mark to which. `endpoint` is hearing and holding, `llm` and `tts` are the services' own time; the other
three are ours."""

SERVED_BY: Final[dict[Stage, Literal["asr", "llm", "tts"]]] = {"endpoint": "asr", "llm": "llm", "tts": "tts"}


def stages(marks: TurnMarks) -> Iterator[tuple[Stage, float]]:
    """Each stage that the turn went through, in seconds.

    A mark that was set before the one it follows, as a request that was sent on a guess, makes a stage of no length.
    """
    at = {"speech_end": marks.speech_end, **marks.at}
    for stage, (begin, end) in STAGES.items():
        if begin in at and end in at:
            yield stage, max(0.0, at[end] - at[begin])
