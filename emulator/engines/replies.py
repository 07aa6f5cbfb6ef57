"""The offline stand-in for a chat model: answers out of the example dialogues that the request itself brings along."""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from emulator.engines.base import ChatRequest
from emulator.engines.likeness import Likeness
from emulator.engines.small_talk import GRAVE, PHRASES, QUESTION, Language, ask_on, language_of

FITS: Final = 0.29
FITS_GRAVELY: Final = 0.2
NAME_EVERY: Final = 3
SHORTEST_CUT: Final = 4
"""An answer that was cut off is in the history as its beginning; so much of it is enough to know it again."""

NAMES: Final = re.compile(
    r"(?:我叫|我的名字(?:叫|是)|(?:你可以|就)叫我)(?P<zh>(?!什么|啥|你)[\u3400-\u9fffA-Za-z]{1,6}?)(?=[，。！？,.!?\s]|$|吧|呀|啊|就)|"
    r"\b(?:my name is|my name's|call me|i'm called)\s+(?P<en>[A-Za-z][\w'-]*)",
    re.IGNORECASE,
)
ASKS_OWN_NAME: Final = re.compile(
    r"我(?:的名字)?(?:叫|是)(?:什么|啥|谁)|\bmy name\?|what(?:'s| is) my name|who am i\b", re.IGNORECASE
)
TOKENS: Final = re.compile(r"[\u3400-\u9fff]{1,2}[，。！？、；：…]*|\s*[^\s\u3400-\u9fff]+|\s+")
SENTENCE: Final = re.compile(r".+?[。！？!?.…]+(?=\s|[^。！？!?.…”’]|$)|.+$", re.DOTALL)
OPEN_QUESTION: Final = re.compile(
    r"^你[^，。]*(?:喜欢|平时|爱看|爱吃|单曲循环|最想)[^，。]*？$|"
    r"^(?:What|Which|Where|Do|Have)\b.*\byou\b.*\b(?:like|love|prefer|listen|usually|ever|favourite|favorite)\b.*\?$"
)


@dataclass(frozen=True, slots=True)
class Example:
    """What may be said, in one or more ways, and what is then answered."""

    asked: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request taken apart."""

    examples: tuple[Example, ...]
    callers: tuple[str, ...]
    answers: tuple[str, ...]
    text: str

    @property
    def caller_name(self) -> str:
        """What the caller wants to be called, as last told; empty when nothing was."""
        told = [
            found.group("zh") or found.group("en")
            for said in (*self.callers, self.text)
            for found in NAMES.finditer(said)
        ]
        return told[-1] if told else ""

    def gave(self, answer: str) -> bool:
        """Whether this was answered before, in whole, or up to where the caller cut in."""
        return self.last_gave(answer) >= 0

    def last_gave(self, answer: str) -> int:
        """Which of the answers this was, at last; -1 when it was not given."""
        cut = SHORTEST_CUT
        same = (
            at
            for at, said in enumerate(self.answers)
            if answer in said or (len(said) >= cut and answer.startswith(said))
        )
        return max(same, default=-1)


class Replies:
    """A ChatEngine without a model."""

    label: str = "replies (offline stand-in)"

    async def reply(self, request: ChatRequest) -> AsyncIterator[str]:
        """The answer, a word or two at a time. Equal requests get equal answers."""
        for token in TOKENS.findall(answer(taken_apart(request.messages))):
            yield token
            await asyncio.sleep(0)


def taken_apart(messages: Sequence[Mapping[str, Any]]) -> Conversation:
    """Examples first, then the conversation.

    An example that can be asked in several ways has a line for each, which nothing that is said on the phone has: the
    last such message ends the examples. In a request without any, every answered message is an example.
    """
    said = [(str(message.get("role")), _text(message.get("content"))) for message in messages]
    said = [(role, text) for role, text in said if role in ("user", "assistant") and text]
    last = next((at for at in reversed(range(len(said))) if said[at][0] == "user"), None)
    before, text = (said[:last], said[last][1]) if last is not None else (said, "")
    many = [at for at, (role, text) in enumerate(before) if role == "user" and "\n" in text]
    split = many[-1] + 2 if many else len(before)
    while many and before[split : split + 1] and before[split][0] == "assistant":
        split += 1
    examples = _pairs(before[:split])
    talk = before[split:]
    answers = [text for role, text in talk if role == "assistant"] if many else _repeated(examples)
    callers = tuple(text for role, text in talk if role == "user")
    return Conversation(tuple(dict.fromkeys(examples)), callers, tuple(answers), text)


def answer(talk: Conversation) -> str:
    """What is said now."""
    language = language_of([example.answer for example in talk.examples] or [talk.text])
    if ASKS_OWN_NAME.search(talk.text):
        phrases = PHRASES[language]
        return phrases.name_known.format(talk.caller_name) if talk.caller_name else phrases.name_unknown
    found = _fitting(talk, language)
    return _by_name(found, talk, language) if found else _without_example(talk, language)


def _fitting(talk: Conversation, language: Language) -> str:
    """The best example's answer that was not given yet; empty when none fits."""
    if not talk.examples or not talk.text:
        return ""
    scores = _likeness(tuple(example.asked for example in talk.examples)).scores(talk.text)
    ranked = sorted(zip(scores, talk.examples, strict=True), key=lambda pair: -pair[0])
    if GRAVE.search(talk.text):  # here a repetition does no harm, and a light answer would
        grave = [example.answer for score, example in ranked if score >= FITS_GRAVELY and _is_grave(example)]
        return grave[0] if grave else ""
    fitting = [example.answer for score, example in ranked if score >= FITS and not _is_grave(example)]
    if fitting and talk.gave(fitting[0]) and QUESTION.search(talk.text):
        again = PHRASES[language].said_before + SENTENCE.findall(fitting[0])[0]
        return "" if talk.gave(again) else again
    return next((answer for answer in fitting if not talk.gave(answer)), "")


def _without_example(talk: Conversation, language: Language) -> str:
    """Ask on; now and then about something that this persona likes to ask."""
    turn = len(talk.answers)
    asked = [] if GRAVE.search(talk.text) else _open_questions(talk)
    if asked and turn % 3 == 2 and not QUESTION.search(talk.text):
        question = asked[zlib.crc32(talk.text.encode()) % len(asked)]
        return PHRASES[language].by_the_way + (question if language == "zh" else question[0].lower() + question[1:])
    tried = [ask_on(talk.text, language, turn + step) for step in range(4)]
    return min(tried, key=talk.last_gave)


def _open_questions(talk: Conversation) -> list[str]:
    sentences = [sentence.strip() for example in talk.examples for sentence in SENTENCE.findall(example.answer)]
    given = "".join(talk.answers)
    return [sentence for sentence in sentences if OPEN_QUESTION.search(sentence) and sentence not in given]


def _by_name(said: str, talk: Conversation, language: Language) -> str:
    """With the caller's name in front, when it was just told and now and then later."""
    name = talk.caller_name
    just_told = bool(NAMES.search(talk.text))
    if not name or name in said or GRAVE.search(talk.text) or not (just_told or len(talk.answers) % NAME_EVERY == 1):
        return said
    return f"{name}，{said}" if language == "zh" else f"{name}! {said}"


def _is_grave(example: Example) -> bool:
    return any(GRAVE.search(way) for way in example.asked)


@lru_cache(maxsize=8)
def _likeness(asked: tuple[tuple[str, ...], ...]) -> Likeness:
    return Likeness(asked)


def _pairs(said: Sequence[tuple[str, str]]) -> list[Example]:
    return [
        Example(tuple(a[1].splitlines()), b[1]) for a, b in pairwise(said) if a[0] == "user" and b[0] == "assistant"
    ]


def _repeated(examples: Sequence[Example]) -> list[str]:
    answers = [example.answer for example in examples]
    return [answer for answer in dict.fromkeys(answers) if answers.count(answer) > 1]


def _text(content: Any) -> str:
    """Of a message: plain, or in parts."""
    if isinstance(content, str):
        return content.strip()
    parts = content if isinstance(content, Sequence) else ()
    return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping)).strip()
