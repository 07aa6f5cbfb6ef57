"""What a client asks for during a turn is for the next: what is told, kept and charged of this one is as it began."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from backend.ports import NO_TURN, Message, TurnBill, TurnRef
from backend.protocol.events import CallConfig
from backend.protocol.frames import EventFrame
from backend.store.memory import MemoryStore
from tests.support.simulated import Simulation
from tests.support.virtual import virtually


class Ledger(MemoryStore):
    """Keeps under which turn and persona something was kept."""

    def __init__(self) -> None:
        super().__init__(20)
        self.kept: list[tuple[str, int, str | None]] = []

    async def append(self, sid: str, messages: Sequence[Message], ref: TurnRef = NO_TURN, sent: str = "") -> None:
        self.kept.append(("words", ref.turn, ref.persona))
        await super().append(sid, messages, ref, sent)

    def account(self, sid: str, ref: TurnRef, bill: TurnBill) -> None:
        self.kept.append(("bill", ref.turn, ref.persona))
        super().account(sid, ref, bill)


async def type_over(sim: Simulation) -> None:
    sim.line.tell("UserText", {"text": "换个话题"})


async def stop_and_type(sim: Simulation) -> None:
    sim.line.tell("BotInterrupt")
    sim.line.tell("UserText", {"text": "换个话题"})


async def speak_over(sim: Simulation) -> None:
    await sim.speak("等一下我想问你别的")


@pytest.mark.parametrize("cut_off", [type_over, stop_and_type, speak_over])
def test_a_turn_is_told_and_kept_under_the_configuration_that_it_began_with(
    cut_off: Callable[[Simulation], Awaitable[None]],
) -> None:
    store = Ledger()

    async def call() -> list[tuple[str, int | None]]:
        sim = Simulation(config=CallConfig(barge_in=True, persona="first"), store=store)
        async with sim.call():
            sim.line.tell("UserText", {"text": "在吗"})
            await sim.line.until("TTSSentenceStart")
            sim.line.tell("BotUpdateConfig", {"turn_ids": True, "events": ["TurnMetrics"], "persona": "second"})
            await asyncio.sleep(0.1)
            await cut_off(sim)
            await sim.line.until("TurnMetrics")
            return [(frame.event, frame.turn) for _, frame in sim.line.frames if isinstance(frame, EventFrame)]

    told = virtually(call())

    of_the_first = told[: told.index(("SentenceRecognized", 2))]
    assert {number for _, number in of_the_first} == {None}
    assert of_the_first[-1] == ("TTSDone", None)
    assert [entry for entry in told if entry[0] == "TurnMetrics"] == [("TurnMetrics", 2)]
    assert store.kept == [
        *(("words", 1, "first"), ("bill", 1, "first")),
        *(("words", 2, "second"), ("bill", 2, "second")),
    ]


class BrokenStore(MemoryStore):
    async def append(self, sid: str, messages: Sequence[Message], ref: TurnRef = NO_TURN, sent: str = "") -> None:
        raise RuntimeError("a fault of our own")


@pytest.mark.parametrize(("turn_ids", "number"), [(True, 0), (False, None)])
def test_a_call_that_breaks_says_so_in_frames_like_all_others(turn_ids: bool, number: int | None) -> None:
    async def call() -> EventFrame:
        sim = Simulation(config=CallConfig(turn_ids=turn_ids), store=BrokenStore(20))
        async with sim.call():
            sim.line.tell("UserText", {"text": "在吗"})
            await sim.line.until("BotError")
        assert sim.line.closed == 1011
        frame = sim.line.frames[-1][1]
        assert isinstance(frame, EventFrame)
        return frame

    error = virtually(call())

    assert (error.event, error.payload["error"]["code"], error.turn) == ("BotError", "Internal", number)
