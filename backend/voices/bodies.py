"""What may be said about voices over HTTP, checked at the edge."""

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)

from backend.store.voice_rows import ADDED_PLACE, FIRST_PLACE, Gender, Kind, Provider, VoiceRow, VoiceWish
from backend.voices.cloning import CloneWish
from backend.voices.stock import sample_text, stock_id

PAGE_SIZE: Final = 50
MOST_PER_PAGE: Final = 200
_LANGUAGE: Final = r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\z"


def _printable(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", text):
        raise ValueError("has characters that cannot be shown")
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


Name = Annotated[str, Field(max_length=80), AfterValidator(_printable)]
SampleText = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Language = Annotated[str, Field(pattern=_LANGUAGE, max_length=32)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Names(_Body):
    """In the page's two languages; one will do for both."""

    zh: Name | None = None
    en: Name | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if self.zh is None and self.en is None:
            raise ValueError("names nothing: give zh or en")
        return self

    def columns(self) -> dict[str, str]:
        """Those that are given."""
        return {f"name_{language}": name for language, name in (("zh", self.zh), ("en", self.en)) if name is not None}


class NewVoice(_Body):
    """A voice that the vendor has already."""

    provider: Provider
    voice: str = Field(pattern=r"\A[A-Za-z0-9_.-]{1,128}\z")
    model: str = Field(default="", pattern=r"\A[A-Za-z0-9_.,-]{0,128}\z")
    name: Names
    language: Language
    gender: Gender = "neutral"
    sample_text: SampleText | None = None
    kind: Kind = "stock"
    enabled: StrictBool = True
    consent: StrictBool = False

    @model_validator(mode="after")
    def _agreed(self) -> Self:
        if self.kind == "cloned" and not self.consent:
            raise ValueError("consent: must be true: a cloned voice is somebody's, who has to agree")
        return self

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


class NewClone(_Body):
    """A voice to be made; of a form, too, whose values are all texts."""

    name: Name
    language: Language
    gender: Gender = "neutral"
    sample_text: SampleText | None = None
    url: Annotated[str, Field(pattern=r"\Ahttps?://\S+\z", max_length=2000)] | None = None
    consent: bool = Field(default=False, validate_default=True)

    @field_validator("consent", mode="before")
    @classmethod
    def _is_given(cls, value: object) -> bool:
        if value is not True and value != "true":
            raise ValueError("must be true: whose voice it is has to agree")
        return True

    def wish(self) -> CloneWish:
        """As cloning takes it."""
        return CloneWish(self.name, self.language, self.gender, self.sample_text)


class VoiceChange(_Body):
    """What may be changed of a voice. What is left out stays."""

    name: Names | None = None
    language: Language | None = None
    gender: Gender | None = None
    sample_text: SampleText | None = None
    enabled: StrictBool | None = None

    def columns(self) -> dict[str, object]:
        """As they are kept."""
        plain = self.model_dump(exclude={"name"}, exclude_none=True)
        return plain | (self.name.columns() if self.name is not None else {})


class VoiceQuery(_Body):
    """Which voices are asked for."""

    provider: Provider | None = None
    language: Language | None = None
    enabled: Literal["true", "false"] | None = None
    kind: Kind | None = None
    page: int = Field(default=1, ge=1, le=10_000)
    size: int = Field(default=PAGE_SIZE, ge=1, le=MOST_PER_PAGE)

    def wish(self) -> VoiceWish:
        """As the store takes it."""
        enabled = None if self.enabled is None else self.enabled == "true"
        return VoiceWish(provider=self.provider, language=self.language, enabled=enabled, kind=self.kind)


def fault(error: ValidationError) -> tuple[str, str]:
    """The field of the first fault, and what is wrong with it."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    reason = str(first["ctx"]["error"]) if first["type"] == "value_error" else first["msg"]
    if not field and ": " in reason:
        field, _, reason = reason.partition(": ")
    return field or "body", reason
