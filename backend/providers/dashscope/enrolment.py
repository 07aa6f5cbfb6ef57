"""Voice cloning over HTTP: a voice is made from a sample that the service fetches by its address.

Source: Model Studio docs "cosyvoice-clone-api".
"""

import asyncio
import importlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from backend.errors import ProviderTimeout, ProviderUnavailable
from backend.providers.dashscope.failures import Failures
from backend.providers.dashscope.wire import said
from backend.providers.sockets import is_loopback

if TYPE_CHECKING:  # slow to import, and most servers clone no voice
    import aiohttp

PATH: Final = "/services/audio/tts/customization"
GONE: Final = "BadRequest.ResourceNotExist"
"""The service's code for a voice that it does not have."""

Progress = Literal["deploying", "ready", "refused"]

_MOST_BYTES: Final = 256 * 1024
_LANGUAGES: Final = frozenset(("zh", "en", "fr", "de", "ja", "ko", "ru", "pt", "th", "id", "vi"))
_PROGRESS: Final[dict[str, Progress]] = {"OK": "ready", "UNDEPLOYED": "refused"}


@dataclass(frozen=True, slots=True)
class EnrolmentConfig:
    """Where voices are cloned.

    Attributes:
        url: of the vendor's native API, up to and including `/api/v1`.
        timeout_s: of one request; the service fetches the sample while it lasts.
    """

    api_key: str = field(repr=False)
    url: str
    timeout_s: float = 30.0


class VoiceEnrolment:
    """An account's cloned voices. Every method may raise `ProviderError`."""

    def __init__(self, config: EnrolmentConfig) -> None:
        self._config = config
        self._failures = Failures("tts", config.api_key)
        self._http: aiohttp.ClientSession | None = None

    async def create(self, model: str, prefix: str, sample_url: str, language: str) -> str:
        """Have a voice made for this synthesis model; its id, which cannot speak yet."""
        asked: dict[str, Any] = {"target_model": model, "prefix": prefix, "url": sample_url}
        hint = language.partition("-")[0]
        if hint in _LANGUAGES:
            asked["language_hints"] = [hint]
        output = await self._ask("create_voice", asked)
        if not (voice := said(output, "voice_id")):
            raise ProviderUnavailable("tts", "the service made a voice without saying which")
        return voice

    async def progress(self, voice: str) -> Progress:
        """How far it is."""
        output = await self._ask("query_voice", {"voice_id": voice})
        return _PROGRESS.get(said(output, "status"), "deploying")

    async def delete(self, voice: str) -> None:
        """Have it gone."""
        await self._ask("delete_voice", {"voice_id": voice})

    async def aclose(self) -> None:
        """Let go of the connection."""
        if self._http is not None:
            await self._http.close()

    async def _ask(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        body = {"model": "voice-enrollment", "input": {"action": action, **asked}, "parameters": {}}
        headers = {"Authorization": f"Bearer {self._config.api_key}"}
        aiohttp = importlib.import_module("aiohttp")
        try:
            async with (
                asyncio.timeout(self._config.timeout_s),
                self._session(aiohttp.ClientSession).post(
                    self._config.url + PATH, json=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                status, answer = response.status, await _bounded(response)
        except TimeoutError as exc:
            raise ProviderTimeout("tts", "voice cloning did not answer in time") from exc
        except aiohttp.ClientError as exc:
            raise ProviderUnavailable("tts", "voice cloning could not be reached") from exc
        if status != 200:
            raise self._failures.of_answer(status, answer)
        return _output(answer)

    def _session(self, make: "type[aiohttp.ClientSession]") -> "aiohttp.ClientSession":
        if self._http is None:
            host = urlsplit(self._config.url).hostname or ""
            self._http = make(trust_env=not is_loopback(host))
        return self._http


async def _bounded(response: "aiohttp.ClientResponse") -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > _MOST_BYTES:
            raise ProviderUnavailable("tts", "voice cloning answered with too much")
    return bytes(data)


def _output(answer: bytes) -> dict[str, Any]:
    try:
        output = json.loads(answer)["output"]
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise ProviderUnavailable("tts", "voice cloning answered with something else than JSON") from exc
    return output if isinstance(output, dict) else {}
