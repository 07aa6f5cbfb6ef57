"""What words heard during a reply mean: a wish to speak, a mere "mm-hm", or the reply's own echo. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from backend.call.echo import Shares, Voice, is_within, leading_echo, shares
from backend.call.sounds import Sound, sounds, words
from backend.call.spoken import Clause

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
_TOO_FEW: Final = 2
_CLAUSE: Final = 2
"""Sounds that may be one without a mark before them; a lone "吗" belongs to what it follows."""
_SEAM: Final = re.compile(r"[ \t]*[^\w\s]")
"""A mark where one clause ends and another may begin."""


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


def judge(
    heard: str,
    speaking: str,
    limits: InterruptionLimits,
    *,
    final: bool = True,
    voice: Voice = Voice.SOUNDING,
) -> Overheard:
    """What `heard` means while `speaking` comes out of the caller's loudspeaker.

    Args:
        final: nothing will be added to it.
        voice: how far the reply had come when the words began.
    """
    found, spoken = sounds(heard), _texts(sounds(speaking))
    units = _texts(found)
    if not units:
        return Overheard.NOTHING
    if not is_within(units, spoken) and _stops(units, spoken, limits.stop_words):
        return Overheard.INTERRUPTION
    whose = _whose(heard, units, spoken, voice, final=final)
    if not whose.own:
        return Overheard.ECHO
    if _has_stop_word([units[at] for at in whose.own], limits.stop_words):
        return Overheard.INTERRUPTION
    if _is_nod(found[at] for at in whose.own):
        return Overheard.BACKCHANNEL
    if not whose.meant and _is_too_early(units, spoken, final=final):
        return Overheard.NOTHING
    counts = range(len(units)) if whose.meant else whose.own
    return Overheard.INTERRUPTION if _length(found, counts) >= limits.least_units else Overheard.NOTHING


def without_echo(heard: str, speaking: str, voice: Voice = Voice.SOUNDING) -> str:
    """`heard` as written, without what it begins with that is only the reply's own sound.

    Nothing is taken from words that say something with the reply's: an echo stands before them all, but for a nod, and
    ends where a clause does.
    """
    found, hers = sounds(heard), sounds(speaking)
    units, spoken = _texts(found), _texts(hers)
    if not _whose(heard, units, spoken, voice).own:
        return ""
    echo, ends_at = leading_echo(units, spoken, voice)
    if not echo or not _is_nod(found[: echo.start]):
        return heard
    end = found[echo.stop - 1].end
    left = len(units) - echo.stop
    may_begin_anew = left >= _CLAUSE and _SEAM.match(speaking, hers[ends_at - 1].end)
    return (
        heard[end:].lstrip(" ，。！？、,.!?；;：:…—") if left and (_SEAM.match(heard, end) or may_begin_anew) else heard
    )


def _whose(heard: str, units: list[str], spoken: list[str], voice: Voice, *, final: bool = True) -> Shares:
    """Whose the words are, by their sound, and by the recogniser's mark: her statement's last words asked back."""
    whose = shares(units, spoken, voice, final=final)
    asks_back = voice is Voice.TOLD and Clause.of(heard).asks
    return Shares(tuple(range(len(units))), meant=True) if asks_back and not whose.own else whose


def _is_too_early(units: list[str], spoken: list[str], *, final: bool) -> bool:
    """One of her words is anybody's; and where one of two is hers, the next tells whether the other was misheard."""
    if len(units) == 1:
        return units[0] in spoken
    return not final and len(units) == _TOO_FEW and not set(units).isdisjoint(spoken)


def _texts(found: Iterable[Sound]) -> list[str]:
    return [sound.text for sound in found]


def _length(found: Sequence[Sound], at: Sequence[int]) -> int:
    """In hanzi and words, as they are written."""
    return sum(max(1, len(words(found[each].written))) for each in at)


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


def _is_nod(found: Iterable[Sound]) -> bool:
    """Whether they are nothing but back-channels, or nothing at all."""
    text = " ".join(sound.written for sound in found if sound.written)
    compact = re.sub(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])", "", text)
    return re.fullmatch(rf"(?:{_BACKCHANNELS.pattern} ?)*", compact) is not None
