"""The price table: what a unit of each model costs, in CNY, exactly."""

import datetime
import functools
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import yaml

from backend.errors import ConfigError
from backend.expenses import Unit
from backend.shapes import Before, MisshapenError, between, filled, shaped

SHIPPED: Final = Path(__file__).with_name("prices.yaml")

_MOST_BYTES: Final = 1024 * 1024
_DATED: Final = re.compile(r"-(\d{6}|\d{4}-\d{2}-\d{2}|latest)\Z")
"""How vendors name a snapshot of a model; it costs what the model does."""
_MS_A_SECOND: Final = 1000
_MS_AN_HOUR: Final = 3_600_000

Price = Annotated[Decimal, between(0, 1_000_000)]


def _listed(value: object) -> object:
    return [value] if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """What a million tokens cost in a request of at most this size. Without `cached`, a cached token costs as any."""

    up_to_input: int | None = None
    up_to_output: int | None = None
    input: Price
    cached: Price | None = None
    output: Price

    def fits(self, prompt_tokens: int, output_tokens: int) -> bool:
        """Whether a request of this size is priced here."""
        return (self.up_to_input is None or prompt_tokens <= self.up_to_input) and (
            self.up_to_output is None or output_tokens <= self.up_to_output
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What some models cost, since when, and who says so."""

    models: Annotated[tuple[str, ...], filled]
    second: Price | None = None
    hour: Price | None = None
    ten_thousand_characters: Price | None = None
    million_tokens: Annotated[tuple[TokenPrices, ...], Before(_listed)] = ()
    as_of: datetime.date
    source: Annotated[str, filled]

    def __post_init__(self) -> None:
        if self.second is not None and self.hour is not None:
            raise ValueError("has a price for a second and for an hour: one of them is enough")
        if (self.second, self.hour, self.ten_thousand_characters, self.million_tokens) == (None, None, None, ()):
            raise ValueError("has no price: give second, hour, ten_thousand_characters or million_tokens")

    def price(self, unit: Unit, prompt_tokens: int = 0, output_tokens: int = 0) -> Decimal | None:
        """Of one unit; None where there is none for it."""
        match unit:
            case "audio_ms" if self.hour is not None:
                return self.hour / _MS_AN_HOUR
            case "audio_ms":
                return None if self.second is None else self.second / _MS_A_SECOND
            case "characters":
                return None if (price := self.ten_thousand_characters) is None else price / 10_000
            case _:
                return self._of_token(unit, prompt_tokens, output_tokens)

    def _of_token(self, unit: Unit, prompt_tokens: int, output_tokens: int) -> Decimal | None:
        tier = next((tier for tier in self.million_tokens if tier.fits(prompt_tokens, output_tokens)), None)
        if tier is None:
            return None
        cached = tier.input if tier.cached is None else tier.cached
        return {"input_tokens": tier.input, "cached_tokens": cached}.get(unit, tier.output) / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    prices: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class PriceTable:
    """All prices, by model."""

    entries: dict[str, Entry]

    def entry(self, model: str) -> Entry | None:
        """Of a model, or of the model of which it is a dated snapshot."""
        return self.entries.get(model) or self.entries.get(_DATED.sub("", model))

    def price(self, model: str, unit: Unit, prompt_tokens: int = 0, output_tokens: int = 0) -> Decimal | None:
        """Of one unit, in a chat request of this size; None where it is not known."""
        entry = self.entry(model)
        return None if entry is None else entry.price(unit, prompt_tokens, output_tokens)


def load_prices(path: str = "") -> PriceTable:
    """The shipped table, with the operator's own laid over it, model by model.

    Raises:
        ConfigError: the operator's file cannot be read, or is wrong; the message says where.
    """
    own = _entries(Path(path).expanduser()) if path else ()
    return PriceTable({model: entry for entry in (*_shipped(), *own) for model in entry.models})


@functools.cache
def _shipped() -> tuple[Entry, ...]:
    return _entries(SHIPPED)


class _Exact(yaml.constructor.SafeConstructor):
    """Reads a number with a point as what it says, not as the nearest binary fraction."""


def _decimal(loader: Any, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node))


_Exact.add_constructor("tag:yaml.org,2002:float", _decimal)
_Loader: Final = type("_Loader", (_Exact, getattr(yaml, "CSafeLoader", yaml.SafeLoader)), {})


def _entries(path: Path) -> tuple[Entry, ...]:
    try:
        with path.open("rb") as file:
            value: Any = yaml.load(file.read(_MOST_BYTES), Loader=_Loader)  # noqa: S506 - a SafeLoader
        return shaped(_File, value).prices
    except OSError as exc:
        raise ConfigError(f"PRICES: {path} cannot be read ({exc.strerror or exc})") from exc
    except MisshapenError as exc:
        first = exc.faults[0]
        where = ".".join(str(part) for part in first.path)
        raise ConfigError(f"PRICES: {path.name}: {where or 'file'}: {first.reason}") from exc
    except (yaml.YAMLError, ArithmeticError, ValueError, RecursionError) as exc:
        raise ConfigError(f"PRICES: {path.name} is not YAML: {' '.join(str(exc).split())[:200]}") from exc
