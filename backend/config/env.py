"""Typed reading of environment variables; a wrong one is an error that names it."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from backend.errors import ConfigError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_NONE = frozenset({"off", "none"})


def environment(dotenv: Path = Path(".env")) -> dict[str, str]:
    """The process's environment over what `.env` says; an empty value counts as not set."""
    merged = {**dotenv_values(dotenv), **os.environ}
    return {name: value.strip() for name, value in merged.items() if value and value.strip()}


class Env:
    """Reads settings one by one, and remembers the names it was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.names: list[str] = []

    def has(self, name: str) -> bool:
        """Whether it is set."""
        return bool(self.text(name))

    def text(self, name: str, default: str = "") -> str:
        """As it stands."""
        if name not in self.names:
            self.names.append(name)
        return self._values.get(name, default)

    def choice(self, name: str, default: str, allowed: Iterable[str]) -> str:
        """One of a closed set."""
        value, choices = self.text(name, default), tuple(allowed)
        if value not in choices:
            raise ConfigError(f"{name} is one of {', '.join(choices)}, not {value!r}")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """A list with commas."""
        return tuple(word.strip() for word in self.text(name).split(",") if word.strip())

    def flag(self, name: str, *, default: bool) -> bool:
        """`true` or `false`, or what people write instead."""
        value = self.text(name, str(default)).lower()
        if value not in _TRUE | _FALSE:
            raise ConfigError(f"{name} is true or false, not {value!r}")
        return value in _TRUE

    def whole(self, name: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
        """A whole number within bounds."""
        value = self.number(name, default, least=least, most=most)
        if not value.is_integer():
            raise ConfigError(f"{name} is a whole number, not {self.text(name)!r}")
        return int(value)

    def number(self, name: str, default: float, *, least: float = 0.0, most: float = 1e9) -> float:
        """A number within bounds."""
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError as exc:
            raise ConfigError(f"{name} is a number, not {text!r}") from exc
        if not least <= value <= most:
            raise ConfigError(f"{name} is {least:g} to {most:g}, not {text}")
        return value

    def leaves_out(self, name: str) -> bool:
        """Whether it says `off` or `none`: there shall be no such thing."""
        return self.text(name).lower() in _NONE

    def fields(self, name: str, reserved: Iterable[str]) -> dict[str, object]:
        """A JSON object; empty unless set.

        Args:
            reserved: fields that are not for the operator to set.
        """
        try:
            value = json.loads(self.text(name) or "{}")
        except ValueError as exc:
            raise ConfigError(f'{name} is a JSON object such as {{"top_p": 0.9}}, and this is no JSON: {exc}') from exc
        if not isinstance(value, dict):
            raise ConfigError(f'{name} is a JSON object such as {{"top_p": 0.9}}, not {self.text(name)}')
        if taken := sorted(set(value) & set(reserved)):
            raise ConfigError(f"{name} cannot set {', '.join(taken)}")
        return value

    def url(self, name: str, default: str = "", *, schemes: tuple[str, ...] = ("http", "https")) -> str:
        """An address of a service; it is not repeated, as there may be a password in it."""
        text = self.text(name, default)
        try:
            parts = urlsplit(text)
            is_whole = parts.scheme in schemes and bool(parts.hostname)
        except ValueError:
            is_whole = False
        if text and not is_whole:
            raise ConfigError(f"{name} is a whole address, {schemes[0]}://HOST/… or {schemes[-1]}://HOST/…")
        return text

    def port(self, name: str, default: int) -> int:
        """A TCP port; 0 lets the system choose."""
        return self.whole(name, default, most=65535)
