"""Chat models of Ark, through the Volcengine SDK's Ark runtime."""

import importlib
from typing import Any, Final

from backend.errors import ProviderError
from backend.protocol.json_text import json_bytes
from backend.providers.chat_failure import ChatClient
from backend.providers.chat_stream import Asked, ChatTimes, StreamedChat
from backend.providers.volcengine.ark_keys import TemporaryKey
from backend.providers.volcengine.config import ArkConfig

_PATH: Final = "/chat/completions"
_THINKING: Final = "thinking"
_INVALID_PARAMETER: Final = "InvalidParameter"


class ArkChat(StreamedChat):
    """`ChatModel` over Ark."""

    def __init__(self, config: ArkConfig) -> None:
        times = ChatTimes(
            config.first_token_timeout_s,
            config.token_timeout_s,
            config.connect_timeout_s,
            config.retry_backoff_s,
            config.keepalive_s,
            config.spares,
        )
        secrets = (config.api_key, config.secret_key, config.access_key)
        super().__init__(times, secrets, config.billed_as or config.model)
        self._config = config
        self._key = None if config.api_key else TemporaryKey(config)

    def _load(self) -> ChatClient:
        from backend.providers import chat_http  # noqa: PLC0415 - as slow to import as the rest

        runtime = importlib.import_module("volcenginesdkarkruntime")
        errors = importlib.import_module("volcenginesdkarkruntime._exceptions")
        httpx = importlib.import_module("httpx")
        connections = chat_http.ChatConnections(self._config.base_url, self._times)
        sdk = runtime.AsyncArk(
            api_key=self._config.api_key or "exchanged for each request",
            base_url=self._config.base_url,
            max_retries=0,  # the SDK would repeat a whole timeout, twice
            http_client=chat_http.http_client("httpx", connections, self._times),
        )
        return ChatClient(
            sdk,
            connections,
            (errors.ArkAPITimeoutError, httpx.TimeoutException),
            (errors.ArkError, httpx.HTTPError, *chat_http.ESCAPES),
            chat_http.was_cut,
            httpx.Response,
        )

    async def _create(self, client: ChatClient, messages: Asked, left_out: frozenset[str]) -> Any:
        config = self._config
        wishes: dict[str, Any] = {
            "model": config.model,
            "messages": messages,
            "temperature": config.temperature,
            "max_tokens": config.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._config.thinking_off and _THINKING not in left_out:
            wishes[_THINKING] = {"type": "disabled"}
        wishes = {name: wish for name, wish in wishes.items() if wish is not None} | dict(config.extra_body)
        options = {}
        if self._key is not None:
            options["headers"] = {"Authorization": f"Bearer {await self._temporary(self._key)}"}
        # as bytes: the SDK checks every field of what it is given as objects, which takes longer than all else
        return await client.sdk.post(
            _PATH, body=json_bytes(wishes), cast_to=client.response, stream=True, options=options
        )

    async def _temporary(self, keys: TemporaryKey) -> str:
        """The key of these days, which no error may tell: they are one a week."""
        key = await keys.get()
        if key not in self._secrets:
            self._secrets.append(key)
        return key

    def _refused(self, error: ProviderError, left_out: frozenset[str]) -> frozenset[str]:
        """A model without the switch for thinking refuses it; which parameter it minded, only trying can tell."""
        minded = self._config.thinking_off and error.vendor_code.startswith(_INVALID_PARAMETER)
        return frozenset({_THINKING} if minded else ())
