"""Voice cloning over HTTP: a voice is made from a sample that the service fetches by its address.

Source: Model Studio docs "cosyvoice-clone-api".
"""

from typing import Any, Final, Literal

from backend.errors import ProviderUnavailable
from backend.providers.dashscope.customization import VOICES, Customization, EnrolmentConfig
from backend.providers.dashscope.wire import said

GONE: Final = "BadRequest.ResourceNotExist"
"""The service's code for a voice that it does not have."""

Progress = Literal["deploying", "ready", "refused"]

_LANGUAGES: Final = frozenset(("zh", "en", "fr", "de", "ja", "ko", "ru", "pt", "th", "id", "vi"))
_PROGRESS: Final[dict[str, Progress]] = {"OK": "ready", "UNDEPLOYED": "refused"}


class VoiceEnrolment:
    """An account's cloned voices. Every method may raise `ProviderError`."""

    def __init__(self, config: EnrolmentConfig) -> None:
        self._service = Customization(config, VOICES)

    async def create(self, model: str, prefix: str, sample_url: str, language: str) -> str:
        """Have a voice made for this synthesis model; its id, which cannot speak yet."""
        asked: dict[str, Any] = {"target_model": model, "prefix": prefix, "url": sample_url}
        hint = language.partition("-")[0]
        if hint in _LANGUAGES:
            asked["language_hints"] = [hint]
        output = await self._service.ask("create_voice", asked)
        if not (voice := said(output, "voice_id")):
            raise ProviderUnavailable("tts", "the service made a voice without saying which")
        return voice

    async def progress(self, voice: str) -> Progress:
        """How far its making is."""
        output = await self._service.ask("query_voice", {"voice_id": voice})
        return _PROGRESS.get(said(output, "status"), "deploying")

    async def delete(self, voice: str) -> None:
        """Delete it."""
        await self._service.ask("delete_voice", {"voice_id": voice})

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._service.aclose()
