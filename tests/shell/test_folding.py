"""Summaries of what was said long ago: in the call, over the vendors' wires, and never in a turn's way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from backend import compose
from backend.call.moves import Fold, Folded
from backend.cast import Cast
from backend.cost.meter import Costs, Meter
from backend.errors import ProviderUnavailable
from backend.marks import TurnMarks
from backend.past import headed, parted
from backend.persona.shelf import Shelf
from backend.ports import ConversationStore, Message, TurnBill, TurnRef
from backend.protocol.frames import EventFrame
from backend.settings import load
from backend.shell.folding import Folder, FoldLimits
from backend.store.database import Database
from backend.store.kept import KeptStore
from backend.store.memory import MemoryStore
from backend.store.vault import KeepLimits
from emulator.engines.base import ChatEngine, ChatRequest
from emulator.script import Script
from tests.support.caller import PATIENCE_S, Caller, dialled, names
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.support.fakes import FakeModel
from tests.support.switchboard import PROMPT, Switchboard, answering

NOTES = "来电者叫欧阳蕊，在杭州念书。"
MORE_NOTES = NOTES + "喜欢唱歌。"
TASK = "你替乔青青记通话笔记"
SCRIPT = {"replies_always": "好。"}
WINDOW = {"VOICE_CALL_MAX_HISTORY": "10", "VOICE_CALL_SUMMARY_TOKENS": "100"}
"""Folded for the first time after the fourth turn, when it holds eight messages: the first two turns."""
FOLDED_AFTER = 4


@dataclass
class Mind:
    """The emulator's chat engine: answers by the script, takes notes of its own, and keeps what it was asked."""

    engine: ChatEngine
    asked: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.label = self.engine.label

    async def reply(self, request: ChatRequest) -> AsyncIterator[str]:
        self.asked.append(request.messages)
        if not request.messages[0]["content"].startswith(TASK):
            async for token in self.engine.reply(request):
                yield token
            return
        for token in MORE_NOTES if NOTES in request.messages[1]["content"] else NOTES:
            yield token

    def words(self, text: str) -> list[str]:
        """What it was given when the caller had said this."""
        [messages] = [messages for messages in self.asked if messages[-1]["content"] == text]
        return [message["content"] for message in messages]


@dataclass
class Scene:
    """A call with its vendors."""

    caller: Caller
    vendor: EmulatorHandle
    store: ConversationStore
    mind: Mind

    async def say(self, text: str) -> EventFrame:
        """A whole turn; its metrics."""
        await self.caller.send("UserText", {"text": text})
        frames = await self.caller.until("TTSDone")
        assert names(frames) == ["SentenceRecognized", "TTSSentenceStart", "audio", "TurnMetrics", "TTSDone"]
        metrics = frames[3]
        assert isinstance(metrics, EventFrame)
        return metrics

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        """Wait for what happens beside the call."""
        async with asyncio.timeout(PATIENCE_S):
            while not await is_so():  # noqa: ASYNC110 - another task's progress sets no event here
                await asyncio.sleep(0.005)

    async def remembered(self, notes: str) -> None:
        """Wait until the call has this summary."""

        async def is_kept() -> bool:
            return parted(await self.store.load(self.caller.sid))[0] == notes

        await self.until(is_kept)

    async def asked(self, times: int) -> None:
        """Wait until the model has been asked so often."""

        async def is_asked() -> bool:
            return self.vendor.house.stats.services["chat"].sessions >= times

        await self.until(is_asked)


@asynccontextmanager
async def calling(
    script: Mapping[str, Any], store: ConversationStore | None = None, sid: str = "sid-1", **values: str
) -> AsyncIterator[Scene]:
    """A call with 乔青青 whose chat model is the scripted emulator."""
    async with running_emulator(Script.model_validate(script)) as vendor:
        mind = vendor.house.loaded.chat = Mind(vendor.house.loaded.chat)
        settings = load({"EMULATOR_ENGINE": "scripted", "EMULATOR_PORT": str(vendor.port), **WINDOW, **values})
        providers, limits = compose.providers(settings), compose.session_limits(settings)
        cast = Cast(Shelf(), "qiao_qingqing", settings.tts.provider, "", summary_tokens=settings.call.summary_tokens)
        board = _Board(
            recognizer=providers.recognizer,
            model=providers.model,
            synthesizer=providers.synthesizer,
            limits=replace(limits, call=replace(limits.call, listening=PROMPT.call.listening)),
            store=store or MemoryStore(limits.call.history.kept_messages),
            cast=cast,
        )
        try:
            async with answering(board), dialled(board.url, sid=sid, events="TurnMetrics") as caller:
                yield Scene(caller, vendor, board.store, mind)
        finally:
            await providers.aclose()


@dataclass
class _Board(Switchboard):
    cast: Cast = field(kw_only=True)

    def services(self) -> Any:
        return replace(super().services(), prompt=self.cast.prompt, recap=self.cast.recap)


async def test_a_name_that_was_said_before_the_window_still_reaches_the_model() -> None:
    async with calling(SCRIPT) as scene:
        await scene.say("我叫欧阳蕊，在杭州念书")
        for number in range(2, 5):
            await scene.say(f"第{number}句")
        await scene.remembered(NOTES)
        await scene.say("第5句")
        await scene.say("第6句")
        await scene.remembered(MORE_NOTES)
        await scene.say("第7句")
        await scene.say("我叫什么？")

    first, second, *_ = [messages[1] for messages in scene.mind.asked if messages[0]["content"].startswith(TASK)]
    assert "来电者: 我叫欧阳蕊，在杭州念书" in first["content"]
    assert f"已有的笔记：\n{NOTES}" in second["content"]
    words = scene.mind.words("我叫什么？")
    assert "我叫欧阳蕊，在杭州念书" not in words, "it is out of the window"
    assert len([word for word in words if NOTES in word]) == 1
    assert words[-1] == "我叫什么？"


async def test_what_stands_before_the_turns_changes_with_a_summary_and_with_nothing_else() -> None:
    async with calling(SCRIPT) as scene:
        for number in range(1, 5):
            await scene.say(f"第{number}句")
        await scene.remembered(NOTES)
        await scene.say("第5句")
        await scene.say("第6句")

    before, after = scene.mind.words("第5句"), scene.mind.words("第6句")
    assert after[: len(before)] == before, "a prefix cache knows all of the turn before"


class Bills(MemoryStore):
    """Keeps the turns' bills, too."""

    def __init__(self) -> None:
        super().__init__(70)
        self.made: list[TurnBill] = []

    def account(self, sid: str, ref: TurnRef, bill: TurnBill) -> None:
        self.made.append(bill)
        super().account(sid, ref, bill)


async def test_the_turn_after_a_summary_bears_its_cost() -> None:
    bills = Bills()
    async with calling(SCRIPT, bills) as scene:
        before = [await scene.say(f"第{number}句") for number in range(1, 5)]
        await scene.remembered(NOTES)
        usage = (await scene.say("第5句")).payload["usage"]

    assert not any("summary_requests" in metrics.payload["usage"] for metrics in before)
    assert usage["summary_requests"] == 1
    assert usage["summary_completion_tokens"] == len(NOTES)
    assert usage["summary_prompt_tokens"] > 300
    charged = [{charge.unit for charge in bill.charges if charge.purpose == "summary"} for bill in bills.made]
    assert charged == [set(), set(), set(), set(), {"input_tokens", "output_tokens"}]


@pytest.mark.parametrize("kind", ["stall", "error", "cut", "refuse"])
async def test_a_summary_that_fails_or_never_comes_delays_no_turn_and_is_asked_for_again(kind: str) -> None:
    fault: dict[str, Any] = {"service": "chat", "kind": kind, "nth": FOLDED_AFTER + 1}
    how: dict[str, dict[str, Any]] = {"refuse": {"status": 400}, "error": {"code": "InvalidParameter"}}
    fault |= how.get(kind, {"at": "mid"})
    async with calling({**SCRIPT, "faults": [fault]}) as scene:
        for number in range(1, FOLDED_AFTER + 1):
            await scene.say(f"第{number}句")
        await scene.asked(FOLDED_AFTER + 1)
        metrics = await scene.say("第5句")
        await scene.remembered(NOTES)
        await scene.say("我叫什么？")

    assert metrics.payload["done"] < 5_000, "a chat request may take 10 s to fail"
    assert NOTES in "".join(scene.mind.words("我叫什么？"))


async def test_switched_off_the_window_is_all_there_is() -> None:
    async with calling(SCRIPT, VOICE_CALL_SUMMARY_TOKENS="0") as scene:
        await scene.say("我叫欧阳蕊")
        for number in range(2, 8):
            await scene.say(f"第{number}句")
        assert len(scene.mind.asked) == 7

    assert "我叫欧阳蕊" not in scene.mind.words("第7句")
    window = [word for number in range(2, 7) for word in (f"第{number}句", "好。")]
    assert scene.mind.words("第7句")[-11:] == [*window, "第7句"]


async def test_what_is_remembered_survives_a_restart(tmp_path: Path) -> None:
    async def vault() -> Database:
        return Database(f"sqlite+aiosqlite:///{tmp_path}/calls.db")

    @asynccontextmanager
    async def stored() -> AsyncIterator[KeptStore]:
        store = KeptStore(vault, KeepLimits(max_messages=70, linger_s=0, first_load_s=30))
        store.start()
        yield store
        await store.aclose()

    async with stored() as store, calling(SCRIPT, store) as scene:
        await scene.say("我叫欧阳蕊，在杭州念书")
        for number in range(2, 5):
            await scene.say(f"第{number}句")
        await scene.remembered(NOTES)
    async with stored() as store, calling(SCRIPT, store) as scene:
        await scene.say("我叫什么？")

    words = scene.mind.words("我叫什么？")
    assert NOTES in words[-7]
    assert words[-6:] == ["嗯，我都记得。", "第3句", "好。", "第4句", "好。", "我叫什么？"]


# --- one request, without wires


@dataclass
class Desk:
    """A folder, and what it posts."""

    model: FakeModel
    limits: FoldLimits = field(default_factory=FoldLimits)
    posted: list[Folded] = field(default_factory=list)
    meter: Meter = field(default_factory=lambda: Meter(Costs(), lambda: None, lambda _: None))

    async def fold(self) -> TurnMarks:
        """One request, to its end; what a turn bears of it."""
        async with asyncio.TaskGroup() as tasks:
            folder = Folder(
                self.model,
                lambda _persona, summary, said: (Message("system", summary), *said),
                post=self._post,
                start=tasks.create_task,
                part=lambda: self.meter.part("summary"),
                limits=self.limits,
            )
            folder.begin(Fold(1, "以前的", (Message("user", "我叫欧阳蕊"),), None))
        marks = TurnMarks(0.0)
        folder.charge(marks)
        return marks

    async def _post(self, news: Folded) -> None:
        self.posted.append(news)


async def test_a_summary_is_posted_with_what_it_cost() -> None:
    desk = Desk(FakeModel([["他叫", "小明。\n"]]))

    marks = await desk.fold()

    assert desk.posted == [Folded(1, "他叫小明。")]
    assert desk.model.asked == [headed("以前的", (Message("user", "我叫欧阳蕊"),))]
    assert marks.usage == {
        "summary_requests": 1,
        "summary_prompt_tokens": 10,
        "summary_completion_tokens": 5,
        "summary_cached_tokens": 0,
    }


@pytest.mark.parametrize("said", [[], ["  "], ["他", ProviderUnavailable("llm", "gone")], [ValueError("odd")]])
async def test_an_empty_or_broken_answer_is_no_summary_and_costs_an_estimate(said: list[str | Exception]) -> None:
    desk = Desk(FakeModel([said]))

    marks = await desk.fold()

    assert desk.posted == [Folded(1, None)]
    assert marks.usage["summary_requests"] == 1
    assert marks.usage["summary_prompt_tokens"] >= 10


async def test_an_answer_that_goes_on_and_on_is_read_no_further() -> None:
    desk = Desk(FakeModel([["字"] * 1000]), FoldLimits(answer_tokens=20))

    await desk.fold()

    assert desk.posted == [Folded(1, "字" * 21)]
    assert desk.model.stopped == 1


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    desk = Desk(FakeModel([["他"]], hold=True), FoldLimits(answer_s=0.05))

    await desk.fold()

    assert desk.posted == [Folded(1, None)]
    assert desk.model.stopped == 1
