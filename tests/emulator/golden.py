"""The vendor's golden frames by name."""

import json
from pathlib import Path
from typing import Any

_VECTORS: dict[str, dict[str, Any]] = {
    vector["name"]: vector
    for vector in json.loads((Path(__file__).parents[1] / "vectors" / "volcengine.json").read_text(encoding="utf-8"))
}


def golden(name: str) -> bytes:
    """One whole frame."""
    return bytes.fromhex(_VECTORS[name]["hex"])
