"""The far end of the relay: takes the callers' frames, and sends a reply's worth of events and sound in every turn.

`python -m bench.upstream PORT`
"""

import asyncio
import random
import sys
import time
from typing import Final

from websockets.asyncio.server import ServerConnection, serve

from bench.dialects import EVENT_KIND, SOUND_KIND, STAMP_BYTES
from bench.plan import TTS_PIECE_MS, reply_pieces, turn_s

EVENT_BYTES: Final = 90
_EVENTS: Final = 4


async def upstream(port: int) -> None:
    """Serve until cancelled."""
    async with serve(answer, "127.0.0.1", port, compression=None):
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


async def answer(caller: ServerConnection) -> None:
    """Hear one caller out, and talk meanwhile."""
    async with asyncio.TaskGroup() as tasks:
        talking = tasks.create_task(talk(caller))
        async for _ in caller:
            pass
        talking.cancel()


async def talk(caller: ServerConnection) -> None:
    """Reply after reply, a turn's length apart."""
    due = time.monotonic() + random.uniform(0, turn_s())
    while True:
        await asyncio.sleep(due - time.monotonic())
        for _ in range(_EVENTS):
            await caller.send(frame(EVENT_KIND, bytes(EVENT_BYTES)))
        for size in reply_pieces():
            stamp = time.monotonic_ns().to_bytes(STAMP_BYTES, "big")
            await caller.send(frame(SOUND_KIND, stamp + bytes(size - STAMP_BYTES)))
            await asyncio.sleep(TTS_PIECE_MS / 1000)
        due += turn_s()


def frame(kind: int, body: bytes) -> bytes:
    """A frame of our wire's shape."""
    return bytes((0x11, kind << 4, 0, 0)) + len(body).to_bytes(4, "big") + body


if __name__ == "__main__":
    asyncio.run(upstream(int(sys.argv[1])))
