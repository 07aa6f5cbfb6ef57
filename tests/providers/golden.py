"""The vendors' golden frames, by name."""

import json
from pathlib import Path
from typing import Any

from backend.protocol import speech
from backend.protocol.speech import SpeechFrame

_FILE = Path(__file__).parents[1] / "vectors" / "volcengine.json"
_VECTORS: dict[str, dict[str, Any]] = {
    vector["name"]: vector for vector in json.loads(_FILE.read_text(encoding="utf-8"))
}


def golden_bytes(name: str) -> bytes:
    """One whole message."""
    return bytes.fromhex(_VECTORS[name]["hex"])


def golden(name: str) -> SpeechFrame:
    """The same, decoded."""
    return speech.decode(golden_bytes(name))
