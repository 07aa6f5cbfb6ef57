"""Heavy messages of all callers are read one at a time, and leave the others half of the time."""

import asyncio

import pytest

from backend.access.toll import cost_s
from backend.access.turnstile import HEAVY_S, Turnstile
from tests.support.caller import SPEECH_100_MS, audio_up, event_up


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


async def test_between_two_heavy_messages_the_others_have_as_long() -> None:
    clock = Clock()
    turnstile = Turnstile(clock, clock.sleep)
    passed = list[tuple[str, float]]()

    async def caller(name: str, cost: float) -> None:
        await turnstile.pass_through(cost)
        passed.append((name, round(clock.now - 100, 6)))

    await asyncio.gather(*(caller(name, 0.004) for name in "abc"))

    assert passed == [("a", 0.0), ("b", 0.008), ("c", 0.016)]


async def test_who_is_gone_holds_nobody_up() -> None:
    turnstile = Turnstile()
    await turnstile.pass_through(30.0)
    waiting = [asyncio.create_task(turnstile.pass_through(0.004)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    turnstile._free_at = 0.0

    second = asyncio.create_task(turnstile.pass_through(0.004))
    waiting[1].cancel()
    async with asyncio.timeout(5):
        await second


@pytest.mark.parametrize(
    "message", [audio_up(SPEECH_100_MS), event_up("UserText", {"text": "你好" * 200}), b"\x11\x20\x01\x00" + bytes(600)]
)
def test_what_callers_send_is_light(message: bytes) -> None:
    assert cost_s(message) < HEAVY_S


@pytest.mark.parametrize(
    "message",
    [b"\x11\x20\x01\x00" + bytes(20_000), b"\x11\x10\x10\x00" + bytes(10**6), b"\x11\x20\x00\x00" + bytes(10**6)],
)
def test_what_is_long_or_inflates_to_much_is_heavy(message: bytes) -> None:
    assert cost_s(message) >= HEAVY_S
