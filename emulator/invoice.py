"""What the services would bill: counted on this side of the wire, from what really came and went.

Recognition by the sound that arrived, each session rounded as its vendor rounds; chat by the tokens of each request,
also where the client hung up before it was told; synthesis by the characters that each vendor counts.
"""

from collections import Counter, deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from emulator import tariff

_REQUESTS_KEPT: Final = 50_000


@dataclass(slots=True)
class ChatItem:
    """One completion, as far as it has come."""

    model: str
    prompt: int
    cached: int = 0
    completion: int = 0
    void: bool = False


class SoundItem:
    """One recognition.

    Args:
        step_ms: what a session is rounded up to.
    """

    def __init__(self, totals: Counter[str], model: str, step_ms: int) -> None:
        self._totals = totals
        self._model = model
        self._step_ms = step_ms
        self._billed_ms = 0

    def has(self, audio_ms: int) -> None:
        """So much sound has come by now."""
        steps = -(-audio_ms // self._step_ms)
        self._totals[self._model] += steps * self._step_ms - self._billed_ms
        self._billed_ms = steps * self._step_ms


class Invoice:
    """Of one emulator, since it was last begun anew."""

    def __init__(self) -> None:
        self._sound_ms: Counter[str] = Counter()
        self._characters: Counter[str] = Counter()
        self._chats: deque[ChatItem] = deque(maxlen=_REQUESTS_KEPT)

    def hears(self, model: str, step_ms: int = 1) -> SoundItem:
        """A recognition begins."""
        return SoundItem(self._sound_ms, model, step_ms)

    def speaks(self, model: str, characters: int) -> None:
        """So much more is spoken."""
        self._characters[model] += characters

    def thinks(self, model: str, prompt: int, cached: int) -> ChatItem:
        """A completion begins."""
        item = ChatItem(model, prompt, min(cached, prompt))
        self._chats.append(item)
        return item

    def reset(self) -> None:
        """Begin anew; what is under way is billed from here on."""
        self._sound_ms.clear()
        self._characters.clear()
        self._chats.clear()

    def as_json(self) -> dict[str, Any]:
        """As the admin path shows it; amounts are exact, as text, and null where the model has no price."""
        lines = [
            *(_line("asr", model, "audio_ms", n, tariff.of_sound(model, n)) for model, n in self._sound_ms.items()),
            *self._chat_lines(),
            *(_line("tts", model, "characters", n, _spoken(model, n)) for model, n in self._characters.items()),
        ]
        total = sum((Decimal(line["cny"]) for line in lines if line["cny"] is not None), Decimal(0))
        return {"lines": lines, "cny": f"{total:f}"}

    def _chat_lines(self) -> list[dict[str, Any]]:
        counted: dict[str, Counter[str]] = {}
        for item in self._chats:
            if not item.void:
                units = counted.setdefault(item.model, Counter())
                units["input_tokens"] += item.prompt - item.cached
                units["cached_tokens"] += item.cached
                units["output_tokens"] += item.completion
        return [
            _line("llm", model, unit, n, _thought(model, unit, n))
            for model, units in counted.items()
            for unit, n in units.items()
        ]


def _spoken(model: str, characters: int) -> Decimal | None:
    return tariff.of_characters(model, characters)


def _thought(model: str, unit: str, tokens: int) -> Decimal | None:
    cached = tokens if unit == "cached_tokens" else 0
    completion = tokens if unit == "output_tokens" else 0
    return tariff.of_tokens(model, tokens - completion, cached, completion)


def _line(service: str, model: str, unit: str, quantity: int, cny: Decimal | None) -> dict[str, Any]:
    price = None if cny is None else f"{cny:f}"
    return {"service": service, "model": model, "unit": unit, "quantity": quantity, "cny": price}
