"""A client that interrupts hears what belongs to the turn, and speaks when told to."""

import asyncio

import pytest

from backend.protocol.frames import AudioFrame, EventFrame, encode
from bench.ears import Ears, Mouth
from bench.voice import speech
from bench.wire import Wire, masked


class Written(Wire):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[bytes] = asyncio.Queue()

    def write(self, frame: bytes) -> None:
        self.frames.put_nowait(frame)


async def test_it_notes_sound_the_interruption_and_the_end() -> None:
    ears = Ears()

    for frame in (
        AudioFrame(b"sound", 3),
        EventFrame("BotInterrupted", {"spoken": ""}, 3),
        EventFrame("TTSDone", {}, 3),
    ):
        ears.take(encode(frame))

    assert len(ears.sound_ns) == 1
    assert 0 < ears.sound_ns[0] <= ears.told_ns <= ears.done_ns
    assert ears.sounds.is_set()
    assert ears.done.is_set()


async def test_what_it_says_is_an_event_of_our_wire() -> None:
    ears = Ears()
    wire = ears.wire = Written()

    ears.tell("BotInterrupt", {})

    body = b'{"event": "BotInterrupt", "payload": {}}'
    assert wire.frames.get_nowait() == masked(b"\x11\x10\x10\x00" + len(body).to_bytes(4, "big") + body)


@pytest.mark.parametrize("speaks", [False, True])
async def test_a_mouth_sends_silence_until_it_is_told_to_speak(speaks: bool) -> None:
    wire = Written()
    mouth = Mouth(wire)
    if speaks:
        mouth.begin()
    running = asyncio.create_task(mouth.run())

    frames = [await wire.frames.get() for _ in range(3)]
    running.cancel()

    sounds = [pcm for pcm in speech().frames(20) if any(pcm)]
    assert any(frame.endswith(pcm) for frame in frames for pcm in sounds) is speaks
    assert bool(mouth.began_ns) is speaks
