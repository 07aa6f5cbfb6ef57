"""The meter of one call: what its services were used for, and what that costs, exactly."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from backend.cost.prices import PriceTable, load_prices
from backend.cost.tokens import TokenRatios
from backend.errors import Stage
from backend.expenses import Charge, ChatTab, ChatUsage, Purpose, Unit


@dataclass(frozen=True, slots=True)
class Costs:
    """What all calls of a server have in common.

    Attributes:
        budget_cny: of one call; None for none.
    """

    prices: PriceTable = field(default_factory=load_prices)
    ratios: TokenRatios = field(default_factory=TokenRatios)
    budget_cny: Decimal | None = None


_Key = tuple[Stage, str, Unit, Purpose, bool]


@dataclass(slots=True)
class _Line:
    quantity: int = 0
    cny: Decimal | None = Decimal(0)


class Meter:
    """Of one call. What is used is on the bill that is made next, `settle`; what comes after the end, on one each.

    Args:
        spent: called once, as soon as the call's budget is.
        after: takes what is charged once the call is over, such as the rest of a reply that was cut off.
    """

    def __init__(self, costs: Costs, spent: Callable[[], None], after: Callable[[tuple[Charge, ...]], None]) -> None:
        self._costs = costs
        self._spent: Callable[[], None] | None = spent
        self._after = after
        self._lines: dict[_Key, _Line] = {}
        self._prices: dict[tuple[str, Unit], Decimal | None] = {}
        self._untold: list[tuple[ChatTab, Purpose]] = []
        self._closed = False
        self.total_cny = Decimal(0)
        self.is_whole = True

    def part(self, purpose: Purpose | None = None) -> "Part":
        """Who pays for one thing of the call; None while it is not known yet what for."""
        return Part(self, purpose)

    def settle(self) -> tuple[Charge, ...]:
        """The bill of all since the one before."""
        for tab, purpose in self._take_untold(lambda tab: self._costs.ratios.knows(tab.model)):
            self._charge_tokens(tab.model, self._costs.ratios.estimate(tab), purpose, estimated=True)
        lines, self._lines = self._lines, {}
        return tuple(Charge(*key, line.quantity, line.cny) for key, line in lines.items() if line.quantity)

    def close(self) -> tuple[Charge, ...]:
        """The last bill."""
        self._closed = True
        self._spent = None  # the call; a connection that outlives it may still know this meter as its payer
        for tab, purpose in self._take_untold(lambda _: True):
            self._charge_tokens(tab.model, self._costs.ratios.estimate(tab), purpose, estimated=True)
        return self.settle()

    def charge(self, stage: Stage, model: str, unit: Unit, quantity: int, purpose: Purpose) -> None:
        """This much has been used."""
        if (model, unit) not in self._prices:
            self._prices[model, unit] = self._costs.prices.price(model, unit)
        self._add((stage, model, unit, purpose, False), quantity, self._prices[model, unit])
        self._tell_if_late()

    def answered(self, tab: ChatTab, purpose: Purpose) -> None:
        """A chat request is over."""
        if tab.usage is None:
            self._untold.append((tab, purpose))
        else:
            self._costs.ratios.learn(tab)
            self._charge_tokens(tab.model, tab.usage, purpose, estimated=False)
        self._tell_if_late()

    def _take_untold(self, wanted: Callable[[ChatTab], bool]) -> list[tuple[ChatTab, Purpose]]:
        taken = [each for each in self._untold if wanted(each[0])]
        self._untold = [each for each in self._untold if not wanted(each[0])]
        return taken

    def _charge_tokens(self, model: str, usage: ChatUsage, purpose: Purpose, *, estimated: bool) -> None:
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        amounts: dict[Unit, int] = {
            "input_tokens": usage.prompt_tokens - cached,
            "cached_tokens": cached,
            "output_tokens": usage.completion_tokens,
        }
        for unit, amount in amounts.items():
            price = self._costs.prices.price(model, unit, usage.prompt_tokens, usage.completion_tokens)
            self._add(("llm", model, unit, purpose, estimated), amount, price)

    def _add(self, key: _Key, quantity: int, price: Decimal | None) -> None:
        line = self._lines.setdefault(key, _Line())
        line.quantity += quantity
        if price is None or line.cny is None:
            line.cny = None
            self.is_whole = self.is_whole and not quantity
            return
        line.cny += quantity * price
        self.total_cny += quantity * price
        budget = self._costs.budget_cny
        if budget is not None and self.total_cny >= budget and self._spent is not None:
            spent, self._spent = self._spent, None
            spent()

    def _tell_if_late(self) -> None:
        if self._closed and (charges := self.close()):
            self._after(charges)


class Part:
    """A `Payer` for one thing of a call, such as one reply; its own bill goes to the call's.

    A reply that began on trial is paid for when it is known whether it was for nothing.
    """

    def __init__(self, meter: Meter, purpose: Purpose | None) -> None:
        self._meter = meter
        self._purpose = purpose
        self._waiting: list[Callable[[Purpose], None]] = []
        self._open: list[ChatTab] = []

    def decide(self, purpose: Purpose) -> None:
        """This is what it was for; only the first time counts."""
        if self._purpose is None:
            self._purpose = purpose
            for told in self._waiting:
                told(purpose)
            self._waiting.clear()

    def cut(self) -> None:
        """It is stopped: its requests end here, so that they are on the bill that is made now."""
        for tab in tuple(self._open):
            tab.end()

    def heard(self, model: str, audio_ms: int) -> None:
        """See `Payer`."""
        self._tell(lambda purpose: self._meter.charge("asr", model, "audio_ms", audio_ms, purpose))

    def asks(self, model: str, prompt_chars: int) -> ChatTab:
        """See `Payer`."""
        tab = ChatTab(model, prompt_chars, self._answered)
        self._open.append(tab)
        return tab

    def spoke(self, model: str, characters: int) -> None:
        """See `Payer`."""
        self._tell(lambda purpose: self._meter.charge("tts", model, "characters", characters, purpose))

    def _answered(self, tab: ChatTab) -> None:
        self._open.remove(tab)
        self._tell(lambda purpose: self._meter.answered(tab, purpose))

    def _tell(self, told: Callable[[Purpose], None]) -> None:
        if self._purpose is None:
            self._waiting.append(told)
        else:
            told(self._purpose)
