"""What words heard during a reply mean: a wish to speak, a mere "mm-hm", or the reply's own echo. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto
from typing import Final

from backend.call.sounds import Sound, sounds, words

DEFAULT_STOP_WORDS: Final = (
    *(
        "等一下",
        "等等",
        "等会儿",
        "等下",
        "先等",
        "慢着",
        "打住",
        "停",
        "停一下",
        "停下",
        "别说了",
        "别讲了",
        "不要说了",
    ),
    *("别说话", "先别说", "闭嘴", "够了", "行了行了", "听我说", "让我说", "安静"),
    *("wait", "stop", "hold on", "hang on", "shut up", "enough", "be quiet", "quiet please", "listen to me", "pause"),
)
"""Any of these, said as such, cuts a reply off however short it is."""

_BACKCHANNELS: Final = re.compile(
    "(?:"
    "嗯哼?|呃|额|哦|噢|喔|啊|哎|诶|欸|唉|呀|哇塞?|哈|呵|嘿|嘻|唔|"
    "对(?:的|啊|呀|吧|哦|嘛)?|好(?:的|啊|呀|吧|嘞|哒)?|行(?:啊|吧)?|是(?:的|啊|呀|吗|吧|嘛|哦)?|"
    "真的(?:吗|假的|啊)?|没错|可以|当然|知道(?:了|啦)?|明白(?:了)?|懂(?:了)?|了解|这样(?:啊|子)?|原来如此|"
    "有道理|不错|厉害|太好了|那(?:好|行)|然后呢|后来呢|"
    "uh ?huh|mm ?hmm?|mhm|mm+|hmm+|uh|um|oh|ah|aha|wow|yeah|yep|yup|yes|ok(?:ay)?|right|sure|really|"
    "i see|got it|of course|exactly|true|cool|nice|great|good|fine|alright|all right|no way|haha|go on"
    ")"
)
_SHORTEST_ECHO: Final = 4
"""Sounds (hanzi or words) in a row that are taken for an echo; fewer are anybody's."""
_SHORTEST_WHOLE_ECHO: Final = 2
"""When nothing else was heard, so few are one."""
_MISHEARD: Final = 2
"""Inside an echo so many sounds in a row may come back as others, or not at all."""
_LONGEST_MISHEARD_END: Final = 2
"""And at its end; more are somebody's own."""
_SHORT: Final = 7
"""In so few sounds one may be another; in more of them, one in four."""
_ASKS_AT_THE_END: Final = frozenset("吗么呢")
_OBJECTS: Final = frozenset(
    {*"不没别谁哪啥何", "no", "not", "don", "why", "what", "who", "where", "when", "how", "which", "but"}
)
"""Words that turn what she says into a question or a refusal: they are meant, and not misheard, beside her own."""


class Overheard(Enum):
    """What was heard during a reply."""

    NOTHING = auto()
    ECHO = auto()
    BACKCHANNEL = auto()
    INTERRUPTION = auto()


@dataclass(frozen=True, slots=True)
class InterruptionLimits:
    """When words cut a reply off.

    Attributes:
        least_units: hanzi, or words of other scripts, that are no back-channel.
        stop_words: these cut whatever their length.
    """

    least_units: int = 2
    stop_words: tuple[str, ...] = DEFAULT_STOP_WORDS


def judge(heard: str, speaking: str, limits: InterruptionLimits, *, final: bool = True) -> Overheard:
    """What `heard` means while `speaking` comes out of the caller's loudspeaker.

    Args:
        final: nothing will be added to it.
    """
    found, spoken = sounds(heard), _texts(sounds(speaking))
    units = _texts(found)
    if not units:
        return Overheard.NOTHING
    if not _is_all_hers(units, spoken) and _stops(units, spoken, limits.stop_words):
        return Overheard.INTERRUPTION
    if _is_echo(units, spoken):
        return Overheard.ECHO
    own = _own(units, spoken)
    if not own:
        return Overheard.ECHO
    if _has_stop_word([units[at] for at in own], limits.stop_words):
        return Overheard.INTERRUPTION
    if _is_backchannel(" ".join(found[at].written for at in own if found[at].written)):
        return Overheard.BACKCHANNEL
    if _is_too_early(units, spoken, final=final):
        return Overheard.NOTHING
    return Overheard.INTERRUPTION if _length(found, own) >= limits.least_units else Overheard.NOTHING


def without_echo(heard: str, spoken: str) -> str:
    """`heard` as written, without what it begins with that is only the reply's own sound."""
    found, units = sounds(heard), _texts(sounds(spoken))
    echoes = _echoes(_texts(found), units)
    if _is_echo(_texts(found), units):
        return ""
    if not echoes or echoes[0].start > _LONGEST_MISHEARD_END:
        return heard
    return heard[found[echoes[-1].stop - 1].end :].lstrip(" ，。！？、,.!?；;：:…—")


def _is_too_early(units: list[str], spoken: list[str], *, final: bool) -> bool:
    """One of her words is anybody's; and where one of two is hers, the next tells whether the other was misheard."""
    if len(units) == 1:
        return units[0] in spoken
    is_half_hers = len(units) == _SHORTEST_WHOLE_ECHO and not set(units).isdisjoint(spoken)
    return is_half_hers and not final and not _OBJECTS.intersection(units).difference(spoken)


def _texts(found: Iterable[Sound]) -> list[str]:
    return [sound.text for sound in found]


def _length(found: Sequence[Sound], at: Sequence[int]) -> int:
    """In hanzi and words, as they are written."""
    return sum(max(1, len(words(found[each].written))) for each in at)


def _is_all_hers(heard: list[str], spoken: list[str]) -> bool:
    return len(heard) >= _SHORTEST_WHOLE_ECHO and _is_within(heard, spoken)


def _is_echo(heard: list[str], spoken: list[str]) -> bool:
    """Whether all of it is the reply's own, but for one word in a few that may have been misheard."""
    if _is_all_hers(heard, spoken):
        return True
    if len(heard) <= _SHORTEST_WHOLE_ECHO or len(heard) > _SHORT or _differences(heard, spoken) > 1:
        return False
    return not _is_meant(heard, spoken)


def _is_meant(heard: list[str], spoken: list[str]) -> bool:
    """Whether the one word that is not the reply's makes a question or a refusal of its words."""
    if heard[0] in _OBJECTS and _is_within(heard[1:], spoken):
        return True
    if heard[-1] in _ASKS_AT_THE_END and _is_within(heard[:-1], spoken):
        return True
    return len(heard) <= _SHORTEST_ECHO and any(word in _OBJECTS and word not in spoken for word in heard)


def _differences(heard: list[str], spoken: list[str]) -> int:
    """The fewest words put in, left out or misheard, that make `heard` a part of `spoken`."""
    row = [0] * (len(spoken) + 1)
    for count, word in enumerate(heard, 1):
        before, row = row, [count]
        for at, other in enumerate(spoken):
            row.append(min(before[at] + (word != other), before[at + 1] + 1, row[at] + 1))
    return min(row)


def _own(heard: list[str], spoken: list[str]) -> list[int]:
    """Where the heard words stand that are not the reply's; none if they are few and among its own."""
    echoes = _echoes(heard, spoken)
    echoed = {at for echo in echoes for at in echo}
    own = [at for at in range(len(heard)) if at not in echoed]
    at_the_end = len(heard) - echoes[-1].stop if echoes else len(heard)
    return [] if at_the_end <= _LONGEST_MISHEARD_END and len(own) <= len(heard) // 4 else own


def _echoes(heard: list[str], spoken: list[str]) -> list[range]:
    """The parts of `heard` that are the reply's, with the words misheard in them."""
    parts: list[tuple[range, int, int]] = []  # in `heard`, where it ends in `spoken`, how many are the same
    for at, there, size in SequenceMatcher(None, heard, spoken, autojunk=False).get_matching_blocks():
        if size < _SHORTEST_WHOLE_ECHO:  # a word alone is found anywhere
            continue
        if parts and _is_near(parts[-1][0].stop, at) and _is_near(parts[-1][1], there):
            part, _, same = parts.pop()
            parts.append((range(part.start, at + size), there + size, same + size))
        else:
            parts.append((range(at, at + size), there + size, size))
    return [part for part, _, same in parts if same >= _SHORTEST_ECHO]


def _is_near(end: int, begin: int) -> bool:
    return begin - end <= _MISHEARD


def _is_within(part: list[str], whole: list[str]) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))


def _stops(heard: list[str], spoken: list[str], stop_words: tuple[str, ...]) -> bool:
    """Whether it ends in a stop word that is the caller's: hers, if any, stands behind other words."""
    for stop in (_texts(sounds(word)) for word in stop_words):
        if len(stop) == 1 and not stop[0].isascii():
            continue
        if stop and heard[-len(stop) :] == stop and not _is_behind(heard[: -len(stop)], stop, spoken):
            return True
    return False


def _is_behind(before: list[str], stop: list[str], spoken: list[str]) -> bool:
    """Whether she says the stop word behind these words, of which the last may have been misheard."""
    places = [at for at in range(len(spoken) - len(stop) + 1) if spoken[at : at + len(stop)] == stop]
    return any(
        len(before) >= back and at >= back and spoken[at - back] == before[-back] for at in places for back in (1, 2)
    )


def _has_stop_word(units: list[str], stop_words: tuple[str, ...]) -> bool:
    """Said as such: where an utterance begins or ends; a lone hanzi only by itself, for 停车场 stops nobody."""
    for stop in (_texts(sounds(word)) for word in stop_words):
        if len(stop) == 1 and not stop[0].isascii():
            if set(units) == set(stop):
                return True
        elif stop and stop in (units[: len(stop)], units[-len(stop) :]):
            return True
    return False


def _is_backchannel(words: str) -> bool:
    compact = re.sub(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])", "", words)
    return re.fullmatch(rf"(?:{_BACKCHANNELS.pattern} ?)+", compact) is not None
