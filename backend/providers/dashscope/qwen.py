"""Qwen, through DashScope's OpenAI-compatible service."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from backend.errors import ProviderError
from backend.providers.openai_chat import ChatConfig, OpenAiChat

_NO_THINKING: Final[Mapping[str, object]] = {"enable_thinking": False}
_INVALID: Final = ("invalid_parameter", "InvalidParameter")


class QwenChat(OpenAiChat):
    """`ChatModel` over Qwen, with its reasoning off: a caller does not wait for it.

    Newer models reason unless told not to; a model without the switch refuses it, and is then asked once without, and
    if that works, always.
    """

    def __init__(self, config: ChatConfig) -> None:
        super().__init__(replace(config, extra_body={**_NO_THINKING, **config.extra_body}))
        self._sends_thinking = True

    def _extra_body(self, *, amended: bool) -> Mapping[str, object]:
        extra = super()._extra_body(amended=amended)
        if self._sends_thinking and not amended:
            return extra
        return {name: value for name, value in extra.items() if name not in _NO_THINKING}

    def _can_amend(self, error: ProviderError) -> bool:
        """Which parameter the model minded, only trying can tell."""
        return self._sends_thinking and error.vendor_code.startswith(_INVALID)

    def _amend_always(self) -> None:
        super()._amend_always()
        self._sends_thinking = False
