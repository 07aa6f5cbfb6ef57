"""A conversation as it is handed on: its latest messages, and before them what is remembered of the earlier ones.

The summary, where there is one, is the first message and has the role `system`; no other message has it.
"""

from collections.abc import Iterable

from backend.ports import Message


def headed(summary: str, messages: Iterable[Message]) -> tuple[Message, ...]:
    """The messages, behind the summary of what came before them; empty for none."""
    return (Message("system", summary), *messages) if summary else tuple(messages)


def parted(past: Iterable[Message]) -> tuple[str, tuple[Message, ...]]:
    """The summary, or nothing, and the messages."""
    messages = tuple(past)
    if messages and messages[0].role == "system":
        return messages[0].text, messages[1:]
    return "", messages
