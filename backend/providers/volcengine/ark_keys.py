"""An account's key pair, exchanged for the temporary key that Ark's chat takes.

The SDK would do this by itself, but on the event loop, where every call would wait for it; and its asynchronous client
passes that step an argument which it does not take.
"""

import asyncio
import importlib
import json
import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from backend.errors import ProviderError, ProviderRefused, ProviderUnavailable
from backend.providers.volcengine.config import ArkConfig

log = logging.getLogger(__name__)

LIFETIME_S: Final = 7 * 24 * 3600
REFRESH_BEFORE_S: Final = 30 * 60

Exchange = Callable[[ArkConfig], tuple[str, float]]


class TemporaryKey:
    """The current key; a new one is fetched well before the old one expires, which serves on if that fails."""

    def __init__(self, config: ArkConfig, exchange: "Exchange | None" = None, clock: Callable[[], float] = time.time):
        self._config = config
        self._exchange = exchange or exchange_pair
        self._clock = clock
        self._key = ""
        self._expires = 0.0
        self._fetching = asyncio.Lock()

    async def get(self) -> str:
        """A key that is valid.

        Raises:
            ProviderError: there is none, and the exchange failed.
        """
        async with self._fetching:
            if self._expires - self._clock() < REFRESH_BEFORE_S:
                await self._refresh()
            return self._key

    async def _refresh(self) -> None:
        try:
            self._key, self._expires = await asyncio.to_thread(self._exchange, self._config)
        except ProviderError as error:
            if self._clock() >= self._expires:
                raise
            log.warning("ark.key_refresh_failed", extra={"reason": str(error)})


def exchange_pair(config: ArkConfig) -> tuple[str, float]:
    """Fetch a temporary key for the configured model. Blocks.

    Returns:
        The key, and when it expires, in seconds since 1970.
    """
    core: Any = importlib.import_module("volcenginesdkcore")
    ark: Any = importlib.import_module("volcenginesdkark")
    settings = core.Configuration()
    settings.ak, settings.sk, settings.region = config.access_key, config.secret_key, config.region
    settings.host = config.keys_url or None
    settings.connect_timeout = settings.read_timeout = config.connect_timeout_s
    settings.auto_retry = False
    asked = ark.GetApiKeyRequest(
        duration_seconds=LIFETIME_S, resource_type=_resource_type(config.model), resource_ids=[config.model]
    )
    if config.project and asked.resource_type == "presetendpoint":
        asked.project_name = config.project
    try:
        answer = ark.ARKApi(core.ApiClient(settings)).get_api_key(asked)
    except core.rest.ApiException as exc:
        raise _refusal(exc) from None  # its text holds the whole answer
    except Exception as exc:  # urllib3's, of which the SDK makes no error of its own
        raise ProviderUnavailable("llm", "the key pair could not be exchanged for a temporary key") from exc
    return answer.api_key, float(answer.expired_time)


def _resource_type(model: str) -> str:
    if model.startswith("bot-"):
        return "bot"
    own_endpoint = model.startswith("ep-") and not model.startswith("ep-m-")
    return "endpoint" if own_endpoint else "presetendpoint"


def _refusal(exc: Any) -> ProviderError:
    code, log_id = "", ""
    with suppress(ValueError, TypeError, KeyError):
        meta = json.loads(exc.body)["ResponseMetadata"]
        code, log_id = str(meta["Error"]["Code"]), str(meta.get("RequestId", ""))
    if not code and (found := re.search(r"'Code': '([\w.]+)'", str(exc.reason))):
        code = found[1]
    kind = ProviderUnavailable if not code or "Internal" in code or "Throttl" in code else ProviderRefused
    return kind("llm", "the key pair was not exchanged for a temporary key", vendor_code=code, log_id=log_id)
