"""A persona card: one YAML file that holds a whole character, checked when it is loaded. See `docs/persona.md`."""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from backend.errors import CardError
from backend.persona.complaint import complaint
from backend.persona.spoken import fault
from backend.persona.yaml_file import read_yaml
from backend.shapes import Before, MisshapenError, between, filled, matching, shaped

AVATARS: Final = Path(__file__).resolve().parents[2] / "assets" / "avatars"

_FAREWELLS: Final = {"zh": "今天先聊到这儿吧，我得挂啦，下次再聊。", "en": "I have to go now. Let's talk again soon."}

VoiceProvider = Literal["volcengine", "dashscope", "emulator"]


def _sound_text(text: str) -> str:
    """YAML's escapes can spell half a surrogate pair, which no wire carries."""
    if re.search(r"[\ud800-\udfff]", text):
        raise ValueError("has half a surrogate pair")
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


def _utterable(line: str) -> str:
    if reason := fault(line):
        raise ValueError(reason)
    return line


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Text = Annotated[str, _sound_text]
Line = Annotated[Text, _utterable]
Texts = Annotated[tuple[Text, ...], Before(_listed), filled]
Factor = Annotated[float, between(0.5, 2.0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagline:
    """Who she is in one line, in the page's two languages."""

    zh: Text
    en: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceIds:
    """Her voice, by each provider's own id."""

    volcengine: Text | None = None
    dashscope: Text | None = None
    emulator: Text | None = None

    def of(self, provider: VoiceProvider) -> str:
        """With this provider; empty where there is none."""
        voice: str | None = getattr(self, provider)
        return voice or ""

    def __post_init__(self) -> None:
        if not (self.volcengine or self.dashscope or self.emulator):
            raise ValueError("names no voice: give one for volcengine, dashscope or emulator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice that the page may offer."""

    id: Text
    name: Text
    language: Text
    gender: Literal["female", "male", "neutral"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedVoices:
    """Other voices, by provider."""

    volcengine: tuple[Voice, ...] = ()
    dashscope: tuple[Voice, ...] = ()
    emulator: tuple[Voice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """How the voice is used. `emotion` is a name of the provider's, or empty."""

    rate: Factor = 1.0
    volume: Factor = 1.0
    emotion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A short exchange. `caller` is one way of saying it, or several."""

    caller: Texts
    answer: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Of the answers to `asks`: each holds one of `must` and none of `must_not`."""

    asks: Texts
    must: tuple[Text, ...] = ()
    must_not: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A whole character."""

    id: Annotated[str, matching(r"[A-Za-z0-9_-]{1,64}", "must be 1 to 64 of A-Z a-z 0-9 - _")]
    name: Text
    name_latin: Text | None = None
    language: Annotated[
        str, matching(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "must be a language tag such as zh-CN or en-GB")
    ]
    tagline: Tagline
    avatar: Annotated[str, matching(r"[A-Za-z0-9_-]+\.svg", "must be the name of an SVG file, such as mei.svg")]
    greeting: Line | None = None
    character: Text
    style: Text
    boundaries: Text
    voice: VoiceIds
    voices: OfferedVoices = OfferedVoices()
    speech: Speech = Speech()
    examples: Annotated[tuple[Example, ...], filled]
    idle_prompt: Line
    fallback: Line
    farewell: Line | None = None
    tests: tuple[Check, ...] = ()

    @property
    def goodbye(self) -> str:
        """Her farewell; a card without one has what anybody might say."""
        return self.farewell or _FAREWELLS.get(self.language.partition("-")[0], _FAREWELLS["en"])

    def voice_for(self, provider: VoiceProvider) -> str:
        """The provider's id of her voice.

        Raises:
            CardError: the card names none for this provider.
        """
        voice: str | None = getattr(self.voice, provider)
        if voice is None:
            raise CardError(f"{self.id}: voice.{provider}: missing, and this provider is to speak")
        return voice

    def voices_for(self, provider: VoiceProvider) -> tuple[Voice, ...]:
        """What the page may offer; her own voice comes first."""
        own: str | None = getattr(self.voice, provider)
        offered: tuple[Voice, ...] = getattr(self.voices, provider)
        if own is None:
            return offered
        unnamed = Voice(id=own, name=self.name, language=self.language, gender="neutral")
        first = next((voice for voice in offered if voice.id == own), unnamed)
        return (first, *(voice for voice in offered if voice.id != own))


_PARTS: Final = (Card, Tagline, VoiceIds, Voice, Speech, Example, Check)
KEYS: Final = frozenset(field.name for part in _PARTS for field in fields(part))


def load(path: Path, *, avatars: Path = AVATARS) -> Card:
    """Read and check one card.

    Raises:
        CardError: `FILE: KEY: REASON`, whatever is wrong with the file.
    """
    value = read_yaml(path)
    card = _validated(path, value)
    _check_examples(path, card)
    if avatar_file(path, card, avatars) is None:
        raise CardError(f"{path.name}: avatar: there is no {card.avatar} beside the card, nor in {avatars}")
    return card


def avatar_file(path: Path, card: Card, avatars: Path = AVATARS) -> Path | None:
    """Where the card's picture lies: beside the card, else among the common ones."""
    places = (path.parent / card.avatar, avatars / card.avatar)
    return next((place for place in places if place.is_file()), None)


def _validated(path: Path, value: Any) -> Card:
    try:
        return shaped(Card, value)
    except MisshapenError as exc:
        raise CardError(f"{path.name}: {complaint(exc, KEYS)}") from exc


def _check_examples(path: Path, card: Card) -> None:
    """No way of saying something twice: the second answer would never be found, or confuse the model."""
    seen: dict[str, int] = {}
    for number, example in enumerate(card.examples, 1):
        for line in example.caller:
            plain = "".join(filter(str.isalnum, line.casefold())) or line
            if plain in seen:
                raise CardError(f"{path.name}: examples[{number}].caller: repeats examples[{seen[plain]}]: {line}")
            seen[plain] = number
