"""The vendors' own voices, as `stock.yaml` has them."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from backend.store.voice_rows import STOCK_PLACE, VoiceRow

_FILE: Final = Path(__file__).with_name("stock.yaml")


def stock(at_ms: int) -> list[VoiceRow]:
    """Every one, in the order of the file."""
    content = _content()
    groups = [(group, line) for group in content["voices"] for line in group["list"]]
    return [
        VoiceRow(
            id=stock_id(group["provider"], voice),
            provider=group["provider"],
            voice=voice,
            model=group.get("model", ""),
            name_zh=zh,
            name_en=en,
            language=language,
            gender=gender,
            sample_text=sample_text(language),
            kind="stock",
            enabled=True,
            status="ready",
            place=STOCK_PLACE + number,
            created_ms=at_ms,
            changed_ms=at_ms,
        )
        for number, (group, (voice, zh, en, language, gender)) in enumerate(groups)
    ]


def stock_id(provider: str, voice: str) -> str:
    """The id of a voice that has the vendor's own."""
    return f"{provider}.{voice}"


def sample_text(language: str) -> str:
    """What a voice of this language says when it is tried: in its dialect, its language, else English."""
    samples: dict[str, str] = _content()["samples"]
    return samples.get(language) or samples.get(language.partition("-")[0]) or samples["en"]


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(_FILE.read_text("utf-8"))
    return content
