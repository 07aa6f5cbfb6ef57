"""The chunks of a streamed answer, read from the bytes of the response.

The libraries would make an object of every chunk, with every field checked; that takes longer than all else a reply
costs, for two strings.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from backend.ports import ChatUsage
from backend.protocol.json_text import parse_json
from backend.providers.event_stream import EventStream

_DONE: Final = b"[DONE]"
_LAST_BYTES_S: Final = 0.25


class StreamError(Exception):
    """The service reports an error in the middle of its answer.

    Attributes:
        code, message: as the service says.
        response: with the headers that name the request.
    """

    def __init__(self, error: Any, response: Any) -> None:
        said = error if isinstance(error, dict) else {"message": error}
        self.code = said.get("code") or said.get("type")
        self.message = str(said.get("message") or "")
        self.response = response
        super().__init__(self.message)


class Chunks:
    """The open stream of one answer.

    Args:
        response: of the library's HTTP client, its body not yet read.
    """

    def __init__(self, response: Any) -> None:
        self._response = response
        self._bytes: AsyncIterator[bytes] = response.aiter_bytes()
        self._done = False

    async def __aiter__(self) -> AsyncIterator[Any]:
        """The chunks: any JSON value.

        Raises:
            StreamError: where one is an error.
            ValueError: where one is no JSON.
        """
        events = EventStream()
        async for received in self._bytes:
            for data in events.feed(received):
                if data.startswith(_DONE):
                    self._done = True
                    return
                chunk = parse_json(data)
                if isinstance(chunk, dict) and (error := chunk.get("error")):
                    raise StreamError(error, self._response)
                yield chunk

    async def close(self) -> None:
        """End the request. One that was answered whole leaves its connection for the next."""
        if self._done:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_BYTES_S):
                    async for _ in self._bytes:
                        pass
        await self._response.aclose()


def read_chunk(chunk: Any) -> tuple[str, str, ChatUsage | None]:
    """Text, finish reason and usage of one chunk; what is missing or of another kind is empty."""
    choice = _first(_get(chunk, "choices"))
    text = _get(_get(choice, "delta"), "content")
    finish_reason = _get(choice, "finish_reason")
    return (
        text if isinstance(text, str) else "",
        finish_reason if isinstance(finish_reason, str) else "",
        _usage(_get(chunk, "usage")),
    )


def model_of(chunk: Any) -> str:
    """The model that really answers, where the chunk names it."""
    model = _get(chunk, "model")
    return model if isinstance(model, str) else ""


def _usage(value: Any) -> ChatUsage | None:
    prompt, completion = _get(value, "prompt_tokens"), _get(value, "completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    cached = _get(_get(value, "prompt_tokens_details"), "cached_tokens")
    return ChatUsage(prompt, completion, cached if isinstance(cached, int) else 0)


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None
