"""A client that interrupts: it asks by text, hears sound and events with their times, and may speak meanwhile."""

import asyncio
import json
import time
from typing import Final

from bench.dialects import SOUND_KIND, Ours
from bench.voice import speech
from bench.wire import Wire, masked

QUERY: Final = "&barge_in=true&turn_ids=true"
FRAME_MS: Final = 20
_HEAD_BYTES: Final = 12
_BYTES_PER_MS: Final = 32


class Ears:
    """One client with `turn_ids`: 12 bytes in front of each body."""

    wire: Wire

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Before the next question."""
        self.sounds, self.done = asyncio.Event(), asyncio.Event()
        self.sound_ns: list[int] = []
        self.cut_ns = self.told_ns = self.done_ns = 0

    def tell(self, event: str, payload: dict[str, str]) -> None:
        """Say something."""
        body = json.dumps({"event": event, "payload": payload}).encode()
        self.wire.write(masked(b"\x11\x10\x10\x00" + len(body).to_bytes(4, "big") + body))

    def take(self, message: bytes) -> None:
        """Whatever comes down."""
        now_ns = time.monotonic_ns()
        if message[1] >> 4 == SOUND_KIND:
            self.sound_ns.append(now_ns)
            self.sounds.set()
            return
        match json.loads(message[_HEAD_BYTES:])["event"]:
            case "BotInterrupted":
                self.told_ns = now_ns
            case "TTSDone":
                self.done_ns = now_ns
                self.done.set()


class Mouth:
    """Sends a frame every 20 ms: silence, or speech from when it is told to begin."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._frames = [masked(Ours().audio(pcm)) for pcm in speech().frames(FRAME_MS)]
        self._quiet = masked(Ours().audio(bytes(FRAME_MS * _BYTES_PER_MS)))
        self._speaks = False
        self.began_ns = 0

    def begin(self) -> None:
        """Speak, from the sentence's first loud frames on."""
        self._speaks, self.began_ns = True, 0

    def stop(self) -> None:
        """Fall silent."""
        self._speaks = False

    async def run(self) -> None:
        """Until cancelled."""
        due, place = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            place = (place + 1) % len(self._frames) if self._speaks else 0
            if self._speaks and not self.began_ns:
                self.began_ns = time.monotonic_ns()
            self._wire.write(self._frames[place] if self._speaks else self._quiet)
            due += FRAME_MS / 1000
