"""Which of the words heard are only a reply's own sound, come back through the caller's microphone. Pure.

While the reply sounds, any part of it may be its echo, with a word in a few misheard. What begins after its end can be
no more than its last words, and runs to the end of them; if they asked something, it asks the same. All else is the
caller's.
"""

from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto
from typing import Final

from backend.call.meant import is_meant, keeps_asking
from backend.call.sounds import sounds

_LAST_SOUNDS: Final = 8
"""What begins after the end of the reply can be the echo of no more."""
_SHORTEST_ECHO: Final = 4
"""Sounds (hanzi or words) in a row that are taken for an echo among others; fewer are anybody's."""
_SHORTEST_WHOLE_ECHO: Final = 2
"""When nothing else was heard, so few are one."""
_MISHEARD: Final = 2
"""Inside an echo so many sounds in a row may come back as others, or not at all."""
_LONGEST_MISHEARD_END: Final = 2
"""And at its end; more are somebody's own."""
_SHORT: Final = 7
"""In so few sounds one may be another; in more of them, one in four."""


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(sound.text for sound in sounds(phrase)) for phrase in text.split(","))


_IN_RETURN: Final = _phrases(
    "晚安,再见,拜拜,早安,早上好,晚上好,你好,明天见,回头见,待会见,一会见,回见,加油,干杯,谢谢,谢谢你,我爱你,我想你,一言为定,"
    "生日快乐,新年快乐,节日快乐,圣诞快乐,周末愉快,"
    "good night,good morning,good evening,goodbye,bye,bye bye,hello,hi there,see you,see ya,see you later,see you soon,"
    "see you then,see you tomorrow,talk soon,take care,thank you,cheers,love you,I love you,I miss you,happy birthday,"
    "happy new year,merry Christmas,let's go,deal"
)
"""One says these because the other has said them; and "走吧" to who has said "我们走吧"."""
_BEFORE_IT: Final = frozenset({*"好嗯那行对的哦啊", "ok", "well", "yes", "yeah", "yep", "oh", "and", "then"})


class Voice(Enum):
    """How far the reply had come when the words began: it sounded, or its last sentence had told or asked something."""

    SOUNDING = auto()
    TOLD = auto()
    ASKED = auto()


@dataclass(frozen=True, slots=True)
class Shares:
    """Whose the words heard are.

    Attributes:
        own: where the caller's stand; nowhere if all is echo.
        meant: they make something else of the reply's words, which so are the caller's as well.
    """

    own: tuple[int, ...]
    meant: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """Of the words heard, with what was misheard in it; `ends_at` in the reply; `same` is how many are the same."""

    where: range
    ends_at: int
    same: int


def shares(heard: list[str], spoken: list[str], voice: Voice = Voice.SOUNDING, *, final: bool = True) -> Shares:
    """Tell the caller's words from the reply's.

    Args:
        heard: as it sounds.
        spoken: what of the reply has sounded, or may by now.
        final: nothing will be added to `heard`. Until then what may become an echo counts as one.
    """
    if voice is Voice.SOUNDING and _is_a_piece(heard, spoken):
        return Shares(())
    may_sound = spoken if voice is Voice.SOUNDING else spoken[-_LAST_SOUNDS:]
    if is_meant(heard, spoken, final=final):
        return Shares(_beside(heard, may_sound, voice) or tuple(range(len(heard))), meant=True)
    return Shares(() if _is_echo(heard, may_sound, voice, final=final) else _beside(heard, may_sound, voice))


def leading_echo(heard: list[str], spoken: list[str], voice: Voice) -> tuple[range, int]:
    """Where the reply is first heard among other words, and where that ends in the reply; empty if it is not."""
    for part in _echoes(heard, spoken, voice):
        return part.where, part.ends_at
    return range(0), 0


def is_within(part: list[str], whole: list[str]) -> bool:
    """Whether it stands in the whole, word for word."""
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))


def _is_a_piece(heard: list[str], spoken: list[str]) -> bool:
    """Whether it is the reply's words and nothing else: the usual echo, partial after partial, and cheaply known."""
    is_more = len(heard) >= _SHORTEST_WHOLE_ECHO and is_within(heard, spoken)
    return is_more and not is_meant(heard[:_SHORTEST_WHOLE_ECHO], spoken)


def _is_echo(heard: list[str], spoken: list[str], voice: Voice, *, final: bool) -> bool:
    """Whether all of it is the reply's own, but for a few words that may have been misheard."""
    if len(heard) < _SHORTEST_WHOLE_ECHO:
        return False
    if voice is Voice.SOUNDING:
        return _is_among(heard, spoken)
    if len(heard) > _LAST_SOUNDS or _is_said_in_return(heard):
        return False
    if not final:
        return _is_among(heard, spoken)
    if _differences(heard, spoken)[-1] > len(heard) // _SHORTEST_ECHO:
        return False
    return voice is Voice.TOLD or keeps_asking(heard)


def _is_said_in_return(heard: list[str]) -> bool:
    begin = next((at for at, word in enumerate(heard) if word not in _BEFORE_IT), len(heard))
    said = tuple(heard[begin:])
    return said in _IN_RETURN or (len(said) == _SHORTEST_WHOLE_ECHO and said[-1] == "吧")


def _is_among(heard: list[str], spoken: list[str]) -> bool:
    if len(heard) <= _SHORT:
        return min(_differences(heard, spoken)) <= (len(heard) > _SHORTEST_WHOLE_ECHO)
    parts = _parts(heard, spoken)
    at_the_end = len(heard) - parts[-1].where.stop if parts else len(heard)
    own = len(heard) - sum(len(part.where) for part in parts)
    return at_the_end <= _LONGEST_MISHEARD_END and own <= len(heard) // 4


def _beside(heard: list[str], spoken: list[str], voice: Voice) -> tuple[int, ...]:
    """Where the words stand that are in no echo."""
    echoes = _echoes(heard, spoken, voice)
    return tuple(at for at in range(len(heard)) if not any(at in echo.where for echo in echoes))


def _echoes(heard: list[str], spoken: list[str], voice: Voice) -> list[_Part]:
    """The parts that may be echoes among other words: after the end of the reply only one that leads up to it."""
    parts = _parts(heard, spoken)
    if voice is Voice.SOUNDING:
        return parts
    leading = [part for part in parts[:1] if part.where.start == 0 and part.ends_at == len(spoken)]
    asks = voice is Voice.TOLD or any(keeps_asking(heard[: part.where.stop]) for part in leading)
    return leading if asks else []


def _differences(heard: list[str], spoken: list[str]) -> list[int]:
    """The fewest words put in, left out or misheard, that make `heard` a part of `spoken`, by where that part ends."""
    row = [0] * (len(spoken) + 1)
    for count, word in enumerate(heard, 1):
        before, row = row, [count]
        for at, other in enumerate(spoken):
            row.append(min(before[at] + (word != other), before[at + 1] + 1, row[at] + 1))
    return row


def _parts(heard: list[str], spoken: list[str]) -> list[_Part]:
    """The parts of `heard` that are the reply's."""
    parts: list[_Part] = []
    for at, there, size in SequenceMatcher(None, heard, spoken, autojunk=False).get_matching_blocks():
        if size < _SHORTEST_WHOLE_ECHO:  # a word alone is found anywhere
            continue
        part = _Part(range(at, at + size), there + size, size)
        if parts and at - parts[-1].where.stop <= _MISHEARD and there - parts[-1].ends_at <= _MISHEARD:
            last = parts.pop()
            part = _Part(range(last.where.start, at + size), there + size, last.same + size)
        parts.append(part)
    return [part for part in parts if part.same >= _SHORTEST_ECHO]
