"""Whether words that sound like a reply's turn it round: into a refusal, a question, or an answer to it. Pure.

What comes back from a loudspeaker is what was said, or a word like it. It does not put a "not" where there was none,
nor "I" for "you"; who takes half of "要不要" has chosen. Such words are meant, however much of the rest is the reply's.
"""

from collections.abc import Sequence
from typing import Final

from backend.call.sounds import NOT

_DENY: Final = frozenset({*"不没别甭莫", NOT, "no", "never", "nothing"})
_ASK: Final = frozenset({*"谁哪啥何什怎", "why", "what", "who", "where", "when", "how", "which"})
_OBJECT: Final = frozenset({"但", "but"})
_TURN: Final = _DENY | _ASK | _OBJECT
_ASK_AT_THE_END: Final = frozenset("吗么呢")
_MISTAKEN_FOR: Final = {
    **{"不": "步部布补捕", "没": "每美妹煤", "别": "憋瘪", "但": "蛋淡担", "何": "和河合喝盒荷"},
    **{"哪": "那", "谁": "水睡", "啥": "沙", "吗": "妈马骂", "么": "磨"},
    **{"no": ("know",), "not": ("knot",), "but": ("bud", "butt"), "why": ("y",)},
    **{"where": ("wear", "were"), "which": ("witch",), "when": ("wen",)},
}
"""What a recogniser may write for a word that was heard badly: in that word's place they are no answer."""
_I: Final = frozenset({*"我", "i", "me", "my", "mine", "myself", "we", "us", "our"})
_YOU: Final = frozenset({*"你", "you", "your", "yours", "yourself"})
_KEEP_ASKING: Final = _ASK | _YOU | frozenset({"几", "or"})
_NEAR: Final = (-1, 1, -2, 2)
"""Where a neighbour stands, and the next one, should that be misheard."""
_REACH: Final = 2


def is_meant(heard: Sequence[str], spoken: Sequence[str], *, final: bool = True) -> bool:
    """Whether one of the sounds heard turns the reply's round.

    Args:
        final: nothing will be added to `heard`; until then the next sound may yet show that one is the reply's.
    """
    last = len(heard) - 1
    for at, word in enumerate(heard):
        if word in _I and _is_turned(heard, at, spoken, _YOU):
            return True
        if word in _YOU and _is_turned(heard, at, spoken, _I):
            return True
        if word in _TURN or word.endswith(f" {NOT}") or (at == last and word in _ASK_AT_THE_END):
            may_be_known = not final and at < _REACH and at > last - _REACH
            if _is_put_in(heard, at, spoken, may_be_known=may_be_known):
                return True
    return False


def keeps_asking(heard: Sequence[str]) -> bool:
    """Whether it still asks what it repeats: an answer has lost the "吗", has chosen, and says no "you"."""
    if heard[-1:] and heard[-1] in "吗么":
        return True
    if any(word in _KEEP_ASKING or heard[at : at + 2] == ["还", "是"] for at, word in enumerate(heard)):
        return True
    return any(_is_choice(heard, at) for at in range(len(heard)))


def _is_put_in(heard: Sequence[str], at: int, spoken: Sequence[str], *, may_be_known: bool) -> bool:
    """Whether this word is not the reply's in this place."""
    known_as = (heard[at], *_MISTAKEN_FOR.get(heard[at], ()))
    places = [place for place, word in enumerate(spoken) if word in known_as]
    alike = [place for place in places if _stands_alike(heard, at, spoken, place)]
    if not alike:
        return not (may_be_known and places)
    return all(_is_half_a_choice(heard, at, spoken, place) for place in alike)


def _is_half_a_choice(heard: Sequence[str], at: int, spoken: Sequence[str], place: int) -> bool:
    """Whether it takes the "不要" out of "要不要": no "要" stands before it, nor what may be one that was misheard."""
    if not _is_choice(spoken, place) or heard[at + 1 : at + 2] != spoken[place + 1 : place + 2]:
        return False
    return not any(at >= back and place >= back and heard[at - back] == spoken[place - back] for back in (1, _REACH))


def _is_choice(words: Sequence[str], at: int) -> bool:
    """Whether the same stands on both sides of a "不" or a "没"."""
    return words[at] in {"不", "没"} and any(
        at >= size and words[at - size : at] == words[at + 1 : at + 1 + size] for size in (1, 2)
    )


def _is_turned(heard: Sequence[str], at: int, spoken: Sequence[str], others: frozenset[str]) -> bool:
    """Whether "I" stands where the reply says "you", or the other way round."""
    if any(word == heard[at] and _stands_alike(heard, at, spoken, place) for place, word in enumerate(spoken)):
        return False
    before, after = set(heard[max(0, at - _REACH) : at]), set(heard[at + 1 : at + 1 + _REACH])
    for place, word in enumerate(spoken):
        if word in others and not (
            before.isdisjoint(spoken[max(0, place - _REACH) : place])
            and after.isdisjoint(spoken[place + 1 : place + 1 + _REACH])
        ):
            return True
    return False


def _stands_alike(heard: Sequence[str], at: int, spoken: Sequence[str], place: int) -> bool:
    """Whether one of the nearest words is the same here and there."""
    return any(
        0 <= at + off < len(heard) and 0 <= place + off < len(spoken) and heard[at + off] == spoken[place + off]
        for off in _NEAR
    )
