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

    def _refused(self, error: ProviderError, left_out: frozenset[str]) -> frozenset[str]:
        """Which parameter the model minded, only trying can tell, unless it names one."""
        named = super()._refused(error, left_out)
        if named or not error.vendor_code.startswith(_INVALID):
            return named
        return frozenset(_NO_THINKING)
