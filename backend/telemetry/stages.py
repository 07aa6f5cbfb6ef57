"""A turn cut into stages that join: from the end of the caller's speech to the first sound of the answer."""

from collections.abc import Iterator
from typing import Final, Literal

from backend.marks import TurnMarks

Stage = Literal["endpoint", "handover", "llm", "chunk", "tts", "deliver"]

STAGES: Final[dict[Stage, str]] = {
    "endpoint": "endpoint",
    "handover": "request_sent",
    "llm": "llm_first_token",
    "chunk": "tts_first_text",
    "tts": "tts_first_byte",
    "deliver": "first_audio",
}
"""The mark that ends each, in their order. `endpoint` is hearing and holding, `llm` and `tts` are the services' own
time; the other three are ours."""

SERVED_BY: Final[dict[Stage, Literal["asr", "llm", "tts"]]] = {"endpoint": "asr", "llm": "llm", "tts": "tts"}


def stages(marks: TurnMarks) -> Iterator[tuple[Stage, float]]:
    """How long the turn waited in each stage that it reached, in seconds.

    A stage begins where the one before it ended. What was done ahead, as a request that was sent on a guess, was not
    waited for: it makes its stage shorter, or of no length.
    """
    reached = marks.speech_end
    for stage, end in STAGES.items():
        if (at := marks.at.get(end)) is not None:
            yield stage, max(0.0, at - reached)
            reached = max(reached, at)
