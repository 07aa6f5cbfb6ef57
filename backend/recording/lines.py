"""The lines of a recording: what each holds, and the seal that shows whether it is as it was written.

Format 1, docs/recording.md: `SEAL JSON` a line, where the seal is of the seal before it and of the JSON.
"""

import base64
import hashlib
from dataclasses import replace
from typing import Any, Final

from backend.call.moves import Effect, Malformed, Say
from backend.protocol.frames import EventFrame, Framing, encode
from backend.protocol.header import MessageType
from backend.recording.tape import Beginning, Frame, Move
from backend.recording.values import compact, plain
from backend.shell.intake import Pcm
from backend.version import VERSION

FORMAT: Final = 1
SUFFIX: Final = ".lvcrec"
SEAL_CHARS: Final = 16
HIDDEN_SID: Final = "<sid>"
"""Stands for the conversation's id: whoever knows that may take the conversation up."""


class Seal:
    """Seals one line after the other."""

    def __init__(self) -> None:
        self._last = "0" * SEAL_CHARS

    def next(self, text: str) -> str:
        """The seal of this line."""
        self._last = hashlib.sha256(f"{self._last} {text}".encode()).hexdigest()[:SEAL_CHARS]
        return self._last

    def line(self, content: dict[str, Any]) -> bytes:
        """The whole line."""
        text = compact(content)
        return f"{self.next(text)} {text}\n".encode()


def header(beginning: Beginning, began: str, *, audio: bool) -> dict[str, Any]:
    """The first line. `began` is the wall's clock."""
    return {
        "recording": FORMAT,
        "server": VERSION,
        "began": began,
        "audio": audio,
        "at": beginning.at,
        "framing": beginning.framing.value,
        "config": plain(beginning.config),
        "limits": plain(beginning.limits),
        "intake": plain(beginning.intake),
    }


def frame(item: Frame, *, audio: bool) -> dict[str, Any]:
    """A message of the client's; of sound, unless `audio`, only its length and digest."""
    data = item.message if isinstance(item.message, bytes) else item.message.encode()
    line: dict[str, Any] = {"at": item.at, "taken": taken(item.taken)}
    if isinstance(item.message, str):
        line["text"] = len(data)  # is no frame, whatever it says
    elif audio or not _is_audio(data):
        line["frame"] = base64.b64encode(data).decode()
    else:
        line["sound"] = {"bytes": len(data), "sha256": _digest(data)}
    return line


def taken(what: object) -> Any:
    """What a message was taken for; of sound, its length and digest."""
    if isinstance(what, Pcm):
        return {"pcm_bytes": len(what.data), "sha256": _digest(what.data)}
    return plain(what)


def move(item: Move, framing: Framing, sid: str) -> dict[str, Any]:
    """An event, and what came of it."""
    return {"at": item.at, "event": plain(item.event), **outcome(item, framing, sid)}


def outcome(item: Move, framing: Framing, sid: str) -> dict[str, Any]:
    """What has to be the same when it is played back."""
    effects = [_hidden(effect, sid) for effect in item.effects]
    said = [effect for effect in effects if isinstance(effect, Say)]
    wire = b"".join(encode(EventFrame(say.event, say.payload, say.turn), framing) for say in said)
    return {
        "effects": [plain(effect) for effect in effects],
        "wire": _digest(wire),
        "state": item.state,
        "deadline": item.deadline,
    }


def bad_in_a_row(what: dict[str, Any]) -> int:
    """Of a `taken` that is written down."""
    return int(what.get("in_a_row", 0)) if what.get("is") == Malformed.__name__ else 0


def _hidden(effect: Effect, sid: str) -> Effect:
    if not isinstance(effect, Say) or sid not in effect.payload.values():
        return effect
    return replace(effect, payload={k: HIDDEN_SID if v == sid else v for k, v in effect.payload.items()})


def _is_audio(message: bytes) -> bool:
    """Whether this holds, or may hold, what somebody said: anything but a whole event."""
    return len(message) < 2 or message[1] >> 4 != MessageType.CLIENT_REQUEST


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:SEAL_CHARS]
