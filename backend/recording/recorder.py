"""Writes recordings from a thread of its own: a slow disk costs recordings, never calls."""

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from backend.call.machine import Call
from backend.call.moves import CallEvent, Effect
from backend.config.recording import RecordingSettings
from backend.recording import lines
from backend.recording.lines import Seal
from backend.recording.shelf import RecordingShelf
from backend.recording.tape import Anew, Beginning, Frame, Move, NoRecorder, Recorder, Tape
from backend.shell.intake import Taken

log = logging.getLogger(__name__)

WAITING_ITEMS: Final = 20_000
WAITING_BYTES: Final = 32 * 1024 * 1024
"""What may wait for the disk, of all calls together; beyond it recordings end."""
_CLOSE_S: Final = 5.0

End = Literal["over", "full", "slow disk"]
Item = Beginning | Frame | Anew | Move | End


@dataclass(slots=True)
class _Writing:
    """A recording on its way to the disk; `file` is None before the first line and after the last."""

    beginning: Beginning
    path: Path | None = None
    file: BinaryIO | None = None
    size: int = 0
    seal: Seal = field(default_factory=Seal)


class FileRecorder:
    """Records every call to a file of its own.

    Args:
        now: the wall's clock.

    Raises:
        ConfigError: the folder cannot be used.
    """

    def __init__(
        self, folder: Path, settings: RecordingSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings
        self._now = now
        self._shelf = RecordingShelf(folder, settings.total_bytes)
        self._items: queue.SimpleQueue[tuple[_FileTape, Item] | None] = queue.SimpleQueue()
        self._put_bytes = self._written_bytes = 0  # one for each thread to write, so that neither needs a lock
        self._thread = threading.Thread(target=self._write_all, name="recorder", daemon=True)
        self._thread.start()

    def begin(self, beginning: Beginning) -> Tape:
        """See `Recorder`."""
        tape = _FileTape(beginning, self._put)
        tape.put(beginning)
        return tape

    def close(self) -> None:
        """Write what waits, for a bounded time."""
        self._items.put(None)
        self._thread.join(_CLOSE_S)

    def _put(self, tape: "_FileTape", item: Item) -> bool:
        """On the event loop. False when too much waits."""
        if self._items.qsize() >= WAITING_ITEMS or self._put_bytes - self._written_bytes > WAITING_BYTES:
            self._items.put((tape, "slow disk"))
            return False
        self._put_bytes += _bytes(item)
        self._items.put((tape, item))
        return True

    # --- in the thread

    def _write_all(self) -> None:
        while (entry := self._items.get()) is not None:
            tape, item = entry
            try:
                self._write(tape.writing, item)
            except Exception:
                log.exception("record.failed", extra={"session": tape.writing.beginning.sid})
                with suppress(OSError):
                    self._finish(tape.writing)
            self._written_bytes += _bytes(item)

    def _write(self, writing: _Writing, item: Item) -> None:
        if isinstance(item, Beginning):
            self._open(writing)
        elif writing.file is None:
            return
        elif isinstance(item, str):
            self._end(writing, item)
        else:
            beginning = writing.beginning
            if isinstance(item, Frame):
                self._line(writing, lines.frame(item, audio=self._settings.audio))
            elif isinstance(item, Anew):
                self._line(writing, {"at": item.at, "anew": True})
            else:
                self._line(writing, lines.move(item, beginning.framing, beginning.sid))
            if writing.size > self._settings.call_bytes:
                self._end(writing, "full")
            elif self._items.empty():
                writing.file.flush()

    def _open(self, writing: _Writing) -> None:
        now = self._now()
        name = f"{now:%Y%m%dT%H%M%S}Z-{writing.beginning.call[:12]}"
        writing.path, writing.file = self._shelf.create(name)
        log.info("call.recorded", extra={"session": writing.beginning.sid, "file": str(writing.path)})
        began = now.isoformat(timespec="milliseconds")
        self._line(writing, lines.header(writing.beginning, began, audio=self._settings.audio))

    def _line(self, writing: _Writing, content: dict[str, Any]) -> None:
        if writing.file is not None:
            writing.size += writing.file.write(writing.seal.line(content))

    def _end(self, writing: _Writing, why: End) -> None:
        self._line(writing, {"end": why})
        self._finish(writing)

    def _finish(self, writing: _Writing) -> None:
        file, writing.file = writing.file, None
        if file is not None and writing.path is not None:
            file.close()
            self._shelf.keep(writing.path, writing.size)


class _FileTape:
    """The call's end of a recording; once something could not be handed over, nothing more is."""

    def __init__(self, beginning: Beginning, hand_over: Callable[["_FileTape", Item], bool]) -> None:
        self.writing = _Writing(beginning)
        self._hand_over = hand_over
        self._runs = True

    def put(self, item: Item) -> None:
        if self._runs and not self._hand_over(self, item):
            log.warning("record.slow_disk", extra={"session": self.writing.beginning.sid})
            self._runs = False

    def frame(self, at: float, message: bytes | str, taken: Taken) -> None:
        self.put(Frame(at, message, taken))

    def anew(self, at: float) -> None:
        self.put(Anew(at))

    def move(self, at: float, event: CallEvent, effects: list[Effect], call: Call) -> None:
        self.put(Move(at, event, effects, call.state.name, call.deadline))

    def end(self) -> None:
        self.put("over")
        self._runs = False


def open_recorder(settings: RecordingSettings) -> tuple[Recorder, Callable[[], None]]:
    """What records calls, if that is wished, and what ends it.

    Raises:
        ConfigError: the folder cannot be used.
    """
    if settings.folder is None:
        return NoRecorder(), lambda: None
    recorder = FileRecorder(settings.folder, settings)
    return recorder, recorder.close


def _bytes(item: Item) -> int:
    """About what it holds in memory that others do not hold, too."""
    return len(item.message) if isinstance(item, Frame) else 0
