"""What may be said about voices over HTTP, checked at the edge."""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from backend.shapes import Before, MisshapenError, at_most, between, matching
from backend.store.voice_rows import ADDED_PLACE, FIRST_PLACE, Gender, Kind, Provider, VoiceRow, VoiceWish
from backend.voices.cloning import CloneWish
from backend.voices.stock import sample_text, stock_id

PAGE_SIZE: Final = 50
MOST_PER_PAGE: Final = 200
_IS_LANGUAGE: Final = matching(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", "must be a language tag such as zh-CN or en-GB")


def _printable(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", text):
        raise ValueError("has characters that cannot be shown")
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


def _agreed(value: object) -> bool:
    if value is not True and value != "true":
        raise ValueError("must be true: whose voice it is has to agree")
    return True


Name = Annotated[str, at_most(80), _printable]
SampleText = Annotated[str, at_most(200), _printable]
Language = Annotated[str, at_most(32), _IS_LANGUAGE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """In the page's two languages; one will do for both."""

    zh: Name | None = None
    en: Name | None = None

    def __post_init__(self) -> None:
        if self.zh is None and self.en is None:
            raise ValueError("names nothing: give zh or en")

    def columns(self) -> dict[str, str]:
        """Those that are given."""
        return {f"name_{language}": name for language, name in (("zh", self.zh), ("en", self.en)) if name is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVoice:
    """A voice that the vendor has already."""

    provider: Provider
    voice: Annotated[str, matching(r"[A-Za-z0-9_.-]{1,128}", "must be 1 to 128 of A-Z a-z 0-9 _ . -")]
    model: Annotated[str, matching(r"[A-Za-z0-9_.,-]{0,128}", "must be at most 128 of A-Z a-z 0-9 _ . , -")] = ""
    name: Names
    language: Language
    gender: Gender = "neutral"
    sample_text: SampleText | None = None
    kind: Kind = "stock"
    enabled: bool = True
    consent: bool = False

    def __post_init__(self) -> None:
        if self.kind == "cloned" and not self.consent:
            raise ValueError("consent: must be true: a cloned voice is somebody's, who has to agree")

    def row(self, at_ms: int) -> VoiceRow:
        """As it is kept."""
        cloned = self.kind == "cloned"
        return VoiceRow(
            id=stock_id(self.provider, self.voice),
            provider=self.provider,
            voice=self.voice,
            model=self.model,
            name_zh=self.name.zh or self.name.en or "",
            name_en=self.name.en or self.name.zh or "",
            language=self.language,
            gender=self.gender,
            sample_text=self.sample_text or sample_text(self.language),
            kind=self.kind,
            enabled=self.enabled,
            status="ready",
            place=FIRST_PLACE if cloned else ADDED_PLACE,
            created_ms=at_ms,
            changed_ms=at_ms,
            consent_ms=at_ms if cloned else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClone:
    """A voice to be made; of a form, too, whose values are all texts."""

    name: Name
    language: Language
    gender: Gender = "neutral"
    sample_text: SampleText | None = None
    url: Annotated[str, at_most(2000), matching(r"https?://\S+", "must be an http or https address")] | None = None
    consent: Annotated[bool, Before(_agreed)] = False

    def __post_init__(self) -> None:
        if not self.consent:
            raise ValueError("consent: must be true: whose voice it is has to agree")

    def wish(self) -> CloneWish:
        """As cloning takes it."""
        return CloneWish(self.name, self.language, self.gender, self.sample_text)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceChange:
    """What may be changed of a voice. What is left out stays."""

    name: Names | None = None
    language: Language | None = None
    gender: Gender | None = None
    sample_text: SampleText | None = None
    enabled: bool | None = None

    def columns(self) -> dict[str, object]:
        """As they are kept."""
        plain = {name: getattr(self, name) for name in ("language", "gender", "sample_text", "enabled")}
        given = {name: value for name, value in plain.items() if value is not None}
        return given | (self.name.columns() if self.name is not None else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceQuery:
    """Which voices are asked for."""

    provider: Provider | None = None
    language: Language | None = None
    enabled: Literal["true", "false"] | None = None
    kind: Kind | None = None
    page: Annotated[int, between(1, 10_000)] = 1
    size: Annotated[int, between(1, MOST_PER_PAGE)] = PAGE_SIZE

    def wish(self) -> VoiceWish:
        """As the store takes it."""
        enabled = None if self.enabled is None else self.enabled == "true"
        return VoiceWish(provider=self.provider, language=self.language, enabled=enabled, kind=self.kind)


def fault(error: MisshapenError) -> tuple[str, str]:
    """The field of the first fault, and what is wrong with it."""
    first = error.faults[0]
    field, reason = ".".join(str(part) for part in first.path), first.reason
    if not field and ": " in reason:
        field, _, reason = reason.partition(": ")
    return field or "body", reason
