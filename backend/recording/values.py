"""The core's events and effects as plain JSON values, and back. Whatever kinds of them there are, or will be."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_args, get_type_hints

from backend.call.machine import CallLimits
from backend.call.moves import CallEvent, Effect
from backend.protocol.events import CallConfig
from backend.shell.intake import IntakeLimits

KIND: Final = "is"
"""Names the class of an object; what stands beside it are its fields."""
_SET: Final = "set"
_BYTES: Final = "bytes"
_HALVES: Final = re.compile("[\ud800-\udfff]")


class UnknownValueError(ValueError):
    """A value that this version of the server doesn't know; the message names it."""


def plain(value: object) -> Any:
    """The value as JSON has it.

    Raises:
        UnknownValueError: there is no way to write it down.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    if isinstance(value, frozenset | set):
        return {_SET: sorted(plain(item) for item in value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {KIND: type(value).__name__} | {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    raise UnknownValueError(f"a recording has no way to hold a {type(value).__name__}")


def value(plainly: Any) -> Any:
    """What `plain` was given; lists are tuples then.

    Raises:
        UnknownValueError: it names a class, or a field, that this version doesn't have.
    """
    if isinstance(plainly, list):
        return tuple(value(item) for item in plainly)
    if not isinstance(plainly, dict):
        return plainly
    if set(plainly) == {_SET}:
        return frozenset(value(plainly[_SET]))
    if set(plainly) == {_BYTES}:
        return _bytes(plainly[_BYTES])
    inner = {key: value(item) for key, item in plainly.items() if key != KIND}
    return _made(plainly[KIND], inner) if KIND in plainly else inner


def compact(plainly: object) -> str:
    """As JSON text, its keys in their order, which is that on the wire; half a character is escaped, as UTF-8 cannot
    say it."""
    text = json.dumps(plainly, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _made(name: object, inner: dict[str, Any]) -> Any:
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise UnknownValueError(f"this version of the server knows no {name!r}")
    try:
        return kind(**inner)
    except TypeError as exc:
        raise UnknownValueError(f"in this version of the server {name} has other fields") from exc


def _bytes(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error as exc:
        raise UnknownValueError("a recording has bytes that are not base64") from exc


def _classes(hint: object, seen: set[type]) -> Iterator[type]:
    """Every dataclass that a value of this type can hold."""
    for inner in get_args(hint):
        yield from _classes(inner, seen)
    if isinstance(hint, type) and is_dataclass(hint) and hint not in seen:
        seen.add(hint)
        yield hint
        for field_hint in get_type_hints(hint).values():
            yield from _classes(field_hint, seen)


_RECORDED: Final[tuple[object, ...]] = (CallEvent, Effect, CallConfig, CallLimits, IntakeLimits)
_seen: Final[set[type]] = set()
KINDS: Final[dict[str, Any]] = {kind.__name__: kind for hint in _RECORDED for kind in _classes(hint, _seen)}
"""The classes that a recording may name."""
