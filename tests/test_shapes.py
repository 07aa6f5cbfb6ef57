"""Plain values become dataclasses, or it is said what is wrong and where."""

import datetime
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.shapes import Before, Fault, MisshapenError, at_most, between, filled, matching, shaped


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    size: Literal["small", "large"]
    count: Annotated[int, between(1, 9)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    name: Annotated[str, at_most(5), matching("[a-z]+", "must be a-z")]
    part: Part | None = None
    parts: Annotated[tuple[Part, ...], Before(lambda value: [value] if isinstance(value, dict) else value)] = ()
    words: Annotated[tuple[str, ...], filled] = ("x",)
    rate: float = 1.0
    price: Annotated[Decimal, between(0, 10)] | None = None
    day: datetime.date | None = None
    sure: bool = False

    def __post_init__(self) -> None:
        if self.name == "never":
            raise ValueError("is never right")


def faults(value: Any) -> list[tuple[str, str]]:
    with pytest.raises(MisshapenError) as refused:
        shaped(Whole, value)
    return [(".".join(map(str, fault.path)), fault.reason) for fault in refused.value.faults]


def test_a_value_that_is_right_is_read() -> None:
    plain = {
        "name": "abc",
        "part": None,
        "parts": {"size": "small", "count": "7"},
        "words": ["a", "b"],
        "rate": 2,
        "price": "0.10",
        "day": "2026-01-31",
        "sure": True,
    }
    parts = (Part(size="small", count=7),)
    day = datetime.date(2026, 1, 31)
    assert shaped(Whole, plain) == Whole(
        name="abc", parts=parts, words=("a", "b"), rate=2.0, price=Decimal("0.10"), day=day, sure=True
    )
    assert shaped(Whole, {"name": "abc", "day": day, "price": 3}) == Whole(name="abc", price=Decimal(3), day=day)


@pytest.mark.parametrize(
    ("changes", "where", "reason"),
    [
        ({"name": 7}, "name", "must be text; put quotes around it if it looks like a number, a date, yes or no"),
        ({"name": "abcdef"}, "name", "must have at most 5 characters"),
        ({"name": "ab\n"}, "name", "must be a-z"),
        ({"name": "never"}, "", "is never right"),
        ({"part": 7}, "part", "must be keys with values"),
        ({"part": {}}, "part.size", "missing"),
        ({"part": {"size": "huge"}}, "part.size", "must be 'small' or 'large'"),
        ({"part": {"size": ["small"]}}, "part.size", "must be 'small' or 'large'"),
        ({"parts": [{"size": "small"}, {"size": "small", "count": 0}]}, "parts.1.count", "must be from 1 to 9"),
        ({"parts": [{"size": "small", "count": True}]}, "parts.0.count", "must be a whole number"),
        ({"parts": [{"size": "small", "count": Decimal("NaN")}]}, "parts.0.count", "must be a whole number"),
        ({"parts": [{"size": "small", "count": Decimal("1e999999")}]}, "parts.0.count", "must be a whole number"),
        ({"parts": "small"}, "parts", "must be a list"),
        ({"words": []}, "words", "is empty"),
        ({"words": "ab"}, "words", "must be a list"),
        ({"rate": "fast"}, "rate", "must be a number"),
        ({"rate": 10**400}, "rate", "must be a number"),
        ({"price": "free"}, "price", "must be a number"),
        ({"price": float("nan")}, "price", "must be a number"),
        ({"price": -1}, "price", "must be from 0 to 10"),
        ({"day": datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)}, "day", "must be a date such as 2026-01-31"),
        ({"sure": 1}, "sure", "must be true or false"),
        ({7: "x"}, "7", "unknown key"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes: dict[Any, Any], where: str, reason: str) -> None:
    assert faults({"name": "abc", **changes}) == [(where, reason)]


def test_all_faults_are_told_in_the_order_of_the_fields_and_unknown_keys_last() -> None:
    value = {"nmae": "abc", "rate": "x", "part": {"other": 1}}
    assert [place for place, _ in faults(value)] == ["name", "part.size", "part.other", "rate", "nmae"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.dates() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([field.name for field in fields(Whole)]), values) | values)
def test_any_value_is_shaped_or_misshapen(value: Any) -> None:
    told: tuple[Fault, ...] = ()
    made = None
    try:
        made = shaped(Whole, value)
    except MisshapenError as exc:
        told = exc.faults
    assert isinstance(made, Whole) != bool(told)
