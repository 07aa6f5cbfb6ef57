"""Voices as they are kept: plain values, and what a place for them can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

Provider = Literal["volcengine", "dashscope", "emulator"]
Gender = Literal["female", "male", "neutral"]
Kind = Literal["stock", "cloned"]
Status = Literal["ready", "enrolling", "deploying", "failed", "removed"]
"""`enrolling`: the vendor is being asked; `deploying`: it makes the voice; `removed`: a stock voice that shall not
come back."""

FIRST_PLACE: Final = 0
ADDED_PLACE: Final = 10
STOCK_PLACE: Final = 100


@dataclass(frozen=True, slots=True)
class VoiceRow:
    """One voice.

    Attributes:
        voice: the vendor's own id; empty while it is being enrolled.
        model: the synthesis models that can speak it, with commas; empty where any can.
        sample_text: what it says when it is tried.
        place: where it stands in lists; small numbers first.
        problem: why a clone failed, as a stable word; `detail` says it for people.
        consent_ms: when it was confirmed that the voice's owner agrees; None for stock.
    """

    id: str
    provider: str
    voice: str
    model: str
    name_zh: str
    name_en: str
    language: str
    gender: str
    sample_text: str
    kind: str
    enabled: bool
    status: str
    place: int
    created_ms: int
    changed_ms: int
    problem: str = ""
    detail: str = ""
    consent_ms: int | None = None

    def fits(self, model: str) -> bool:
        """Whether this synthesis model can speak it."""
        return not self.model or not model or model in self.model.split(",")


@dataclass(frozen=True, slots=True)
class VoiceWish:
    """Which voices are asked for; None does not care.

    Attributes:
        language: `zh` also means `zh-CN`.
        statuses: of one of these; None for all but removed ones.
    """

    provider: str | None = None
    voice: str | None = None
    language: str | None = None
    enabled: bool | None = None
    kind: str | None = None
    statuses: tuple[str, ...] | None = None


class VoicePlace(Protocol):
    """Where voices are kept. Every method may raise `StoreError`. Removed voices are seen by `add` and by those who ask
    for them."""

    async def find(self, wish: VoiceWish, offset: int, limit: int) -> tuple[list[VoiceRow], int]:
        """Some of the voices in their order, and how many there are of them."""

    async def get(self, ident: str) -> VoiceRow | None:
        """One by its id."""

    async def add(self, rows: Sequence[VoiceRow]) -> int:
        """Keep those whose ids are not there yet; how many that were."""

    async def change(self, ident: str, values: Mapping[str, object]) -> bool:
        """Set some columns of one; whether it is there."""

    async def drop(self, ident: str) -> bool:
        """Delete one for good; whether it was there."""
