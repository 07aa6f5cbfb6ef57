"""What an engine answers in a chat, as far as the client wants it, and what it costs."""

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast

from backend.errors import ProviderError
from emulator.ark_request import ArkError, Asked
from emulator.engines.scripted import Thought
from emulator.house import House
from emulator.stop_strings import StopStrings

log = logging.getLogger(__name__)


class Reply:
    """The engine's tokens, counted and bounded; what was said so far is kept for the whole answer and its price."""

    def __init__(self, house: House, tokens: AsyncIterator[str], asked: Asked, *, thinking: bool) -> None:
        self._tokens = tokens
        self._asked = asked
        self._thinking = thinking
        self._stop = StopStrings(asked.stop)
        prompt = _count(asked.chat.messages)
        self._item = house.invoice.thinks(asked.chat.model, prompt, house.script.cached_tokens)
        self._thought_tokens = 0
        self._spoken_tokens = 0
        self.text = ""
        self.thoughts = ""
        self.finish_reason = "stop"

    async def __aiter__(self) -> AsyncIterator[str]:
        """The tokens, no more than were asked for."""
        async with aclosing(_told(self._tokens)) as tokens:
            async for token in tokens:
                if isinstance(token, Thought):
                    if self._thinking:
                        yield self._thought(token)
                elif self._spoken_tokens == self._asked.max_tokens:
                    self.finish_reason = "length"
                    break
                elif text := self._spoken(token):
                    yield text
                if self._stop.reached:
                    return
        if rest := self._stop.rest():
            self.text += rest
            yield rest

    def _thought(self, token: Thought) -> Thought:
        self._item.completion += 1
        self._thought_tokens += 1
        self.thoughts += token
        return token

    def _spoken(self, token: str) -> str:
        """What a token adds to what can be told by now."""
        self._item.completion += 1
        self._spoken_tokens += 1
        text = self._stop.feed(token)
        self.text += text
        return text

    def void(self) -> None:
        """It failed before it had said anything: nobody is billed for it."""
        self._item.void = not self._item.completion

    def usage(self) -> dict[str, Any]:
        """What it cost so far."""
        prompt = self._item.prompt
        completion = self._spoken_tokens + self._thought_tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": self._item.cached},
            "completion_tokens_details": {"reasoning_tokens": self._thought_tokens},
        }


def _count(messages: Sequence[Mapping[str, Any]]) -> int:
    """Tokens of a prompt: a character each, for no engine tells better."""
    return sum(len(json.dumps(message.get("content"), ensure_ascii=False)) for message in messages)


async def _told(tokens: AsyncIterator[str]) -> AsyncGenerator[str, None]:
    """An engine's tokens; where it fails, the client is told in the vendor's words."""
    try:
        async with aclosing(cast("AsyncGenerator[str, None]", tokens)) as spoken:
            async for token in spoken:
                yield token
    except ProviderError as error:
        raise ArkError(500, error.reason) from error
    except Exception as error:
        log.exception("chat.failed")
        raise ArkError(500, "internal error") from error
