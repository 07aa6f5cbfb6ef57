"""Conversations with a summary of their earlier messages, as they are read: see `backend.store.asking`."""

from typing import cast

from backend.past import headed
from backend.ports import Message, Role
from backend.store.asking import Ask, Script


def read(sid: str, most: int, owner: str) -> Script[tuple[Message, ...]]:
    """The newest messages that are not in the summary, as the caller heard them, behind the summary.

    Nothing of a conversation that is somebody else's. Both questions ask: it may be taken up between them.
    """
    asked = {"sid": sid, "owner": owner}
    known = (yield Ask("summary", asked)).rows
    summary, folded = known[0] if known else ("", 0)
    rows = (yield Ask("newest_messages", {**asked, "folded": folded or 0, "most": most})).rows
    said = (Message(cast(Role, role), text if heard is None else heard) for role, text, heard in rows[::-1])
    return headed(summary or "", said)
