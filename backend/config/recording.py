"""What an operator says about recording calls."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backend.config.env import Env

_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Whether and where calls are recorded.

    Attributes:
        folder: None for nowhere.
        audio: whether the callers' sound is kept; else its length and digest are.
        call_bytes: a recording ends at this size.
        total_bytes: older recordings are deleted to make room within this.
    """

    folder: Path | None = None
    audio: bool = False
    call_bytes: int = 16 * _MEBIBYTE
    total_bytes: int = 1024 * _MEBIBYTE


def read_recording(env: Env) -> RecordingSettings:
    """Read them.

    Raises:
        ConfigError: one is wrong; the message names it.
    """
    folder = env.text("RECORD_DIR")
    return RecordingSettings(
        Path(folder).expanduser() if folder else None,
        env.flag("RECORD_AUDIO", default=False),
        round(env.number("RECORD_CALL_MB", 16, least=0.01, most=10_000) * _MEBIBYTE),
        round(env.number("RECORD_TOTAL_MB", 1024, least=0.01, most=1_000_000) * _MEBIBYTE),
    )
