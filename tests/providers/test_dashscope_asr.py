"""Paraformer over real sockets: against the emulator, and against a bare server for odd cases."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from backend.errors import ConfigError, ProviderError, ProviderRefused, ProviderTimeout, ProviderUnavailable
from backend.ports import BYTES_PER_MS, Hypothesis, Recognition
from backend.providers.dashscope.asr import ParaformerRecognizer
from backend.providers.dashscope.config import ParaformerConfig, SocketConfig
from emulator.script import Fault, Kind, Limits, Script, Utterance
from tests.emulator.dashscope_dial import TASK, golden
from tests.providers.odd_vendor import Caller, odd_vendor, until
from tests.support.emulator import running_emulator

KEY = "sk-very-secret"
SOON_S = 0.05
HASTY = {"settle_timeout_s": SOON_S}
SILENCE = bytes(100 * BYTES_PER_MS)
SPEECH = (b"\x00\x20\x00\xe0" * (100 * BYTES_PER_MS))[: 100 * BYTES_PER_MS]
HEARS = Script(hears_always=Utterance(text="你好", after_ms=300))


def recognizer_at(url: str, socket: dict[str, Any] | None = None, **wishes: Any) -> ParaformerRecognizer:
    """Deadlines stay long, but for the one that a test is about."""
    return ParaformerRecognizer(
        ParaformerConfig(SocketConfig(KEY, url, retry_backoff_s=0.0, **(socket or {})), **wishes)
    )


@asynccontextmanager
async def listening(url: str, **wishes: Any) -> AsyncIterator[Recognition]:
    """One session of a recogniser of its own."""
    recognizer = recognizer_at(url, **wishes)
    async with recognizer.open() as recognition:
        yield recognition
    await recognizer.aclose()


async def feed(recognition: Recognition, *chunks: bytes) -> None:
    for chunk in chunks:
        await recognition.send(chunk)


async def rest(recognition: Recognition) -> list[Hypothesis]:
    return [hypothesis async for hypothesis in recognition]


async def utterance(recognizer: ParaformerRecognizer, *, finishing: bool = False) -> str:
    """Hear one, and leave as a call does: without a finish."""
    async with recognizer.open() as recognition:
        await feed(recognition, *[SPEECH] * 4)
        if finishing:
            await recognition.finish()
        async for hypothesis in recognition:
            if hypothesis.definite:
                return hypothesis.text
    raise AssertionError("nothing was heard")


async def test_a_sentence_is_heard_as_it_grows_and_once_when_it_is_definite() -> None:
    script = Script(hears=(Utterance(text="你好吗", partials=("你", "你好"), after_ms=300),))
    async with running_emulator(script) as vendor, listening(vendor.dashscope_ws_url) as recognition:
        await feed(recognition, *[SILENCE] * 6)
        await recognition.finish()
        heard = await rest(recognition)

    assert [(each.text, each.definite) for each in heard] == [
        *(("你", False), ("你好", False), ("你好吗", True)),
        ("你好吗", True),  # task-finished
    ]
    assert heard[2].end_ms == 300
    assert heard[-1].audio_ms == 600


async def test_the_text_of_a_session_grows_sentence_by_sentence() -> None:
    lines = ("你好。", "How are you?", "I am fine.")
    script = Script(hears=tuple(Utterance(text=line, after_ms=300) for line in lines), many_per_session=True)
    async with running_emulator(script) as vendor, listening(vendor.dashscope_ws_url) as recognition:
        await feed(recognition, *[SILENCE] * 9)
        await recognition.finish()
        heard = await rest(recognition)

    assert [each.text for each in heard if each.definite] == [
        "你好。",
        "你好。How are you?",
        *["你好。How are you? I am fine."] * 2,
    ]
    assert [each.end_ms for each in heard] == [300, 600, 900, 900]


async def test_the_task_asks_for_what_the_configuration_says() -> None:
    wishes: dict[str, Any] = {"vocabulary_id": "vocab-1", "language_hints": ("zh",), "end_window_ms": 600}
    async with running_emulator(HEARS) as vendor:
        async with listening(vendor.dashscope_ws_url, **wishes) as recognition:
            await recognition.finish()
        async with listening(vendor.dashscope_ws_url, semantic=True, smooth=True) as recognition:
            await recognition.finish()
        first, second = (asked["json"]["parameters"] for asked in vendor.stats()["asr"]["requests"])

    assert first == {
        "format": "pcm",
        "sample_rate": 16000,
        "language_hints": ["zh"],
        "vocabulary_id": "vocab-1",
        "max_sentence_silence": 600,
        "semantic_punctuation_enabled": False,
        "punctuation_prediction_enabled": True,
        "inverse_text_normalization_enabled": True,
        "disfluency_removal_enabled": False,
        "heartbeat": True,
    }
    assert second["semantic_punctuation_enabled"]
    assert second["disfluency_removal_enabled"]
    assert "max_sentence_silence" not in second


async def test_sessions_follow_one_another_on_one_connection_each_under_a_task_id_of_its_own() -> None:
    async with running_emulator(HEARS) as vendor:
        recognizer = recognizer_at(vendor.dashscope_ws_url)
        heard = [await utterance(recognizer) for _ in range(3)]
        await recognizer.aclose()
        stats = vendor.stats()

    assert heard == ["你好"] * 3
    assert stats["inference"]["sessions_per_socket"] == [3]
    assert len({asked["task"] for asked in stats["asr"]["requests"]}) == 3


async def test_a_warm_recogniser_has_its_connection_before_anyone_speaks() -> None:
    async with running_emulator(HEARS) as vendor:
        recognizer = recognizer_at(vendor.dashscope_ws_url)
        await asyncio.gather(recognizer.warm(), recognizer.warm())
        warm = vendor.stats()["inference"]
        await utterance(recognizer)
        after = vendor.stats()["inference"]
        await recognizer.aclose()

    assert (warm["handshakes"], warm["open"], warm["sessions_per_socket"]) == (1, 1, [0])
    assert after["sessions_per_socket"] == [1]


async def test_warming_an_unreachable_service_raises_nothing() -> None:
    recognizer = recognizer_at("ws://127.0.0.1:1/")
    await recognizer.warm()
    await recognizer.aclose()


async def test_a_connection_that_the_service_has_closed_is_replaced_in_silence() -> None:
    script = HEARS.model_copy(update={"limits": Limits(task_idle_ms=20)})
    async with running_emulator(script) as vendor:
        recognizer = recognizer_at(vendor.dashscope_ws_url)
        await utterance(recognizer)
        await until(lambda: not vendor.stats()["inference"]["open"])
        assert await utterance(recognizer) == "你好"
        await recognizer.aclose()


async def test_silence_is_sent_before_the_service_loses_patience_and_counts_for_nothing() -> None:
    script = HEARS.model_copy(update={"limits": Limits(task_gap_ms=400)})
    async with (
        running_emulator(script) as vendor,
        listening(vendor.dashscope_ws_url, keepalive_s=SOON_S) as recognition,
    ):
        await feed(recognition, SILENCE)
        await until(lambda: vendor.stats()["asr"]["requests"][0]["audio_ms"] >= 500)
        hypothesis = await anext(aiter(recognition))

    assert hypothesis.text == "你好"
    assert hypothesis.audio_ms == 100


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidParameter", ProviderRefused),
        ("UNSUPPORTED_FORMAT", ProviderRefused),
        ("Arrearage", ProviderRefused),
        ("Throttling.RateQuota", ProviderUnavailable),
        ("CLIENT_ERROR", ProviderUnavailable),
        ("InternalError.Algo", ProviderUnavailable),
    ],
)
async def test_a_failed_task_is_our_error_with_its_code_and_the_tasks_id(code: str, kind: type[ProviderError]) -> None:
    fault = Fault(service="asr", kind=Kind.ERROR, at="mid", code=code, message=f"no {KEY} today")
    async with running_emulator(HEARS.model_copy(update={"faults": (fault,)})) as vendor:
        recognizer = recognizer_at(vendor.dashscope_ws_url)
        with pytest.raises(kind) as failed:
            await utterance(recognizer)
        await recognizer.aclose()
        task_id = vendor.stats()["asr"]["requests"][0]["task"]

    assert type(failed.value) is kind
    assert (failed.value.code, failed.value.vendor_code, failed.value.log_id) == ("ASRFailed", code, task_id)
    assert KEY not in str(failed.value)


@pytest.mark.parametrize("kind", [Kind.ERROR, Kind.GARBAGE, Kind.CUT])
async def test_a_connection_on_which_something_failed_serves_nobody_again(kind: Kind) -> None:
    fault = Fault(service="asr", kind=kind, at="mid")
    async with running_emulator(HEARS.model_copy(update={"faults": (fault,)})) as vendor:
        recognizer = recognizer_at(vendor.dashscope_ws_url)
        with pytest.raises(ProviderUnavailable):
            await utterance(recognizer)
        assert await utterance(recognizer) == "你好"
        await recognizer.aclose()
        stats = vendor.stats()["inference"]

    assert stats["sessions_per_socket"] == [1, 1]


@pytest.mark.parametrize("kind", [Kind.ERROR, Kind.GARBAGE, Kind.CUT, Kind.WRONG_ORDER])
async def test_an_opening_that_fails_is_tried_once_more(kind: Kind) -> None:
    fault = Fault(service="asr", kind=kind, code="InternalError" if kind is Kind.ERROR else None)
    async with running_emulator(HEARS.model_copy(update={"faults": (fault,)})) as vendor:
        recognizer = recognizer_at(vendor.dashscope_ws_url)
        assert await utterance(recognizer) == "你好"
        await recognizer.aclose()
        assert vendor.stats()["inference"]["handshakes"] == 2


@pytest.mark.parametrize(
    ("status", "kind"), [(401, ProviderRefused), (403, ProviderRefused), (503, ProviderUnavailable)]
)
async def test_a_refused_handshake_is_our_error_without_our_secret(status: int, kind: type[ProviderError]) -> None:
    fault = Fault(service="inference", kind=Kind.REFUSE, nth=None, status=status, message=f"bad {KEY}")
    async with running_emulator(HEARS.model_copy(update={"faults": (fault,)})) as vendor:
        with pytest.raises(kind) as failed:
            await utterance(recognizer_at(vendor.dashscope_ws_url))
        handshakes = vendor.stats()["inference"]["handshakes"]

    assert KEY not in "".join(traceback.format_exception(failed.value))
    assert failed.value.log_id
    assert handshakes == (1 if kind is ProviderRefused else 2)


@pytest.mark.parametrize(
    ("fault", "socket", "wishes"),
    [
        ({"service": "inference", "kind": "connect_stall"}, {"connect_timeout_s": SOON_S}, {}),
        ({"service": "asr", "kind": "stall"}, {"start_timeout_s": SOON_S}, {}),
        ({"service": "asr", "kind": "stall", "at": "mid"}, HASTY, {"final_timeout_s": SOON_S}),
    ],
)
async def test_nothing_waits_without_a_deadline(
    fault: dict[str, Any], socket: dict[str, Any], wishes: dict[str, Any]
) -> None:
    script = HEARS.model_copy(update={"faults": (Fault.model_validate(fault),)})
    async with running_emulator(script) as vendor:
        recognizer = recognizer_at(vendor.dashscope_ws_url, socket, **wishes)
        with pytest.raises(ProviderTimeout) as late:
            await utterance(recognizer, finishing=True)
        await recognizer.aclose()

    assert late.value.code == "ASRTimeout"


async def test_a_session_in_which_nobody_spoke_ends_in_peace() -> None:
    async with running_emulator() as vendor, listening(vendor.dashscope_ws_url) as recognition:
        await recognition.finish()
        assert await rest(recognition) == [Hypothesis("", definite=True, end_ms=0, audio_ms=0)]


async def follow(caller: Caller, *names: str, after_finish: tuple[str, ...] = ()) -> None:
    """A service that tells golden events whatever comes, and more when the client has finished."""
    task_id = json.loads(await caller.connection.recv())["header"]["task_id"]

    async def tell(which: tuple[str, ...]) -> None:
        for name in which:
            await caller.send(golden(name).replace(TASK, task_id))

    await tell(("srv.task-started", *names))
    async for message in caller.connection:
        if isinstance(message, str) and "finish-task" in message:
            await tell(after_finish)


async def test_a_service_that_stays_silent_although_someone_spoke_is_asked_for_its_last_result() -> None:
    async def talk(caller: Caller) -> None:
        await follow(caller, after_finish=("asr.result-generated.final", "asr.task-finished"))

    wishes = {"end_window_ms": 300, "stall_timeout_s": SOON_S}
    async with odd_vendor(talk) as url, listening(url, **wishes) as recognition:
        await feed(recognition, SILENCE, *[SPEECH] * 4, *[SILENCE] * 4)
        heard = await rest(recognition)

    assert [(each.text, each.definite) for each in heard] == [("打开灯。", True)] * 2


async def test_a_service_that_stalls_altogether_is_a_timeout() -> None:
    wishes = {"end_window_ms": 300, "stall_timeout_s": SOON_S, "final_timeout_s": SOON_S}
    async with odd_vendor(follow) as url, listening(url, socket=HASTY, **wishes) as recognition:
        await feed(recognition, SILENCE, *[SPEECH] * 4, *[SILENCE] * 4)
        with pytest.raises(ProviderTimeout):
            await rest(recognition)


async def test_heartbeats_repetitions_and_unknown_events_are_no_news() -> None:
    results = ("begin", "heartbeat", "partial", "partial", "final", "final", "final")
    names = [f"asr.result-generated.{name}" for name in results]

    async def talk(caller: Caller) -> None:
        await follow(caller, *names, "negative.srv.unknown_event", "asr.task-finished")

    async with odd_vendor(talk) as url, listening(url) as recognition:
        heard = await rest(recognition)

    assert heard == [
        Hypothesis("打开", definite=False, end_ms=960, audio_ms=0),
        *[Hypothesis("打开灯。", definite=True, end_ms=1640, audio_ms=0)] * 2,
    ]


async def test_a_sentence_is_final_by_either_of_the_two_signs() -> None:
    only_marked = golden("negative.asr.result.sentence_end_but_end_time_null")
    only_timed = golden("asr.result-generated.final_documented_min").replace('"sentence_end": true', '"a": 1')
    both = golden("asr.result-generated.final_emotion_8k")

    async def talk(caller: Caller) -> None:
        task_id = json.loads(await caller.connection.recv())["header"]["task_id"]
        for body in (golden("srv.task-started"), only_marked, only_timed, both):
            await caller.send(body.replace(TASK, task_id))
        await caller.until_gone()

    async with odd_vendor(talk) as url, listening(url, socket=HASTY) as recognition:
        hypotheses = aiter(recognition)
        heard = [await anext(hypotheses) for _ in range(3)]

    assert [each.text for each in heard] == ["x", "x打开灯。", "x打开灯。好的。"]
    assert all(each.definite for each in heard)


async def test_an_event_of_another_task_ends_the_session() -> None:
    async def talk(caller: Caller) -> None:
        task_id = json.loads(await caller.connection.recv())["header"]["task_id"]
        await caller.send(golden("srv.task-started").replace(TASK, task_id))
        await caller.send(golden("asr.result-generated.partial"))
        await caller.until_gone()

    async with odd_vendor(talk) as url, listening(url) as recognition:
        with pytest.raises(ProviderUnavailable, match="a task that is not ours"):
            await rest(recognition)


async def test_a_caller_who_leaves_at_once_leaves_nothing_behind() -> None:
    async with running_emulator(HEARS) as vendor:
        recognizer = recognizer_at(vendor.dashscope_ws_url)
        async with recognizer.open() as recognition:
            await recognition.send(SPEECH)
        await recognizer.aclose()
        await vendor.hung_up()
        assert vendor.stats()["asr"]["requests"][0]["finished"]


def test_a_configuration_that_cannot_work_is_refused() -> None:
    socket = SocketConfig(KEY)
    with pytest.raises(ConfigError, match="API key"):
        SocketConfig("")
    with pytest.raises(ConfigError, match="200 to 6000"):
        ParaformerConfig(socket, end_window_ms=100)
    with pytest.raises(ConfigError, match="backlog"):
        ParaformerConfig(socket, packet_ms=100, backlog_ms=50)
    assert KEY not in repr(ParaformerConfig(replace(socket)))
