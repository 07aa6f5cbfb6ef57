"""The till of one call: its meter, and who is told what each turn has cost."""

import logging
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from backend.cost.meter import Costs, Meter
from backend.expenses import UNKNOWN, Charge, known_cny, shown, unpriced
from backend.marks import TurnMarks
from backend.ports import ConversationStore, TurnRef
from backend.telemetry.observer import Observer

log = logging.getLogger(__name__)


class Till:
    """Bills turns, and at the end what belongs to none: listening that nobody spoke into, news that came late.

    Args:
        spent: called once, as soon as the call's budget is.

    Attributes:
        part: pays for what is no reply's, such as listening.
    """

    def __init__(
        self, costs: Costs, call: str, store: ConversationStore, observer: Observer, spent: Callable[[], None]
    ) -> None:
        self._keep = partial(_keep, call, store, observer)  # later than this till, and without it
        self.meter = Meter(costs, spent, self._keep)
        self.part = self.meter.part("reply")
        self._call = call
        self._observer = observer

    def settle(self, marks: TurnMarks) -> tuple[Charge, ...]:
        """The bill of a turn that is over; its marks are told what it says."""
        charges = self.meter.settle()
        if heard_ms := sum(charge.quantity for charge in charges if charge.unit == "audio_ms"):
            marks.spend(asr_ms=heard_ms)
        if charges or self.meter.total_cny or not self.meter.is_whole:
            marks.cost = self._told(charges)
        self._observer.charged(charges)
        return charges

    def close(self) -> None:
        """The call is over."""
        if charges := self.meter.close():
            self._keep(charges)
        total = self._shown(self.meter.total_cny, is_whole=self.meter.is_whole)
        log.info("call.cost", extra={"call": self._call, "cost_cny": total})

    def _told(self, charges: Sequence[Charge]) -> dict[str, object]:
        unknown = unpriced(charges)
        cost: dict[str, object] = {
            "cost_cny": self._shown(known_cny(charges), is_whole=not unknown),
            "call_cost_cny": self._shown(self.meter.total_cny, is_whole=self.meter.is_whole),
        }
        return cost | {"known_cny": shown(known_cny(charges)), "unpriced": list(unknown)} if unknown else cost

    @staticmethod
    def _shown(cny: Decimal, *, is_whole: bool) -> str:
        return shown(cny) if is_whole else UNKNOWN


def _keep(call: str, store: ConversationStore, observer: Observer, charges: tuple[Charge, ...]) -> None:
    observer.charged(charges)
    store.charge(TurnRef(call), charges)
