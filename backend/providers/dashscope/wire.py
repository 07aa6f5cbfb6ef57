"""The messages of DashScope's speech tasks: JSON with `header` and `payload`, and bare sound. Pure.

Source: Model Studio docs "realtime-websocket-overview", "paraformer-client-events", "cosyvoice-client-events".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.errors import ProtocolError
from backend.protocol.json_text import json_bytes, parse_json

STARTED: Final = "task-started"
RESULT: Final = "result-generated"
FINISHED: Final = "task-finished"
FAILED: Final = "task-failed"


@dataclass(frozen=True, slots=True)
class Run:
    """What a task shall do.

    Attributes:
        task, function: `asr` and `recognition`, or `tts` and `SpeechSynthesizer`.
    """

    task: str
    function: str
    model: str
    parameters: Mapping[str, Any]


def run_task(task_id: str, run: Run) -> str:
    """The first message; `input` has to be there although it is empty."""
    payload = {
        "task_group": "audio",
        "task": run.task,
        "function": run.function,
        "model": run.model,
        "parameters": dict(run.parameters),
        "input": {},
    }
    return _message("run-task", task_id, payload)


def continue_task(task_id: str, text: str) -> str:
    """Some more text to be spoken."""
    return _message("continue-task", task_id, {"input": {"text": text}})


def finish_task(task_id: str, *, cancel: bool = False) -> str:
    """No more comes; or, for a synthesis, no more is wanted."""
    return _message("finish-task", task_id, {"input": {"directive": "cancel"} if cancel else {}})


@dataclass(frozen=True, slots=True)
class Event:
    """One text message of the service.

    Attributes:
        code, message: of task-failed.
        request_id: the service's own id of the exchange, where it tells one.
    """

    name: str
    task_id: str
    payload: Mapping[str, Any]
    code: str = ""
    message: str = ""
    request_id: str = ""

    @property
    def output(self) -> Mapping[str, Any]:
        """The payload's `output`, empty where it has none."""
        return part(self.payload, "output")


def read(text: str) -> Event:
    """Read a message leniently; only what makes it an event has to be there.

    Raises:
        ProtocolError: it is no event of a task.
    """
    try:
        value = parse_json(text)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError("the text message is not JSON") from exc
    header = part(value, "header")
    if not said(header, "event"):
        raise ProtocolError("the text message is no event")
    return Event(
        said(header, "event"),
        said(header, "task_id"),
        part(value, "payload"),
        said(header, "error_code"),
        said(header, "error_message"),
        said(part(header, "attributes"), "request_uuid"),
    )


def part(value: object, key: str) -> Mapping[str, Any]:
    """A JSON object's member that is an object; empty when there is none."""
    member = value.get(key) if isinstance(value, Mapping) else None
    return member if isinstance(member, Mapping) else {}


def said(value: Mapping[str, Any], key: str) -> str:
    """A JSON object's member that is a string; empty when there is none."""
    member = value.get(key)
    return member if isinstance(member, str) else ""


def count(value: object) -> int | None:
    """A whole number that is not negative; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else None


def _message(action: str, task_id: str, payload: Mapping[str, Any]) -> str:
    header = {"action": action, "task_id": task_id, "streaming": "duplex"}
    return json_bytes({"header": header, "payload": payload}).decode()
