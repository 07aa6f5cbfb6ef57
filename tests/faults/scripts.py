"""What the emulators are told for a case: which fault, from which of its uses on, and what they do beside it."""

from typing import Any, Final

from emulator.script import Script
from tests.faults.cases import Case
from tests.faults.stage import script

REPLY: Final = "好的呀。"
TWO: Final = "好的呀。我们走吧。"
ASKED: Final = {"text": "讲个故事吧。", "partials": ["讲个"]}
LONG: Final = "从前有一座山，山上有一座庙，庙里有一个老和尚在讲故事。"
OVER: Final = "等一下，我有个问题。"

_ALL: Final = (None,)
_FIRST: Final = (1,)
_LATER: Final = tuple(range(2, 20))
_SECOND: Final = (2,)
_MS_PER_CHAR: Final = 20
_UNHURRIED_MS: Final = 70
_PAUSE_MS: Final = 300
"""Of thought, in which a connection that is not used lies idle for long enough to be closed."""
_FLEETING_MS: Final = 20

Uses = tuple[int, ...] | tuple[None]


def fine(**parts: Any) -> Script:
    """Nothing goes wrong."""
    return script(**{"hears_always": "你好", "replies_always": REPLY, **parts})


def at_first(case: Case) -> Script:
    """With which the call begins."""
    match case.when:
        case "first":
            return _faulty(case, _FIRST if case.misses else _ALL, timing=_pause(case) if case.idles else {})
        case "later":
            return _until_later(case)
        case "barge-in":
            return _until_spoken_over(case)


def in_time(case: Case) -> Script | None:
    """With which it goes on after the first turn, or into the reply that is spoken over; None for the same."""
    if case.when == "first" or (case.stage == "asr" and not dials_in_between(case)):
        return None
    if case.when == "later":
        return None if case.idles else _faulty(case, _ALL)
    return _faulty(case, _ALL, hears=[OVER], timing=_pause(case))


def beside(case: Case) -> Script:
    """Of the one that stands by."""
    return fine(**_spoken_over(case)) if case.when == "barge-in" and case.stage == "asr" else fine()


def sound_ms(case: Case) -> int:
    """How long the answer sounds."""
    return len(REPLY) * (_unhurried_ms(case) if case.stage == "asr" and case.when == "barge-in" else _MS_PER_CHAR)


def dials_in_between(case: Case) -> bool:
    """The fault waits for a handshake of DashScope's ears, which keep their connection unless it is lost."""
    return (case.family, case.stage, case.when) == ("dashscope", "asr", "later") and (
        case.trouble.at_connect and not case.idles
    )


def _until_later(case: Case) -> Script:
    """The next listening begins before anyone could change a script."""
    if case.idles and case.stage == "asr":  # opened with the first sound, and needed after the last
        return _faulty(case, _ALL, replies=[TWO], timing={**_pause(case), "tts_first_byte_ms": _PAUSE_MS})
    if case.idles:
        return _faulty(case, _ALL, timing=_pause(case))
    if case.stage != "asr" or dials_in_between(case):
        return fine(timing=_pause(case))
    return _faulty(case, _LATER)


def _until_spoken_over(case: Case) -> Script:
    lines = {**_spoken_over(case), "hears": [ASKED, OVER], "replies": [LONG]}
    if case.stage == "asr" and case.idles:  # opened with the first words, and needed with the reply
        return _faulty(case, _ALL, **lines, timing={"asr_ms": _PAUSE_MS})
    if case.stage == "asr":
        return _faulty(case, _SECOND, **lines)
    if case.stage == "tts" and case.trouble.at_connect:  # or no reply would ever dial again
        fleeting = {"service": case.service, "kind": "idle_close", "ms": _FLEETING_MS, "nth": None}
        return fine(**lines, faults=[fleeting])
    return fine(**lines)


def _spoken_over(case: Case) -> dict[str, Any]:
    return {"hears": [OVER], "tone": {"ms_per_char": _unhurried_ms(case)}}


def _unhurried_ms(case: Case) -> int:
    """A character of the reply that is spoken over: it goes on until a fault is found out."""
    return _UNHURRIED_MS * case.deadlines


def _faulty(case: Case, uses: Uses, **parts: Any) -> Script:
    return fine(**parts, faults=[{"nth": nth, **case.fault} for nth in uses])


def _pause(case: Case) -> dict[str, int]:
    return {"first_token_ms": _PAUSE_MS} if case.trouble.at_connect and case.stage != "llm" else {}
