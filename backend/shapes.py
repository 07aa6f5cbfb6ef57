"""Plain values, as YAML and JSON give them, made into frozen dataclasses; or what is wrong with them, and where.

The fields' types are the rules: text, numbers, dates, `Literal`, `tuple[X, ...]`, `X | None`, other such dataclasses.
`Annotated[X, rule, ...]` adds functions that take the value and give it back, or raise `ValueError` with the reason;
`Before(rule)` is one for the plain value. `__post_init__` may raise `ValueError` for the whole.
"""

import datetime
import functools
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal, TypeVar, cast

T = TypeVar("T")
Rule = Callable[[Any], Any]

_WRONG: Final = object()
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}\Z")
_HUGE: Final = 10**18


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where.

    Attributes:
        path: keys, and places in lists from 0; empty for the whole.
        is_unknown: the key is none of ours.
    """

    path: tuple[int | str, ...]
    reason: str
    is_unknown: bool = False


class MisshapenError(ValueError):
    """The value is not what it should be.

    Args:
        faults: at least one, in the order of the fields; unknown keys follow those of their object.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(fault.reason for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Before:
    """A rule for the plain value."""

    rule: Rule


def matching(pattern: str, reason: str) -> Rule:
    """The pattern describes the whole text."""
    compiled = re.compile(pattern)
    return lambda text: _unless(compiled.fullmatch(text) is None, text, reason)


def between(least: float, most: float, reason: str = "") -> Rule:
    """From one to the other, both included."""
    said = reason or f"must be from {least} to {most}"
    return lambda number: _unless(not least <= number <= most, number, said)  # also what is no number at all


def at_most(chars: int) -> Rule:
    """A text of so many characters."""
    return lambda text: _unless(len(text) > chars, text, f"must have at most {chars} characters")


def filled(value: Any) -> Any:
    """A text or a list with something in it."""
    return _unless(not value, value, "is empty")


def shaped(kind: type[T], value: Any) -> T:
    """The value as such a dataclass.

    Raises:
        MisshapenError: it is none.
    """
    faults: list[Fault] = []
    made = _read(kind, value, (), faults)
    if faults:
        raise MisshapenError(tuple(faults))
    return cast(T, made)


def _unless(wrong: bool, value: T, reason: str) -> T:
    if wrong:
        raise ValueError(reason)
    return value


def _read(kind: Any, value: Any, path: tuple[int | str, ...], faults: list[Fault]) -> Any:
    """`_WRONG` where it is; the faults say why."""
    try:
        return _made(kind, value, path, faults)
    except ValueError as exc:
        faults.append(Fault(path, str(exc)))
        return _WRONG


def _made(kind: Any, value: Any, path: tuple[int | str, ...], faults: list[Fault]) -> Any:
    origin = typing.get_origin(kind)
    if origin is Annotated:
        return _ruled(kind, value, path, faults)
    if origin in {typing.Union, types.UnionType}:
        inner = next(each for each in typing.get_args(kind) if each is not types.NoneType)
        return None if value is None else _read(inner, value, path, faults)
    if origin is tuple:
        return _listed(typing.get_args(kind)[0], value, path, faults)
    if origin is Literal:
        return _chosen(typing.get_args(kind), value)
    return _object(kind, value, path, faults) if is_dataclass(kind) else _SCALARS[kind](value)


def _ruled(kind: Any, value: Any, path: tuple[int | str, ...], faults: list[Fault]) -> Any:
    inner, *rules = typing.get_args(kind)
    for rule in rules:
        if isinstance(rule, Before):
            value = rule.rule(value)
    made = _read(inner, value, path, faults)
    for rule in rules:
        if made is not _WRONG and not isinstance(rule, Before):
            made = rule(made)
    return made


def _listed(kind: Any, value: Any, path: tuple[int | str, ...], faults: list[Fault]) -> Any:
    _unless(not isinstance(value, list | tuple), value, "must be a list")
    made = tuple(_read(kind, item, (*path, place), faults) for place, item in enumerate(value))
    return _WRONG if _WRONG in made else made


def _chosen(choices: tuple[Any, ...], value: Any) -> Any:
    if isinstance(value, str) and value in choices:
        return value
    *others, last = (f"'{choice}'" for choice in choices)
    raise ValueError(f"must be {', '.join(others)} or {last}")


def _object(kind: Any, value: Any, path: tuple[int | str, ...], faults: list[Fault]) -> Any:
    _unless(not isinstance(value, Mapping), value, "must be keys with values")
    before = len(faults)
    made: dict[str, Any] = {}
    for name, (wanted, is_needed) in _fields(kind).items():
        if name in value:
            made[name] = _read(wanted, value[name], (*path, name), faults)
        elif is_needed:
            faults.append(Fault((*path, name), "missing"))
    faults.extend(Fault((*path, str(key)), "unknown key", is_unknown=True) for key in value if key not in _fields(kind))
    return kind(**made) if len(faults) == before else _WRONG


@functools.cache
def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """The type of each field, and whether it has to be given."""
    hints = typing.get_type_hints(kind, include_extras=True)
    needed = {each.name: each.default is MISSING and each.default_factory is MISSING for each in fields(kind)}
    return {name: (hints[name], is_needed) for name, is_needed in needed.items()}


def _text(value: Any) -> Any:
    reason = "must be text; put quotes around it if it looks like a number, a date, yes or no"
    return _unless(not isinstance(value, str), value, reason)


def _flag(value: Any) -> Any:
    return _unless(not isinstance(value, bool), value, "must be true or false")


def _whole(value: Any) -> int:
    if isinstance(value, str) and _WHOLE.match(value):
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < _HUGE and value == int(value):
        return int(value)
    return cast(int, _unless(not isinstance(value, int) or isinstance(value, bool), value, "must be a whole number"))


def _number(value: Any) -> float:
    _unless(not isinstance(value, int | float) or isinstance(value, bool), value, "must be a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("must be a number") from None


def _exact(value: Any) -> Decimal:
    if isinstance(value, int | float | str | Decimal) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except (InvalidOperation, ValueError):
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise ValueError("must be a number")


def _date(value: Any) -> Any:
    if isinstance(value, str):
        value = datetime.date.fromisoformat(value)
    is_date = isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    return _unless(not is_date, value, "must be a date such as 2026-01-31")


_SCALARS: Final[dict[Any, Rule]] = {
    str: _text,
    bool: _flag,
    int: _whole,
    float: _number,
    Decimal: _exact,
    datetime.date: _date,
}
