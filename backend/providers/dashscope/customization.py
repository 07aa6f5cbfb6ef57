"""What an account makes for itself over HTTP, voices and lists of hot words: one shape of question for both.

Source: Model Studio docs "cosyvoice-clone-api", "vocabulary-http-api".
"""

import asyncio
import importlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from backend.errors import ProviderTimeout, ProviderUnavailable, Stage
from backend.providers.dashscope.failures import Failures
from backend.providers.sockets import is_loopback

if TYPE_CHECKING:  # slow to import, and most servers never ask
    import aiohttp

_MOST_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Counter:
    """One kind of thing that can be made. `name` is what people call the service."""

    stage: Stage
    name: str
    path: str
    model: str


VOICES: Final = Counter("tts", "voice cloning", "/services/audio/tts/customization", "voice-enrollment")
HOT_WORDS: Final = Counter("asr", "the service of hot words", "/services/audio/asr/customization", "speech-biasing")


@dataclass(frozen=True, slots=True)
class EnrolmentConfig:
    """Where an account's own things are made.

    Attributes:
        url: of the vendor's native API, up to and including `/api/v1`.
        timeout_s: of one request; the service fetches the sample of a voice while it lasts.
    """

    api_key: str = field(repr=False)
    url: str
    timeout_s: float = 30.0


class Customization:
    """Asks one counter. Every method may raise `ProviderError`."""

    def __init__(self, config: EnrolmentConfig, counter: Counter) -> None:
        self._config = config
        self._counter = counter
        self._failures = Failures(counter.stage, config.api_key)
        self._http: aiohttp.ClientSession | None = None

    async def ask(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        """One request; the `output` of its answer."""
        body = {"model": self._counter.model, "input": {"action": action, **asked}, "parameters": {}}
        headers = {"Authorization": f"Bearer {self._config.api_key}"}
        aiohttp = importlib.import_module("aiohttp")
        try:
            async with (
                asyncio.timeout(self._config.timeout_s),
                self._session(aiohttp.ClientSession).post(
                    self._config.url + self._counter.path, json=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                status, answer = response.status, await self._bounded(response)
        except TimeoutError as exc:
            raise ProviderTimeout(self._counter.stage, f"{self._counter.name} did not answer in time") from exc
        except aiohttp.ClientError as exc:
            raise self._unavailable("could not be reached") from exc
        if status != 200:
            raise self._failures.of_answer(status, answer)
        return self._output(answer)

    async def aclose(self) -> None:
        """Let go of the connection."""
        if self._http is not None:
            await self._http.close()

    def _session(self, make: "type[aiohttp.ClientSession]") -> "aiohttp.ClientSession":
        if self._http is None:
            host = urlsplit(self._config.url).hostname or ""
            self._http = make(trust_env=not is_loopback(host))
        return self._http

    async def _bounded(self, response: "aiohttp.ClientResponse") -> bytes:
        data = bytearray()
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) > _MOST_BYTES:
                raise self._unavailable("answered with too much")
        return bytes(data)

    def _output(self, answer: bytes) -> dict[str, Any]:
        try:
            output = json.loads(answer)["output"]
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            raise self._unavailable("answered with something else than JSON") from exc
        return output if isinstance(output, dict) else {}

    def _unavailable(self, what: str) -> ProviderUnavailable:
        return ProviderUnavailable(self._counter.stage, f"{self._counter.name} {what}")
