"""The folder of recordings: new files for their owner alone, the oldest deleted to keep within the bound."""

import os
from collections import deque
from pathlib import Path
from typing import BinaryIO

from backend.errors import ConfigError
from backend.recording.lines import SUFFIX


class RecordingShelf:
    """One folder. Several servers may share it; each keeps within the bound by itself.

    Args:
        total_bytes: of all recordings together.

    Raises:
        ConfigError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, total_bytes: int) -> None:
        self._folder = folder
        self._total_bytes = total_bytes
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
            self._kept = deque((path, path.stat().st_size) for path in found)
        except OSError as exc:
            raise _unusable(folder, exc) from exc
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _unusable(folder, PermissionError("nobody may write there"))
        self._bytes = sum(size for _, size in self._kept)

    def create(self, name: str) -> tuple[Path, BinaryIO]:
        """A new file, which only the server's user may read.

        Raises:
            OSError: it cannot be made.
        """
        path = self._folder / f"{name}{SUFFIX}"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return path, os.fdopen(handle, "wb")

    def keep(self, path: Path, size: int) -> None:
        """It is written; make room for it."""
        self._kept.append((path, size))
        self._bytes += size
        while self._bytes > self._total_bytes and len(self._kept) > 1:
            oldest, freed = self._kept.popleft()
            oldest.unlink(missing_ok=True)
            self._bytes -= freed


def _unusable(folder: Path, exc: OSError) -> ConfigError:
    return ConfigError(
        f"RECORD_DIR={folder} cannot be used: {exc.strerror or exc}; name a folder that this user can write to"
    )
