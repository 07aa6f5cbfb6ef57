"""A socket that is not read from holds back its sender once what waits is heavy, or much."""

import asyncio

import pytest
from websockets.asyncio.messages import Assembler
from websockets.frames import Frame, Opcode

from backend.weighed_frames import WeighedFrames


def assembler(calls: list[str]) -> Assembler:
    made = Assembler(16, pause=lambda: calls.append("pause"), resume=lambda: calls.append("resume"))
    made.frames = WeighedFrames(1000)
    return made


@pytest.mark.parametrize(("size", "most"), [(10, 17), (1000, 17), (4000, 5), (100_000, 1)])
async def test_so_many_wait_before_no_more_is_read(size: int, most: int) -> None:
    calls = list[str]()
    messages = assembler(calls)
    count = 0
    while not calls:
        messages.put(Frame(Opcode.BINARY, bytes(size)))
        count += 1

    assert count == most
    while messages.frames.queue:
        await messages.get()
    assert calls == ["pause", "resume"]
    assert len(messages.frames) == 0


async def test_what_is_put_back_weighs_again() -> None:
    frames = WeighedFrames(1000)
    frames.put(Frame(Opcode.BINARY, bytes(5000)))
    taken = await frames.get()
    assert len(frames) == 0
    frames.put_back([taken])
    assert len(frames) == 5


async def test_a_reader_waits_for_the_first() -> None:
    frames = WeighedFrames(1000)
    waiting = asyncio.create_task(frames.get())
    await asyncio.sleep(0)
    frames.put(Frame(Opcode.BINARY, b"x"))
    assert (await waiting).data == b"x"
