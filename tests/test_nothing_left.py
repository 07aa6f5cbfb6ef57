"""A call that is over is freed at once: what waits for the collector holds memory, and holds all up in the end."""

import asyncio
import gc
import weakref
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from backend.access.door import Door
from backend.access.settings import AccessSettings
from backend.connections.guarded_socket import GuardedSocket
from backend.protocol.frames import EventFrame
from backend.providers.volcengine.asr_session import AsrSession
from backend.session import CallSession
from backend.shell.delivery import Delivery
from backend.shell.ears import Ears
from backend.turn import Turn
from tests.support.caller import Caller
from tests.support.switchboard import Switchboard, answering
from tests.test_calls import calling, script

pytestmark = pytest.mark.usefixtures("without_the_collector")
PARTS = (CallSession, GuardedSocket, Ears, Turn, Delivery, AsrSession)


class Parts:
    """Those of a call that are there when it is made, and whether they are gone."""

    def __init__(self) -> None:
        loop, self.gone = asyncio.get_running_loop(), asyncio.Event()
        self._there = dict[weakref.ref[object], str]()

        def forget(part: weakref.ref[object]) -> None:
            del self._there[part]
            if not self._there and not loop.is_closed():
                loop.call_soon(self.gone.set)

        for each in gc.get_objects():
            if type(each) in PARTS:
                self._there[weakref.ref(each, forget)] = type(each).__name__

    @property
    def left(self) -> list[str]:
        """Their kinds."""
        return sorted(self._there.values())


async def freed(parts: Parts) -> list[str]:
    """What is not, after a while that is long enough for every socket to be closed."""
    try:
        async with asyncio.timeout(10):
            await parts.gone.wait()
    except TimeoutError:
        return parts.left
    return []


async def spoken_to(caller: Caller) -> Parts:
    """In the middle of a reply."""
    await caller.speak()
    while not isinstance(frame := await caller.next(), EventFrame) or frame.event != "TTSSentenceStart":
        pass
    return Parts()


@pytest.mark.parametrize("politely", [True, False])
async def test_nothing_of_a_call_waits_for_the_collector(politely: bool) -> None:
    async with calling(script(hears=["你好吗？"], replies=["还不错呀。" * 40]), {"delivery": "stream"}) as (caller, _):
        parts = await spoken_to(caller)
        assert {"CallSession", "GuardedSocket", "Ears", "Turn", "Delivery"} <= set(parts.left)
        await (caller.socket.close() if politely else abort(caller))

        assert await freed(parts) == []


async def abort(caller: Caller) -> None:
    """Leave without a word."""
    caller.socket.transport.abort()


class Watching(Door):
    """Notes what there is of a handshake while it is judged."""

    parts: Parts

    def judge_call(self, *arguments: Any) -> Any:
        """As usual."""
        self.parts = Parts()
        return super().judge_call(*arguments)


async def test_nothing_of_a_refused_handshake_waits_for_the_collector() -> None:
    door = Watching(AccessSettings(access_token="secret"))
    async with answering(Switchboard(door=door)) as board:
        with pytest.raises(InvalidStatus):
            await connect(board.url)

        assert set(door.parts.left) <= {"GuardedSocket"}
        assert await freed(door.parts) == []
