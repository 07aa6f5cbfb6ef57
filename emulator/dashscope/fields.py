"""Reads a task's parameters: null counts as absent, unknown ones are ignored, and a wrong one fails the task."""

from typing import Any

from emulator.dashscope.wire import INVALID_PARAMETER, Command, TaskFailure


def parameters(command: Command) -> dict[str, Any]:
    """Those of a run-task.

    Raises:
        TaskFailure: it has no `input`, which has to be there even when it is empty.
    """
    _ = command.input
    value = command.payload.get("parameters")
    return value if isinstance(value, dict) else {}


def text(values: dict[str, Any], key: str, default: str = "") -> str:
    """A string."""
    value = values.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise wrong(key)
    return value


def flag(values: dict[str, Any], key: str) -> bool:
    """A boolean; false unless given."""
    return values.get(key) is True


def number(values: dict[str, Any], key: str, default: float, least: float, most: float) -> float:
    """A number within the vendor's range."""
    value = values.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise wrong(key)
    return float(value)


def wrong(key: str) -> TaskFailure:
    """The failure of a parameter with a value that the service does not take."""
    return TaskFailure(INVALID_PARAMETER, f"{key} is invalid!")
