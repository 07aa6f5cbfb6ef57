"""Callers that ask for everything and read nothing, and what the server holds for them."""

import asyncio
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from attacks.callers import ATTACKERS, FENCE, said, swarm
from attacks.outcome import Deadline, Outcome
from attacks.target import Target
from attacks.watch import Growth

HELD_MIB: Final = 4.5
"""What a server may hold more for each of them: 1.5 MiB of sound that lies ready, what is under way, and the call itself."""
HUNG_UP_ON_S: Final = 9.0
"""An attack that lasts for so long is on some that did not read for `BLOCKED_WRITE_S` (5) on end."""
_ASKS: Final = said("讲个很长很长的故事。" * 60)
_LOUDEST: Final = "&delivery=stream&audio_format=pcm&sample_rate=48000"


async def never_reading(target: Target, deadline: Deadline) -> Outcome:
    """Ask for a long story in the format that takes the most room, and for more, and read nothing."""
    outcome, lasts_s = Outcome(note="requests by callers that read nothing"), deadline.left_s

    async def attack(number: int, socket: ClientConnection) -> None:
        socket.transport.pause_reading()
        asked = False
        try:
            while not deadline.passed:
                async with asyncio.timeout(deadline.left_s + 0.1):
                    await socket.send(FENCE if asked else _ASKS)
                asked = True
                outcome.tried += 1
                await asyncio.sleep(0.02)
        except TimeoutError:  # it is over
            return
        except (ConnectionClosed, OSError):
            outcome.let_go += 1

    async with Growth(target) as growth:
        await swarm(target, deadline, attack, outcome, reads=False, query=_LOUDEST)
    outcome.note += f"; {outcome.let_go} times one was hung up on"
    outcome.harm += harm(growth.mib, ATTACKERS, outcome.let_go, lasts_s)
    return outcome


def harm(grown_mib: float, callers: int, hung_up_on: int, lasted_s: float) -> int:
    """How often they got what they must not get: memory without a bound, and a call without an end."""
    return (grown_mib > HELD_MIB * callers) + (lasted_s >= HUNG_UP_ON_S and hung_up_on == 0)
