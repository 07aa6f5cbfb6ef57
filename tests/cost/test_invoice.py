"""What we say a call cost, against what the vendors' services on this machine would bill, over real sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from backend import compose
from backend.expenses import Charge, known_cny, shown
from backend.protocol.frames import EventFrame
from backend.settings import load
from backend.store.memory import MemoryStore
from emulator.script import Script
from tests.support.caller import Caller, dialled, names
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.support.switchboard import FAREWELL, Switchboard, answering

WINDOW_MS, HOLD_MS = 300, 4000
_DOUBAO = "zh_female_shuangkuaisisi_moon_bigtts"
SPEAKER = {"volcengine": _DOUBAO, "dashscope": "longhua_v2", "emulator": _DOUBAO}
LATER = 60_000
"""Of wall time, in ms: until a second token, and so never."""
QUERY = {"events": "TurnMetrics,SentencePartial", "delivery": "stream"}


def settings_of(family: str, vendor: EmulatorHandle) -> dict[str, str]:
    pauses = {"ASR_END_WINDOW_MS": str(WINDOW_MS), "VOICE_CALL_HOLD_COMPLETE_MS": str(HOLD_MS)}
    waits = {
        **pauses,
        "LLM_TIMEOUT_S": "60",
        "VAD": "off",
        "EMULATOR_ENGINE": "scripted",
        "EMULATOR_PORT": str(vendor.port),
    }
    if family == "dashscope":
        urls = {"DASHSCOPE_WS_URL": vendor.dashscope_ws_url, "DASHSCOPE_BASE_URL": vendor.qwen_url}
        return {"DASHSCOPE_API_KEY": "sk-secret", **urls, **waits}
    if family == "emulator":
        return waits
    urls = {"VOLC_ASR_URL": f"{vendor.ws_url}/api/v3/sauc", "VOLC_TTS_URL": vendor.tts_url()}
    return {"VOLC_API_KEY": "key", "ARK_API_KEY": "key", "ARK_BASE_URL": vendor.ark_url, **urls, **waits}


@dataclass
class Books:
    """Both sides' books, once all is over."""

    invoice: dict[str, Any]
    charges: tuple[Charge, ...]

    def ours(self, stage: str) -> Counter[tuple[str, str]]:
        kept: Counter[tuple[str, str]] = Counter()
        for charge in self.charges:
            if charge.stage == stage:
                kept[charge.model, charge.unit] += charge.quantity
        return kept

    def theirs(self, stage: str) -> Counter[tuple[str, str]]:
        lines = (line for line in self.invoice["lines"] if line["service"] == stage)
        return Counter({(line["model"], line["unit"]): line["quantity"] for line in lines})


class Meeting:
    """A call, and the books of it."""

    def __init__(self, caller: Caller, vendor: EmulatorHandle) -> None:
        self.caller = caller
        self.vendor = vendor
        self.books = Books({}, ())

    async def say(self) -> list[Any]:
        """One utterance and the whole of its answer."""
        await self.utter()
        return await self.caller.until("TTSDone")

    async def utter(self) -> None:
        """Speak, be heard, and be silent for long enough."""
        await self.begin()
        await self.caller.silence(HOLD_MS)

    async def begin(self) -> None:
        """Speak, and be heard."""
        await self.caller.speak(300)
        await self.caller.silence(WINDOW_MS + 100)
        await self.caller.until("SentencePartial")

    async def asked(self, requests: int) -> None:
        """Wait until the chat service has been asked so often, and has begun to answer."""
        async with asyncio.timeout(10):
            while sum(each["what"] == "first_token" for each in self.vendor.stats()["stamps"]) < requests:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@asynccontextmanager
async def meeting(family: str, script: dict[str, Any], **values: str) -> AsyncIterator[Meeting]:
    async with running_emulator(Script.model_validate(script)) as vendor:
        settings = load({**settings_of(family, vendor), **values})
        providers = compose.providers(settings)
        await providers.model.warm()
        store = MemoryStore(20)
        board = Switchboard(
            recognizer=providers.recognizer,
            model=providers.model,
            synthesizer=providers.synthesizer,
            store=store,
            limits=compose.limits(settings.call),
            costs=compose.costs(settings.costs),
        )
        async with answering(board), dialled(board.url, headers=None, **QUERY, speaker=SPEAKER[family]) as caller:
            meets = Meeting(caller, vendor)
            yield meets
        await providers.aclose()
        totals = await store.costs("0000-00-00", "9999-99-99")
        url = f"{vendor.http_url}/admin/invoice"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            meets.books = Books(await answer.json(), tuple(total.charge for total in totals))


def heard(text: str) -> dict[str, Any]:
    """By the silence after it."""
    return {"text": text, "after_ms": None}


WHOLE_CALL: dict[str, Any] = {
    "many_per_session": True,
    "hears": [heard(text) for text in ("你好呀。", "今天天气怎么样？", "上海的呢？", "讲个故事。", "谢谢你。")],
    "replies": [
        {"text": "好呀，今天过得怎么样？", "tokens": ["好呀，今天过得怎么样？"]},
        {"text": "嗯，你说。", "tokens": ["嗯，", "你说。"]},  # on trial, and dropped
        {"text": "什么事呀？快告诉我。", "tokens": ["什么事呀？快告诉我。"]},
        {"text": "从前有一座山。山上有一座庙。", "tokens": ["从前有一座山。", "山上有一座庙。"]},  # cut off
        {"text": "不客气！Bye.", "tokens": ["不客气！Bye."]},
    ],
    "timing": {"token_ms": LATER},
    "tone": {"ms_per_char": 20},
    "cached_tokens": 7,
}


@pytest.mark.parametrize("family", ["volcengine", "dashscope"])
async def test_a_call_costs_to_four_decimals_what_the_vendors_bill_for_it(family: str) -> None:
    async with meeting(family, WHOLE_CALL) as meets:
        first = await meets.say()
        await meets.begin()
        await meets.caller.silence(500)
        await meets.asked(2)  # the caller seems to have finished, and goes on
        second = await meets.say()
        await meets.utter()
        await meets.caller.until("TTSSentenceStart")
        await meets.caller.send("BotInterrupt")
        cut_off = await meets.caller.until("TTSDone")
        last = await meets.say()
    books = meets.books

    assert second[0] == EventFrame("SentenceRecognized", {"sentence": "今天天气怎么样？上海的呢？"})
    assert "TurnMetrics" in names(cut_off)
    assert books.ours("asr") == books.theirs("asr")
    assert books.ours("tts") == books.theirs("tts")
    assert abs(books.ours("llm").total() - books.theirs("llm").total()) <= 5, "two of five requests are estimated"
    assert shown(known_cny(books.charges)) == shown(Decimal(books.invoice["cny"]))
    assert {charge.purpose for charge in books.charges} == {"reply", "wasted"}
    usages = [
        frame.payload["usage"]
        for frame in [*first, *second, *cut_off, *last]
        if isinstance(frame, EventFrame) and frame.event == "TurnMetrics"
    ]
    costs = [Decimal(usage["cost_cny"]) for usage in usages]
    assert len(costs) == 4
    assert all(cost > 0 for cost in costs)
    assert usages[1]["wasted_requests"] == 1
    assert Decimal(usages[-1]["call_cost_cny"]) <= known_cny(books.charges) + Decimal("0.0001")


@pytest.mark.parametrize(("family", "budget"), [("volcengine", "0.008"), ("dashscope", "0.002")])
async def test_a_call_ends_with_a_goodbye_when_it_has_cost_as_much_as_it_may(family: str, budget: str) -> None:
    script = {"hears": [heard("你好呀。")], "replies": ["好呀，今天过得怎么样？"], "tone": {"ms_per_char": 20}}
    async with meeting(family, script, CALL_BUDGET_CNY=budget) as meets:
        answer = await meets.say()
        leaving = await meets.caller.until("BotError")
        closed = await meets.caller.closed()

    assert "TurnMetrics" in names(answer), "the reply that was under way is finished first"
    assert spoken(leaving) == [FAREWELL]
    assert names(leaving)[-2:] == ["TTSDone", "BotError"]
    assert isinstance(leaving[-1], EventFrame)
    assert leaving[-1].payload["error"]["code"] == "Busy"
    assert closed == (1000, "Busy")
    assert shown(known_cny(meets.books.charges)) == shown(Decimal(meets.books.invoice["cny"])), "with the goodbye"


@pytest.mark.parametrize("family", ["volcengine", "dashscope"])
async def test_a_request_that_broke_off_and_was_made_again_is_paid_for_twice(family: str) -> None:
    script = {
        "hears": [heard("你好呀。")],
        "replies": ["好呀，今天过得怎么样？"],
        "tone": {"ms_per_char": 20},
        "faults": [{"service": "chat", "kind": "cut"}],
    }
    async with meeting(family, script) as meets:
        frames = await meets.say()

    assert "BotError" not in names(frames), "the second try was answered"
    assert meets.vendor.stats()["chat"]["sessions"] == 2
    assert {charge.estimated for charge in meets.books.charges if charge.stage == "llm"} == {True, False}
    assert meets.books.ours("llm") == meets.books.theirs("llm")
    assert shown(known_cny(meets.books.charges)) == shown(Decimal(meets.books.invoice["cny"]))


@pytest.mark.parametrize("family", ["volcengine", "dashscope"])
async def test_a_request_that_was_refused_costs_nothing(family: str) -> None:
    refusal = {"service": "chat", "kind": "refuse", "status": 401}
    async with meeting(family, {"hears": [heard("你好呀。")], "faults": [refusal]}) as meets:
        frames = await meets.say()

    assert "BotError" in names(frames)
    assert meets.books.ours("llm") == meets.books.theirs("llm") == Counter()
    assert meets.books.ours("asr") == meets.books.theirs("asr")


async def test_a_model_without_a_price_costs_an_unknown_amount_and_not_nothing() -> None:
    script = {"hears": [heard("你好呀。")], "replies": ["好呀。"], "tone": {"ms_per_char": 20}}
    async with meeting("dashscope", script, LLM_MODEL="qwen3-next-80b") as meets:
        frames = await meets.say()

    (told,) = [frame.payload for frame in frames if isinstance(frame, EventFrame) and frame.event == "TurnMetrics"]
    assert (told["usage"]["cost_cny"], told["usage"]["call_cost_cny"]) == ("unknown", "unknown")
    assert told["usage"]["unpriced"] == ["qwen3-next-80b"]
    assert Decimal(told["usage"]["known_cny"]) > 0


async def test_what_runs_on_this_machine_costs_nothing() -> None:
    script = {"hears": [heard("你好呀。")], "replies": ["好呀。"], "tone": {"ms_per_char": 20}}
    async with meeting("emulator", script) as meets:
        frames = await meets.say()

    (told,) = [frame.payload for frame in frames if isinstance(frame, EventFrame) and frame.event == "TurnMetrics"]
    assert told["usage"]["cost_cny"] == "0.0000"
    assert told["usage"]["asr_ms"] > 0
    assert {charge.model for charge in meets.books.charges} == {"on-device"}


def spoken(frames: list[Any]) -> list[str]:
    said = [frame for frame in frames if isinstance(frame, EventFrame) and frame.event == "TTSSentenceStart"]
    return [frame.payload["sentence"] for frame in said]
