"""Silero's weights: where they are, whether they are right, and `python -m backend.vad.weights`, which fetches them.

They come the way that the on-device models come, by a process of the emulator's, into the same folder.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from backend.errors import ConfigError
from backend.settings import OFF, SILERO, Settings, load, model_cache

MODEL: Final = "silero"
FILE: Final = "silero_vad_16k_op15.onnx"
SHA256: Final = "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49"
_LIBRARIES: Final = ("numpy", "onnxruntime")


def find(settings: Settings) -> Path:
    """The model's file, checked.

    Raises:
        ConfigError: the libraries or the weights are not there; the message says how to get them.
    """
    if missing := [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]:
        raise ConfigError(f"voice activity detection (VAD) needs {' and '.join(missing)}: run scripts/setup python")
    path = _path(settings)
    if not path.is_file():
        raise ConfigError(f"voice activity detection (VAD) needs {path}: run python -m backend.vad.weights")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise ConfigError(f"{path} is not Silero's model: delete it and run python -m backend.vad.weights")
    return path


def default_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the on-device models are unless `MODEL_CACHE` says another place."""
    return Path(environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "live-voice-call" / "models"


def main() -> int:
    """Have the weights, where they are wanted. Only `VAD=silero` makes it an error that they cannot be had."""
    try:
        settings = load()
    except ConfigError as exc:
        print(f"live voice call: {exc}", file=sys.stderr)
        return 1
    if settings.vad == OFF or _path(settings).is_file():
        return 0
    command = [sys.executable, "-m", "emulator.models", MODEL, "--cache", str(_cache(settings))]
    if subprocess.run(command, check=False).returncode == 0:  # noqa: S603 - our own interpreter and module
        return 0
    print("live voice call: without these weights there is no voice activity detection", file=sys.stderr)
    return 1 if settings.vad == SILERO else 0


def _cache(settings: Settings) -> Path:
    return model_cache(settings.emulator) or default_cache()


def _path(settings: Settings) -> Path:
    return _cache(settings) / MODEL / FILE


if __name__ == "__main__":
    sys.exit(main())
