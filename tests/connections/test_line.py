"""A client that reads nothing is hung up on in time, on whichever event loop the server runs."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from backend.process.loop import loop_factory
from tests.support.caller import dialled
from tests.support.fakes import FakeModel, FakeSynthesizer
from tests.support.switchboard import Switchboard, answering

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop] | None] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": loop_factory(),
}


class LongWinded(FakeSynthesizer):
    """A sentence is half a megabyte of sound."""

    def sound_of(self, text: str) -> list[object]:  # type: ignore[override]
        return [type(sound)(sound.data * (500_000 // len(sound.data))) for sound in super().sound_of(text)]


@pytest.mark.parametrize("loop", LOOPS)
def test_who_reads_nothing_is_hung_up_on_and_nothing_crashes(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    if (factory := LOOPS[loop]) is None:
        pytest.skip("uvloop is not installed")
    board = Switchboard(model=FakeModel([["好的。" * 2] * 20]), synthesizer=LongWinded(pieces=1), blocked_write_s=0.3)

    async def test() -> None:
        async with answering(board), dialled(board.url, delivery="stream") as caller:
            caller.socket.transport.pause_reading()
            await caller.send("UserText", {"text": "说吧"})
            assert board.reception is not None
            async with asyncio.timeout(20):
                await board.reception.all_ended()

    with caplog.at_level(logging.WARNING), asyncio.Runner(loop_factory=factory) as runner:
        runner.run(test())

    told = [record.getMessage() for record in caplog.records]
    assert "line.blocked" in told
    assert "call.crashed" not in told
