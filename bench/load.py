"""The callers: each sends a frame every 100 ms, speaks when it has listened long enough, and notes what it hears."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.plan import FRAME_MS, PAUSE_MS, SPEECH_MS

STAMP_BYTES: Final = 8
"""Of the sender's monotonic clock, in ns, in front of the relay's frames of sound."""

EVENT_KIND: Final = 0x9
SOUND_KIND: Final = 0xB

_JOIN_S: Final = 1.0
_GIVE_UP_S: Final = 15.0
_SENTENCE_AT: Final = 8


@dataclass(slots=True)
class Notes:
    """What the callers of one load noted, in ns of the machine's monotonic clock.

    Attributes:
        recognised: when the client was told of each utterance.
        first_sound: when the first sound of each reply came, by its sentence.
        replies: from an utterance's recognition to the end of its reply.
        in_flight_ns: of each of the relay's frames of sound, with the time of its arrival.
        late_ns: how late each frame was sent, by the caller's own fault.
        lost: turns that were begun and never ended.
    """

    recognised: dict[str, int] = field(default_factory=dict)
    first_sound: dict[str, int] = field(default_factory=dict)
    replies: list[tuple[int, int]] = field(default_factory=list)
    in_flight_ns: list[tuple[int, int]] = field(default_factory=list)
    late_ns: list[int] = field(default_factory=list)
    lost: int = 0
    errors: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


class Ears(Protocol):
    """What a caller makes of what comes down."""

    def take(self, message: bytes, now_ns: int) -> None:
        """One message."""

    def speaks(self, now: float) -> bool:
        """Whether the caller speaks now, in seconds of the event loop."""


class Conversation:
    """One call to our server: listen, speak, hear the answer."""

    def __init__(self, notes: Notes, speaks_at: float) -> None:
        self._notes = notes
        self._speaks_at = speaks_at
        self._recognised_ns = 0
        self._sentence = ""
        self._awaits_sound = False

    def take(self, message: bytes, now_ns: int) -> None:
        """An event, or sound."""
        if message[1] >> 4 == SOUND_KIND:
            if self._awaits_sound:
                self._awaits_sound = False
                self._notes.first_sound[self._sentence] = now_ns
            return
        event = json.loads(message[_SENTENCE_AT:])
        match event["event"]:
            case "SentenceRecognized":
                self._recognised_ns = now_ns
                self._awaits_sound = True
                self._notes.recognised[event["payload"]["sentence"]] = now_ns
            case "TTSSentenceStart":
                self._sentence = event["payload"]["sentence"]
            case "TTSDone":
                self._notes.replies.append((self._recognised_ns, now_ns))
                self._speaks_at = now_ns / 1e9 + PAUSE_MS / 1000
            case "BotError":
                self._notes.errors += 1

    def speaks(self, now: float) -> bool:
        """Speech begins at its time and lasts as long as planned; a turn that never ends is given up."""
        if now > self._speaks_at + _GIVE_UP_S:
            self._notes.lost += 1
            self._speaks_at = now
        return self._speaks_at <= now < self._speaks_at + SPEECH_MS / 1000


class Trickle:
    """One connection through the relay: what comes down says itself when it was sent."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def take(self, message: bytes, now_ns: int) -> None:
        """Sound begins with its time stamp; the rest is as long as our server's events are."""
        if message[1] >> 4 == SOUND_KIND:
            sent_ns = int.from_bytes(message[_SENTENCE_AT : _SENTENCE_AT + STAMP_BYTES], "big")
            self._notes.in_flight_ns.append((now_ns, now_ns - sent_ns))

    def speaks(self, now: float) -> bool:
        """All bytes are alike to a relay."""
        return False


@asynccontextmanager
async def conversations(url: str, calls: int, settle_s: float, frame_ms: int = FRAME_MS) -> AsyncIterator[Notes]:
    """So many calls to our server, their first words spread over the time that they have to settle."""
    notes = Notes()
    chance = random.Random(calls)
    now = time.monotonic()
    ears = [Conversation(notes, now + _JOIN_S + chance.uniform(0, settle_s)) for _ in range(calls)]
    async with _calling(url, notes, list(ears), chance, frame_ms):
        yield notes


@asynccontextmanager
async def trickles(url: str, calls: int) -> AsyncIterator[Notes]:
    """So many connections through the relay."""
    notes = Notes()
    async with _calling(url, notes, [Trickle(notes) for _ in range(calls)], random.Random(calls), FRAME_MS):
        yield notes


@asynccontextmanager
async def _calling(
    url: str, notes: Notes, ears: list[Ears], chance: random.Random, frame_ms: int
) -> AsyncIterator[None]:
    start = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(_call(url, notes, each, start + chance.uniform(0, _JOIN_S), frame_ms)) for each in ears
        ]
        try:
            yield
        finally:
            for task in running:
                task.cancel()


async def _call(url: str, notes: Notes, ears: Ears, begins_at: float, frame_ms: int) -> None:
    await _until(begins_at)
    try:
        async with (
            connect(url, compression=None, max_size=None, proxy=None, close_timeout=1) as socket,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(_send(socket, notes, ears, frame_ms))
            tasks.create_task(_receive(socket, notes, ears))
    except* (OSError, WebSocketException):  # refused, or cut off: the load goes on without this call
        notes.errors += 1


async def _send(socket: ClientConnection, notes: Notes, ears: Ears, frame_ms: int) -> None:
    opening = b"\x11\x20\x00\x00" + (frame_ms * 32).to_bytes(4, "big")
    silence, speech = opening + bytes(frame_ms * 32), opening + b"\x00\x20\x00\xe0" * (frame_ms * 8)
    due = time.monotonic()
    while True:
        await _until(due)
        now = time.monotonic()
        notes.late_ns.append(round(1e9 * (now - due)))
        frame = speech if ears.speaks(now) else silence
        await socket.send(frame)
        notes.bytes_up += len(frame)
        due += frame_ms / 1000


async def _receive(socket: ClientConnection, notes: Notes, ears: Ears) -> None:
    async for message in socket:
        now_ns = time.monotonic_ns()
        if isinstance(message, bytes):
            notes.bytes_down += len(message)
            ears.take(message, now_ns)


async def _until(due: float) -> None:
    await asyncio.sleep(max(0.0, due - time.monotonic()))
