"""Who holds which conversation: the newest connection that asks for one takes it from the one before."""

import asyncio
import logging
from contextlib import suppress
from typing import Final, Protocol

from backend.ports import ConversationStore, TurnRef

log = logging.getLogger(__name__)

GIVE_UP_S: Final = 1.0
"""How long a newcomer waits for the older call to have kept its last words."""
WATCH_S: Final = 3.0
"""How often a server asks whether a call of another one has taken up a conversation of its own."""


class Held(Protocol):
    """A call, as far as its conversation is concerned."""

    id: str
    sid: str
    owner: str

    async def give_up(self) -> None:
        """End, because the conversation has been taken up elsewhere; returns when the last words are kept."""


class Holders:
    """The calls of this server by conversation. Those of other servers are known through the store, and later."""

    def __init__(self, store: ConversationStore) -> None:
        self._store = store
        self._calls: dict[str, Held] = {}

    async def take(self, call: Held) -> None:
        """The call takes up its conversation; an older call with it is ended first."""
        older = self._calls.get(call.sid)
        self._calls[call.sid] = call
        self._store.claim(call.sid, TurnRef(call.id, owner=call.owner))
        if older is not None:
            await _end(older)

    def release(self, call: Held) -> None:
        """The call is over."""
        if self._calls.get(call.sid) is call:
            del self._calls[call.sid]

    async def watch(self, every_s: float = WATCH_S) -> None:
        """End the calls whose conversations other servers' calls have taken up, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            asked = dict(self._calls)
            holders = await self._store.holders(tuple(asked))
            lost = (call for sid, call in asked.items() if holders.get(sid, call.id) != call.id)
            # the answer knows nothing of a call that came here meanwhile
            await asyncio.gather(*(_end(call) for call in lost if self._calls.get(call.sid) is call))


async def _end(call: Held) -> None:
    log.info("call.taken_over", extra={"session": call.sid})
    with suppress(TimeoutError):
        async with asyncio.timeout(GIVE_UP_S):
            await call.give_up()
