"""Log lines: an event's name and its fields, as text for people or as JSON for machines."""

import json
import logging
import sys
from collections.abc import Iterable
from typing import Final, Literal

from backend.process.redaction import Redactor

_TALKATIVE: Final = (
    *("openai", "httpx", "httpcore", "urllib3", "websockets"),
    *("volcenginesdkarkruntime", "volcenginesdkcore", "volcenginesdkark"),
)
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(level: str, log_format: Literal["text", "json"], secrets: Iterable[str] = ()) -> None:
    """Send every log line of this process to standard error, without the secrets."""
    handler = logging.StreamHandler(sys.stderr)
    shape = _Json() if log_format == "json" else _Text("%(asctime)s %(levelname)-7s %(message)s")
    handler.setFormatter(_Redacted(shape, Redactor(secrets)))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # their debug lines hold keys and what people say
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLogger().level))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class _Redacted(logging.Formatter):
    """Another formatter's lines, tracebacks included, without secrets."""

    def __init__(self, shape: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self._shape = shape
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.clean(self._shape.format(record))


class _Text(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        known = _fields(record).items()
        fields = " ".join(f"{name}={_in_one_line(value)}" for name, value in known if value not in ("", None))
        return f"{super().formatMessage(record)} {fields}".rstrip()


def _in_one_line(value: object) -> str:
    """A field that brings its own line break would write a log line of its own."""
    return str(value).replace("\r", "\\r").replace("\n", "\\n")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"time": self.formatTime(record), "level": record.levelname.lower(), "event": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({**line, **_fields(record)}, ensure_ascii=False, default=str)
