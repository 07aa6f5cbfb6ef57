"""The meter of a call: nothing is lost, nothing is counted twice, and what has no price is never nothing."""

from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.cost.meter import Costs, Meter
from backend.cost.tokens import TokenRatios
from backend.expenses import Charge, ChatTab, ChatUsage, known_cny, shown, unpriced

QWEN, PARAFORMER, COSY = "qwen-flash", "paraformer-realtime-v2", "cosyvoice-v2"
PRICES = Costs().prices


class Books:
    """A meter, and what it was heard to say."""

    def __init__(self, budget: str | None = None) -> None:
        self.spent = 0
        self.late: list[Charge] = []
        costs = Costs(PRICES, TokenRatios(), None if budget is None else Decimal(budget))
        self.meter = Meter(costs, self._count, self.late.extend)

    def _count(self) -> None:
        self.spent += 1


def asked(part: Any, model: str, chars: int, pieces: int = 0, usage: ChatUsage | None = None) -> ChatTab:
    tab: ChatTab = part.asks(model, chars)
    tab.is_sent = True
    tab.pieces = pieces
    tab.usage = usage
    return tab


def amounts(charges: tuple[Charge, ...]) -> dict[tuple[str, str, bool], int]:
    return {(charge.unit, charge.purpose, charge.estimated): charge.quantity for charge in charges}


def test_a_bill_has_each_kind_once_and_the_next_one_begins_anew() -> None:
    books = Books()
    part = books.meter.part("reply")
    part.heard(PARAFORMER, 1000)
    part.heard(PARAFORMER, 2000)
    part.spoke(COSY, 20)
    asked(part, QWEN, 100, 3, ChatUsage(90, 12, 40)).end()

    first = books.meter.settle()

    assert first == (
        Charge("asr", PARAFORMER, "audio_ms", "reply", False, 3000, Decimal("0.00072")),
        Charge("tts", COSY, "characters", "reply", False, 20, Decimal("0.004")),
        Charge("llm", QWEN, "input_tokens", "reply", False, 50, Decimal("0.0000075")),
        Charge("llm", QWEN, "cached_tokens", "reply", False, 40, Decimal("0.0000012")),
        Charge("llm", QWEN, "output_tokens", "reply", False, 12, Decimal("0.000018")),
    )
    assert books.meter.settle() == ()
    assert books.meter.total_cny == known_cny(first) == Decimal("0.0047467")


def test_a_model_without_a_price_is_unknown_and_the_rest_is_still_known() -> None:
    books = Books()
    part = books.meter.part("reply")
    asked(part, "llama3", 100, 3, ChatUsage(90, 12)).end()
    part.spoke(COSY, 10)

    bill = books.meter.settle()

    assert unpriced(bill) == ("llama3",)
    assert not books.meter.is_whole
    assert known_cny(bill) == Decimal("0.002")
    assert [charge.cny for charge in bill if charge.model == "llama3"] == [None, None]


def test_a_reply_on_trial_is_paid_for_when_it_is_known_what_it_was_for() -> None:
    books = Books()
    right, wrong = books.meter.part(), books.meter.part()
    for part in (right, wrong):
        asked(part, QWEN, 100, 2, ChatUsage(90, 2)).end()
    assert books.meter.settle() == ()

    wrong.decide("wasted")
    right.decide("reply")

    assert amounts(books.meter.settle()) == {
        ("input_tokens", "reply", False): 90,
        ("output_tokens", "reply", False): 2,
        ("input_tokens", "wasted", False): 90,
        ("output_tokens", "wasted", False): 2,
    }


def test_a_request_that_is_cut_off_costs_what_its_like_have_cost() -> None:
    books = Books()
    asked(books.meter.part("reply"), QWEN, 1000, 10, ChatUsage(1200, 30)).end()
    books.meter.settle()
    part = books.meter.part("reply")
    asked(part, QWEN, 500, 5)

    part.cut()

    assert amounts(books.meter.settle()) == {("input_tokens", "reply", True): 600, ("output_tokens", "reply", True): 15}


def test_a_request_that_is_cut_off_waits_for_the_next_of_its_like_but_no_longer_than_the_call() -> None:
    books = Books()
    part = books.meter.part("wasted")
    asked(part, QWEN, 1000, 4)
    part.cut()
    assert books.meter.settle() == ()

    assert amounts(books.meter.close()) == {("input_tokens", "wasted", True): 700, ("output_tokens", "wasted", True): 4}


def test_a_request_that_was_refused_or_never_sent_costs_nothing() -> None:
    books = Books()
    part = books.meter.part("reply")
    refused = asked(part, QWEN, 1000)
    refused.void()
    refused.end()
    part.asks(QWEN, 1000).end()

    assert books.meter.close() == ()


def test_what_comes_after_the_call_is_over_is_told_at_once() -> None:
    books = Books()
    part = books.meter.part("reply")
    books.meter.close()

    part.spoke(COSY, 30)

    assert amounts(tuple(books.late)) == {("characters", "reply", False): 30}
    assert books.meter.settle() == ()


def test_a_service_that_tells_better_later_is_believed() -> None:
    books = Books()
    part = books.meter.part("reply")
    part.spoke("seed-tts-1.0", 12)
    part.spoke("seed-tts-1.0", -2)

    assert amounts(books.meter.settle()) == {("characters", "reply", False): 10}


def test_a_budget_is_spent_once() -> None:
    books = Books(budget="0.003")
    part = books.meter.part("reply")

    spent = [part.spoke(COSY, 5) or books.spent for _ in range(5)]  # type: ignore[func-returns-value]

    assert spent == [0, 0, 1, 1, 1]


def test_money_is_shown_to_four_decimals_and_rounds_half_up() -> None:
    assert [shown(Decimal(cny)) for cny in ("0", "0.00004999", "0.00005", "12.34565")] == [
        *("0.0000", "0.0000", "0.0001", "12.3457"),
    ]


moves = st.lists(
    st.one_of(
        st.tuples(st.just("heard"), st.integers(1, 5)),
        st.tuples(st.just("spoke"), st.integers(1, 50)),
        st.tuples(st.just("asked"), st.integers(1, 9)),
        st.tuples(st.just("dropped"), st.integers(1, 9)),
        st.tuples(st.just("settle"), st.just(0)),
        st.tuples(st.just("close"), st.just(0)),
    ),
    max_size=30,
)


@given(moves)
def test_all_bills_together_are_all_that_was_used(steps: list[tuple[str, int]]) -> None:
    books, bills, used = Books(), list[Charge](), Counter[str]()
    for move, amount in steps:
        part = books.meter.part()
        match move:
            case "heard":
                part.heard(PARAFORMER, 1000 * amount)
                used["audio_ms"] += 1000 * amount
            case "spoke":
                part.spoke(COSY, amount)
                used["characters"] += amount
            case "asked" | "dropped":
                asked(part, QWEN, 10 * amount, amount, ChatUsage(10 * amount, amount)).end()
                used.update({"input_tokens": 10 * amount, "output_tokens": amount})
            case "settle":
                bills += books.meter.settle()
            case _:
                bills += books.meter.close()
        part.decide("wasted" if move == "dropped" else "reply")
    bills += (*books.meter.close(), *books.late)

    billed = Counter[str]()
    for charge in bills:
        billed[charge.unit] += charge.quantity
    assert billed == used
    assert known_cny(bills) == books.meter.total_cny
