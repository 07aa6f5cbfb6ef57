"""What services are paid for: told by the adapters, which know each vendor's way of counting, to whoever pays.

An adapter asks `payer` for who pays when a session or a request begins, and tells it what has been used, in the
vendor's own units. Prices are no adapter's business; see `backend.cost`.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal, Protocol

from backend.errors import Stage

Unit = Literal["audio_ms", "input_tokens", "cached_tokens", "output_tokens", "characters"]
Purpose = Literal["reply", "wasted", "summary"]
"""`reply` is what a call is there for, its listening included; `wasted` went to replies on trial that were dropped."""

ON_DEVICE: Final = "on-device"
"""The model's name, for the bill, of what runs on this machine: it costs nothing."""
UNKNOWN: Final = "unknown"
"""What is said instead of an amount where some of it has no price."""

_SHOWN: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a bill.

    Attributes:
        model: as the price table names models.
        estimated: the service did not tell; it was a request that was cut off.
        cny: None where the model has no price.
    """

    stage: Stage
    model: str
    unit: Unit
    purpose: Purpose
    estimated: bool
    quantity: int
    cny: Decimal | None


def known_cny(charges: Sequence[Charge]) -> Decimal:
    """The sum of what has a price."""
    return sum((charge.cny for charge in charges if charge.cny is not None), Decimal(0))


def unpriced(charges: Sequence[Charge]) -> tuple[str, ...]:
    """The models that have been used and have no price."""
    return tuple(sorted({charge.model for charge in charges if charge.cny is None and charge.quantity}))


def shown(cny: Decimal) -> str:
    """To four decimals, as people read it."""
    return str(cny.quantize(_SHOWN, ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class ChatUsage:
    """What a reply of the chat model cost, once, after its text. `cached_tokens` are part of the prompt's."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


class ChatTab:
    """One chat request, as far as it is known what it will cost.

    Attributes:
        model: what is billed.
        prompt_chars: of all messages.
        pieces: of the answer that have come.
        usage: what the service says; the last word counts.
        is_sent: the service has it, so that its prompt will be billed whatever becomes of the answer.
    """

    def __init__(self, model: str, prompt_chars: int, ended: Callable[["ChatTab"], None]) -> None:
        self.model = model
        self.prompt_chars = prompt_chars
        self.pieces = 0
        self.usage: ChatUsage | None = None
        self.is_sent = False
        self._ended: Callable[[ChatTab], None] | None = ended

    def void(self) -> None:
        """The service refused it: it costs nothing."""
        self._ended = None

    def end(self) -> None:
        """Nothing more will come, or be listened to; only the first time counts."""
        ended, self._ended = self._ended, None
        if ended is not None and (self.is_sent or self.pieces or self.usage is not None):
            ended(self)


class Payer(Protocol):
    """Whom adapters tell what has been used. No method waits or raises."""

    def heard(self, model: str, audio_ms: int) -> None:
        """So much more sound went to a recogniser, rounded as its vendor rounds."""

    def asks(self, model: str, prompt_chars: int) -> ChatTab:
        """A chat request begins; its tab has to be ended."""

    def spoke(self, model: str, characters: int) -> None:
        """So many more characters as the synthesiser counts them; fewer than none where more had been told before."""


class Nobody:
    """Pays for what belongs to no call."""

    def heard(self, model: str, audio_ms: int) -> None:
        """See `Payer`."""

    def asks(self, model: str, prompt_chars: int) -> ChatTab:
        """See `Payer`."""
        return ChatTab(model, prompt_chars, _forget)

    def spoke(self, model: str, characters: int) -> None:
        """See `Payer`."""


def _forget(_tab: ChatTab) -> None:
    """Nobody pays."""


payer: ContextVar[Payer] = ContextVar("payer", default=Nobody())  # noqa: B039 - it has no state
"""Who pays for what this task, and those that it begins, have done."""

sending: ContextVar[ChatTab | None] = ContextVar("sending", default=None)
"""The chat request that this task is sending."""
