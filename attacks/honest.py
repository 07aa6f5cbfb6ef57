"""Honest callers while others attack, in a process of their own: `python -m attacks.honest URL TOKEN SECONDS`.

Each talks, and asks every 50 ms for an answer that costs nothing, whose delay is what a caller feels of an attack. Each says its
name, which the scripted friend says back, and has a loudness of its own, as have the attackers: so whose words and whose sound
arrive can be told. Prints one line of JSON.
"""

import array
import asyncio
import json
import re
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

CALLERS: Final = 4
ATTACKER: Final = "attacker"
ATTACKERS_VOLUME: Final = 2.0
_VOLUMES: Final = (0.5, 0.7, 1.2, 1.5)
_PEAK: Final = 8000
"""Of the scripted voice's tone, at a volume of 1."""
_NEAR: Final = 0.06
_LEAST_SAMPLES: Final = 240
"""Ten milliseconds hold four peaks of the tone; shorter pieces are the ends of sentences."""
_NAMES: Final = re.compile(rf"(?:caller|{ATTACKER})\d+")
_EVERY_S: Final = 0.05
_PULSE_S: Final = 0.005
_ADDRESS: Final = "127.0.0.2"
_PATIENCE_S: Final = 30.0


@dataclass
class Caller:
    """One call and what it noticed."""

    name: str
    delays_ms: list[float] = field(default_factory=list)
    turns: int = 0
    foreign: int = 0
    sounds: int = 0
    volume: float = 1.0
    cut_off: bool = False
    _asked: dict[str, float] = field(default_factory=dict)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def talk(self, socket: ClientConnection, seconds: float) -> None:
        """Be on the line for so long."""
        tasks = [asyncio.create_task(work(socket)) for work in (self._hear, self._ask, self._chat)]
        await asyncio.sleep(seconds)
        self.cut_off = any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await socket.close()

    async def _ask(self, socket: ClientConnection) -> None:
        for number in range(10**9):
            name = f"{self.name}-{number}"
            self._asked[name] = time.perf_counter()
            await socket.send(_event(name, {}))
            await asyncio.sleep(_EVERY_S)

    async def _chat(self, socket: ClientConnection) -> None:
        for number in range(10**9):
            self._over.clear()
            await socket.send(_event("UserText", {"text": f"我是{self.name}，第{number}句。"}))
            await self._over.wait()
            self.turns += 1

    async def _hear(self, socket: ClientConnection) -> None:
        async for message in socket:
            data = message if isinstance(message, bytes) else message.encode()
            if data[1] >> 4 == 0xB:
                self.listen_to(data[8:])
            else:
                told = json.loads(data[8:])
                self.understand(told["event"], told["payload"], time.perf_counter())

    def listen_to(self, pcm: bytes) -> None:
        """Whether it is as loud as this caller's own friend."""
        samples = array.array("h", pcm[: len(pcm) // 2 * 2])
        if len(samples) < _LEAST_SAMPLES:
            return
        self.sounds += 1
        peak = max(*samples, -min(samples))
        self.foreign += abs(peak / _PEAK - self.volume) > _NEAR * self.volume

    def understand(self, event: str, payload: dict[str, Any], now: float) -> None:
        """Whether it is about this caller, and what it answers."""
        said = json.dumps(payload, ensure_ascii=False)
        self.foreign += any(name != self.name for name in _NAMES.findall(said))
        if event == "TTSDone":
            self._over.set()
        if event == "BotError" and payload["error"]["code"] == "BadEvent":
            name = said.split("'")[1] if "'" in said else ""
            if (began := self._asked.pop(name, None)) is not None:
                self.delays_ms.append(1000 * (now - began))


def _event(name: str, payload: dict[str, Any]) -> bytes:
    body = json.dumps({"event": name, "payload": payload}).encode()
    return b"\x11\x10\x10\x00" + len(body).to_bytes(4, "big") + body


async def dial(url: str, token: str, volume: float = 1.0) -> ClientConnection:
    """On the line; who is told that the server is busy tries again, as the page does."""
    headers = {"Authorization": f"Bearer {token}"}
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            try:
                return await connect(
                    f"{url}?delivery=stream&audio_format=pcm&volume={volume}",
                    additional_headers=headers,
                    compression=None,
                    local_addr=(_ADDRESS, 0),
                )
            except InvalidStatus:
                await asyncio.sleep(0.3)


async def listen(url: str, token: str, seconds: float) -> dict[str, float]:
    """What the callers noticed, all together; says `calling` when they are on the line."""
    callers = [Caller(f"caller{number}", volume=_VOLUMES[number]) for number in range(CALLERS)]
    lines = [await dial(url, token, caller.volume) for caller in callers]
    print("calling", flush=True)
    late_ms = list[float]()
    pulse = asyncio.create_task(_pulse(late_ms))
    await asyncio.gather(*(caller.talk(line, seconds) for caller, line in zip(callers, lines, strict=True)))
    pulse.cancel()
    cuts = _hundredths([ms for caller in callers for ms in caller.delays_ms])
    return {
        "answers": sum(len(caller.delays_ms) for caller in callers),
        "p50_ms": round(cuts[49], 2),
        "p99_ms": round(cuts[98], 2),
        "late_p99_ms": round(_hundredths(late_ms)[98], 2),
        "turns": sum(caller.turns for caller in callers),
        "sounds": sum(caller.sounds for caller in callers),
        "foreign": sum(caller.foreign for caller in callers),
        "cut_off": sum(caller.cut_off for caller in callers),
    }


async def _pulse(late_ms: list[float]) -> None:
    """How late these callers themselves are, whom nobody answers here: what their own core makes them wait."""
    while True:
        due = time.perf_counter() + _PULSE_S
        await asyncio.sleep(_PULSE_S)
        late_ms.append(1000 * (time.perf_counter() - due))


def _hundredths(values: list[float]) -> list[float]:
    return statistics.quantiles(values, n=100) if len(values) > 1 else [float("inf")] * 99


if __name__ == "__main__":
    print(json.dumps(asyncio.run(listen(sys.argv[1], sys.argv[2], float(sys.argv[3])))), flush=True)
