"""Plays a recording back: the same inputs at the same times, and whether the call still decides the same."""

import base64
import binascii
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from backend.call.machine import Call
from backend.call.moves import LineBack, LineCut
from backend.errors import VoiceCallError
from backend.protocol.frames import Framing
from backend.recording import lines
from backend.recording.lines import FORMAT, HIDDEN_SID, SEAL_CHARS, Seal
from backend.recording.tape import Move
from backend.recording.values import UnknownValueError, compact, value
from backend.shell.intake import Intake

CONTEXT_LINES: Final = 5
_LONGEST_LINE: Final = 64 * 1024 * 1024


class RecordingError(VoiceCallError):
    """This cannot be played back; the message is one sentence that says why."""


class DifferenceError(VoiceCallError):
    """It is not the same. The message says where, what was recorded, what came now, and what came before."""


@dataclass(slots=True)
class Result:
    """What was played back.

    Attributes:
        seconds: from the first input to the last.
        end: why the recording ends; empty if it breaks off.
    """

    server: str
    inputs: int = 0
    frames: int = 0
    turns: int = 0
    seconds: float = 0.0
    end: str = ""


def rerun(path: Path) -> Result:
    """All of it.

    Raises:
        RecordingError: it is no recording, or one of another format.
        DifferenceError: a line is not as it was written, or the call does something else.
    """
    try:
        with path.open("rb") as file:
            return _Rerun(_sealed(file_lines(file))).run()
    except OSError as exc:
        raise RecordingError(f"it cannot be read: {exc.strerror or exc}") from exc


def file_lines(file: Any) -> Iterator[str]:
    """Whole lines. One that was cut short by the end of the process is left out."""
    while line := file.readline(_LONGEST_LINE):
        if line.endswith(b"\n"):
            yield _decoded(line[:-1])


def _sealed(texts: Iterator[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines' content with their numbers, each as it was written."""
    seal = Seal()
    for number, line in enumerate(texts, 1):
        text = line[SEAL_CHARS + 1 :]
        content = _json(text)
        if number == 1:
            _check_header(content)
        if line[: SEAL_CHARS + 1] != f"{seal.next(text)} " or content is None:
            raise DifferenceError(f"line {number} is not as it was written: its seal does not fit")
        yield number, content


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode(errors="replace")  # whose seal will not fit


def _json(text: str) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _check_header(content: dict[str, Any] | None) -> None:
    if content is None or "recording" not in content:
        raise RecordingError("this is no recording of a call: its first line is no header")
    if content["recording"] != FORMAT:
        raise RecordingError(f"this recording has format {content['recording']!r}; this version reads format {FORMAT}")


@dataclass
class _Rerun:
    content: Iterator[tuple[int, dict[str, Any]]]
    result: Result = field(default_factory=lambda: Result(""))

    def run(self) -> Result:
        first = next(self.content, None)
        if first is None:
            raise RecordingError("this is no recording of a call: it is empty")
        self._begin(first[1])
        before: deque[str] = deque(maxlen=CONTEXT_LINES)
        for number, line in self.content:
            try:
                self._play(number, line, before)
            except (KeyError, TypeError, AttributeError, UnknownValueError, binascii.Error) as exc:
                raise RecordingError(f"line {number} cannot be played back: {_said(exc)}") from exc
            before.append(_shown(number, line))
        return self.result

    def _begin(self, header: dict[str, Any]) -> None:
        try:
            self._framing = Framing(header["framing"])
            self._call = Call(HIDDEN_SID, value(header["limits"]), value(header["config"]))
            self._intake = Intake(value(header["intake"]), header["at"])
            self._began = header["at"]
            self.result.server = str(header["server"])
        except (KeyError, TypeError, ValueError) as exc:
            raise RecordingError(f"the recording's header cannot be read: {_said(exc)}") from exc

    def _play(self, number: int, line: dict[str, Any], before: deque[str]) -> None:
        if "end" in line:
            self.result.end = str(line["end"])
            return
        self.result.seconds = line["at"] - self._began
        if "anew" in line:
            self._intake.begin_anew()
            return
        if "event" in line:
            recorded = {key: line[key] for key in ("effects", "wire", "state", "deadline")}
            now = self._moved(line)
            self.result.inputs += 1
            self.result.turns = self._call.turn
        else:
            recorded, now = {"taken": line["taken"]}, {"taken": self._taken(line)}
            self.result.frames += 1
        now = json.loads(compact(now))  # as it would be read from a file
        if now != recorded:
            raise DifferenceError(_difference(number, line, recorded, now, before))

    def _moved(self, line: dict[str, Any]) -> dict[str, Any]:
        event = value(line["event"])
        if isinstance(event, LineCut | LineBack):
            self._intake.begin_anew()
        effects = self._call.handle(event, line["at"])
        move = Move(line["at"], event, effects, self._call.state.name, self._call.deadline)
        return lines.outcome(move, self._framing, HIDDEN_SID)

    def _taken(self, line: dict[str, Any]) -> Any:
        at, was = line["at"], line["taken"]
        if "frame" in line:
            return lines.taken(self._intake.take(base64.b64decode(line["frame"], validate=True), at))
        if "text" in line:
            return lines.taken(self._intake.take("", at))
        in_time = self._intake.follow(was.get("pcm_bytes"), lines.bad_in_a_row(was), at)
        return was if in_time else "sound that came too early"


def _difference(
    number: int, line: dict[str, Any], recorded: dict[str, Any], now: dict[str, Any], before: deque[str]
) -> str:
    parts = [key for key in recorded if recorded[key] != now[key]]
    rows = [f"line {number}, at {line['at']:.3f} s: the call no longer does what it did"]
    rows += [f"  before  {shown}" for shown in before]
    rows.append(f"  told    {compact(line.get('event') or line.get('frame') or line.get('sound') or '')}")
    for part in parts:
        rows.append(f"  {part} then  {compact(recorded[part])}")
        rows.append(f"  {part} now   {compact(now[part])}")
    return "\n".join(rows)


def _shown(number: int, line: dict[str, Any]) -> str:
    return f"line {number}: {compact(line)[:200]}"


def _said(exc: Exception) -> str:
    return f"{exc} is missing" if isinstance(exc, KeyError) else str(exc)
