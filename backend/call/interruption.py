"""What words heard during a reply mean: a wish to speak, a mere "mm-hm", or the reply's own echo. Pure."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto
from typing import Final

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
_WORD: Final = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_SHORTEST_ECHO: Final = 4
"""Units (hanzi or words) in a row that are taken for an echo; fewer are anybody's."""
_SHORTEST_WHOLE_ECHO: Final = 2
"""When nothing else was heard, so few are one."""


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


def judge(heard: str, speaking: str, limits: InterruptionLimits) -> Overheard:
    """What `heard` means while `speaking` comes out of the caller's loudspeaker."""
    units = _units(heard)
    if not units:
        return Overheard.NOTHING
    own = _own_units(units, _units(speaking))
    if not own:
        return Overheard.ECHO
    if _has_stop_word(own, limits.stop_words):
        return Overheard.INTERRUPTION
    if _is_backchannel(own):
        return Overheard.BACKCHANNEL
    return Overheard.INTERRUPTION if len(own) >= limits.least_units else Overheard.NOTHING


def without_echo(heard: str, spoken: str) -> str:
    """`heard` as written, without what it begins with that is only the reply's own sound."""
    found = [(match.group().lower(), match.end()) for match in _WORD.finditer(heard)]
    units = [unit for unit, _ in found]
    echo = _leading_echo(units, _units(spoken))
    if not echo:
        return heard
    return heard[found[echo - 1][1] :].lstrip(" ，。！？、,.!?；;：:…—")


def _units(text: str) -> list[str]:
    return [match.group().lower() for match in _WORD.finditer(text)]


def _own_units(heard: list[str], spoken: list[str]) -> list[str]:
    """What is left of the heard words once the reply's own are taken out."""
    if len(heard) >= _SHORTEST_WHOLE_ECHO and _is_within(heard, spoken):
        return []
    blocks = SequenceMatcher(None, heard, spoken, autojunk=False).get_matching_blocks()
    echoed = {at for block in blocks if block.size >= _SHORTEST_ECHO for at in range(block.a, block.a + block.size)}
    own = [unit for at, unit in enumerate(heard) if at not in echoed]
    # an echo comes back with a word misheard here and there
    return [] if echoed and len(own) <= len(heard) // 4 else own


def _leading_echo(heard: list[str], spoken: list[str]) -> int:
    blocks = SequenceMatcher(None, heard, spoken, autojunk=False).get_matching_blocks()
    return max((block.a + block.size for block in blocks if block.size >= _SHORTEST_ECHO), default=0)


def _is_within(part: list[str], whole: list[str]) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))


def _has_stop_word(units: list[str], stop_words: tuple[str, ...]) -> bool:
    """Said as such: where an utterance begins or ends; a lone hanzi only by itself, for 停车场 stops nobody."""
    for stop in map(_units, stop_words):
        if len(stop) == 1 and not stop[0].isascii():
            if set(units) == set(stop):
                return True
        elif stop and stop in (units[: len(stop)], units[-len(stop) :]):
            return True
    return False


def _is_backchannel(units: list[str]) -> bool:
    text = " ".join(units)
    compact = re.sub(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])", "", text)
    return re.fullmatch(rf"(?:{_BACKCHANNELS.pattern} ?)+", compact) is not None
