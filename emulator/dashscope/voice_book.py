"""The voices and the hot-word lists that an account has made. They live as long as the emulator."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final

_CHINA: Final = timezone(timedelta(hours=8))


def now() -> datetime:
    """The vendor's clock."""
    return datetime.now(_CHINA)


def shown(moment: datetime) -> str:
    """As the service writes times."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


@dataclass(slots=True)
class ClonedVoice:
    """A voice made from a sample, usable once `deployed`."""

    voice_id: str
    prefix: str
    target_model: str
    url: str
    deployed: datetime
    rejected: bool = False
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)

    @property
    def status(self) -> str:
        """`DEPLOYING`, then `OK`; or `UNDEPLOYED`, where no voice could be made."""
        if self.deployed > now():
            return "DEPLOYING"
        return "UNDEPLOYED" if self.rejected else "OK"


@dataclass(slots=True)
class HotWords:
    """One list; it has an effect on recognitions by its own model only."""

    vocabulary_id: str
    prefix: str
    target_model: str
    words: list[dict[str, Any]]
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)


class VoiceBook:
    """All cloned voices, oldest first."""

    def __init__(self) -> None:
        self._voices: dict[str, ClonedVoice] = {}

    def add(self, model: str, prefix: str, url: str, deploy_s: float, *, rejected: bool = False) -> ClonedVoice:
        """Make one."""
        voice_id = f"{model}-{prefix}-{uuid.uuid4().hex}"
        voice = ClonedVoice(voice_id, prefix, model, url, now() + timedelta(seconds=deploy_s), rejected)
        self._voices[voice_id] = voice
        return voice

    def get(self, voice_id: str) -> ClonedVoice | None:
        """One by its id."""
        return self._voices.get(voice_id)

    def remove(self, voice_id: str) -> None:
        """Forget one."""
        del self._voices[voice_id]

    def with_prefix(self, prefix: str) -> list[ClonedVoice]:
        """Those whose prefix it is; all for an empty one. Newest first, as the service lists them."""
        return [voice for voice in reversed(self._voices.values()) if prefix in ("", voice.prefix)]

    def ready(self) -> Collection[str]:
        """The ids that may speak."""
        return {voice.voice_id for voice in self._voices.values() if voice.status == "OK"}
