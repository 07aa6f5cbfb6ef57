"""DashScope's task protocol: JSON text messages with `header` and `payload`, and bare binary audio. Pure.

Source: Model Studio docs, "WebSocket API" of Paraformer and CosyVoice; the fact sheet's captured frames.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

INVALID_PARAMETER: Final = "InvalidParameter"
NO_TASK: Final = "task can not be null"


class TaskFailure(Exception):  # noqa: N818 - it is what the service says
    """The task ends with task-failed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Command:
    """One text message of a client."""

    action: str
    task_id: str
    payload: dict[str, Any]

    @property
    def input(self) -> dict[str, Any]:
        """What the message brings.

        Raises:
            TaskFailure: it brings nothing, not even an empty object.
        """
        value = self.payload.get("input")
        if not isinstance(value, dict):
            raise TaskFailure(INVALID_PARAMETER, NO_TASK)
        return value


def read(text: str) -> Command:
    """Parse a client's message; the order of keys and unknown keys do not count.

    Raises:
        TaskFailure: it is no message of this protocol.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise TaskFailure(INVALID_PARAMETER, "Invalid payload data") from exc
    header, payload = _object(message, "header"), _object(message, "payload")
    return Command(_text(header, "action"), _text(header, "task_id"), payload)


def event(name: str, task_id: str, payload: dict[str, Any], **attributes: Any) -> str:
    """A server's message."""
    return _encoded({"task_id": task_id, "event": name, "attributes": attributes}, payload)


def failed(task_id: str, failure: TaskFailure) -> str:
    """task-failed."""
    header = {"task_id": task_id, "event": "task-failed", "attributes": {}}
    return _encoded({**header, "error_code": failure.code, "error_message": failure.message}, {})


def _encoded(header: dict[str, Any], payload: dict[str, Any]) -> str:
    return json.dumps({"header": header, "payload": payload}, ensure_ascii=False)


def _object(value: Any, key: str) -> dict[str, Any]:
    part = value.get(key) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}


def _text(part: dict[str, Any], key: str) -> str:
    value = part.get(key)
    return value if isinstance(value, str) else ""
