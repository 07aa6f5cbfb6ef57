"""Streaming recognition over real sockets: against the emulator, and against a bare server for odd cases."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Response

from backend.errors import ProviderError, ProviderRefused, ProviderTimeout, ProviderUnavailable
from backend.ports import BYTES_PER_MS, Hypothesis, Recognition
from backend.protocol.header import Compression, MessageType
from backend.protocol.speech import SpeechFrame
from backend.providers.volcengine.asr import VolcengineRecognizer
from backend.providers.volcengine.config import AsrConfig, SpeechCredentials
from emulator.script import Fault, Kind, Limits, Script, Utterance
from tests.providers.odd_vendor import LOG_ID, Caller, answer, error, odd_vendor
from tests.support.emulator import running_emulator

KEY = "sk-very-secret"
BY_KEY = SpeechCredentials(api_key=KEY)
QUICK = AsrConfig(retry_backoff_s=0.0)  # deadlines stay long, but for the one that a test is about
SOON_S = 0.05
SILENCE = bytes(100 * BYTES_PER_MS)
SPEECH = (b"\x00\x20\x00\xe0" * (100 * BYTES_PER_MS))[: 100 * BYTES_PER_MS]


@asynccontextmanager
async def listening(
    url: str, config: AsrConfig = QUICK, credentials: SpeechCredentials = BY_KEY
) -> AsyncIterator[Recognition]:
    """One session of a recogniser of its own."""
    recognizer = VolcengineRecognizer(credentials, replace(config, url=url))
    async with recognizer.open() as recognition:
        yield recognition
    await recognizer.aclose()


async def feed(recognition: Recognition, *chunks: bytes) -> None:
    for chunk in chunks:
        await recognition.send(chunk)


async def rest(recognition: Recognition) -> list[Hypothesis]:
    return [hypothesis async for hypothesis in recognition]


async def first(recognition: Recognition) -> Hypothesis:
    return await anext(aiter(recognition))


async def greet_and_read(caller: Caller) -> None:
    """A service that takes everything and says nothing."""
    await caller.receive()
    await caller.send(answer(1))
    await caller.until_gone()


async def test_a_sentence_is_heard_as_it_grows_and_once_when_it_is_definite() -> None:
    script = Script(hears=(Utterance(text="你好吗", partials=("你", "你好"), after_ms=300),))
    async with running_emulator(script) as vendor, listening(vendor.asr_url()) as recognition:
        await feed(recognition, *[SILENCE] * 6)
        await recognition.finish()

        heard = await rest(recognition)

    assert [(each.text, each.definite) for each in heard] == [
        *(("你", False), ("你好", False), ("你好吗", True)),
        ("你好吗", True),  # the answer to the last packet
    ]
    assert heard[2].end_ms == 300
    assert heard[-1].audio_ms == 600


@pytest.mark.parametrize("mode", ["bigmodel_async", "bigmodel", "bigmodel_nostream"])
@pytest.mark.parametrize("compress", [False, True])
async def test_every_mode_is_served_plain_and_compressed(mode: str, compress: bool) -> None:
    config = replace(QUICK, mode=mode, compress=compress)  # type: ignore[arg-type]
    async with running_emulator(Script(hears=("你好",))) as vendor:
        async with listening(vendor.asr_url("").rstrip("/"), config) as recognition:
            await feed(recognition, *[SILENCE] * 5)
            await recognition.finish()
            heard = await rest(recognition)
        request = vendor.stats()["asr"]["requests"][0]

    assert heard[-1] == Hypothesis("你好", definite=True, end_ms=300, audio_ms=500)
    assert request["path"].endswith(f"/{mode}")
    assert (request["audio_ms"], request["packets"], request["finished"]) == (
        500,
        6 if not mode else request["packets"],
        True,
    )


async def test_an_answer_to_every_packet_is_no_news_every_time() -> None:
    config = replace(QUICK, mode="bigmodel")
    script = Script(hears=("你好",))
    async with running_emulator(script) as vendor, listening(vendor.asr_url("bigmodel"), config) as recognition:
        await feed(recognition, *[SILENCE] * 20)
        await recognition.finish()
        heard = await rest(recognition)

    assert [(each.text, each.definite) for each in heard] == [("你好", True), ("你好", True)]


async def test_a_service_that_answers_at_the_end_only_is_told_the_end_when_the_caller_pauses() -> None:
    config = replace(QUICK, end_window_ms=300, stall_timeout_s=600.0)
    script = Script(hears=(Utterance(text="你好", after_ms=None),))
    async with (
        running_emulator(script) as vendor,
        listening(vendor.asr_url("bigmodel_nostream"), config) as recognition,
    ):
        await feed(recognition, SILENCE, *[SPEECH] * 5, *[SILENCE] * 4)

        heard = await rest(recognition)

    assert [(each.text, each.definite) for each in heard] == [("你好", True)]


@pytest.mark.parametrize(
    ("credentials", "accepted"),
    [
        (BY_KEY, KEY),
        (SpeechCredentials(app_id="42", access_token="tok"), "tok"),
        (SpeechCredentials(app_id="42", access_token="tok", api_key=KEY), KEY),
    ],
    ids=["key", "pair", "both"],
)
async def test_either_kind_of_credential_opens_the_door(credentials: SpeechCredentials, accepted: str) -> None:
    async with running_emulator(Script(keys=frozenset({accepted}))) as vendor:
        async with listening(vendor.asr_url(), credentials=credentials):
            pass
        headers = vendor.stats()["asr"]["requests"][0]["headers"]

    assert {name.lower() for name in headers} >= {"x-api-resource-id", "x-api-connect-id", "x-api-request-id"}


async def test_a_wrong_key_is_refused_at_once_with_code_and_log_id_and_without_the_key() -> None:
    async with running_emulator(Script(keys=frozenset({"another"}))) as vendor:
        with pytest.raises(ProviderRefused) as caught:
            await VolcengineRecognizer(BY_KEY, replace(QUICK, url=vendor.asr_url())).open().__aenter__()
        handshakes = vendor.stats()["asr"]["handshakes"]

    assert caught.value.vendor_code == "45000010"
    assert caught.value.log_id
    assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert handshakes == 1


async def test_a_busy_service_is_asked_once_more() -> None:
    async with running_emulator(Script(faults=(Fault(service="asr", kind=Kind.REFUSE, status=503),))) as vendor:
        async with listening(vendor.asr_url()):
            pass
        assert vendor.stats()["asr"]["handshakes"] == 2


async def test_a_service_that_stays_busy_is_given_up_after_the_second_try() -> None:
    fault = Fault(service="asr", kind=Kind.REFUSE, status=503, nth=None)
    async with running_emulator(Script(faults=(fault,))) as vendor:
        with pytest.raises(ProviderUnavailable) as caught:
            async with listening(vendor.asr_url()):
                pass
        assert vendor.stats()["asr"]["handshakes"] == 2

    assert caught.value.code == "ASRFailed"


async def test_an_error_right_after_the_upgrade_is_a_refusal_too() -> None:
    fault = Fault(service="asr", kind=Kind.ERROR, code=45000030, message="requested resource not granted")
    async with running_emulator(Script(faults=(fault,))) as vendor:
        with pytest.raises(ProviderRefused, match="not granted") as caught:
            async with listening(vendor.asr_url()):
                pass

    assert caught.value.vendor_code == "45000030"
    assert caught.value.log_id


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (Kind.CONNECT_STALL, replace(QUICK, connect_timeout_s=SOON_S)),
        (Kind.STALL, replace(QUICK, reply_timeout_s=SOON_S)),
    ],
    ids=["connection", "session"],
)
async def test_an_opening_that_stalls_is_a_timeout_and_not_repeated(kind: Kind, config: AsrConfig) -> None:
    async with running_emulator(Script(faults=(Fault(service="asr", kind=kind),))) as vendor:
        with pytest.raises(ProviderTimeout) as caught:
            async with listening(vendor.asr_url(), config):
                pass
        assert vendor.stats()["asr"]["handshakes"] == 1

    assert caught.value.code == "ASRTimeout"


async def test_nobody_at_the_address_is_unavailable() -> None:
    with pytest.raises(ProviderUnavailable, match="cannot connect"):
        async with listening("ws://127.0.0.1:9/api/v3/sauc"):
            pass


async def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ProviderRefused, match="no WebSocket URL"):
        async with listening("http://127.0.0.1:9"):
            pass


async def test_a_redirect_is_never_followed_with_our_key() -> None:
    async with running_emulator(may_leave_lines=True) as elsewhere:
        moved = Response(302, "Found", Headers({"Location": elsewhere.asr_url()}), b"")
        async with odd_vendor(Caller.until_gone, [moved]) as url:
            with pytest.raises(ProviderRefused, match="HTTP 302"):
                async with listening(url):
                    pass
        assert elsewhere.stats()["asr"]["handshakes"] == 0


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (Fault(service="asr", kind=Kind.ERROR, at="mid", code=55000031), ProviderUnavailable, "55000031"),
        (Fault(service="asr", kind=Kind.ERROR, at="mid", code=45000001), ProviderRefused, "45000001"),
        (Fault(service="asr", kind=Kind.CUT, at="mid"), ProviderUnavailable, ""),
        (Fault(service="asr", kind=Kind.GARBAGE, at="mid"), ProviderUnavailable, ""),
    ],
    ids=["busy", "bad request", "cut", "garbage"],
)
async def test_a_fault_in_the_middle_is_told_by_iteration(fault: Fault, kind: type[ProviderError], code: str) -> None:
    script = Script(hears=("你好",), faults=(fault,))
    async with running_emulator(script) as vendor, listening(vendor.asr_url()) as recognition:
        await feed(recognition, *[SILENCE] * 6)
        with pytest.raises(kind) as caught:
            await rest(recognition)
        await feed(recognition, SILENCE)  # the feeder never sees an error

        assert await rest(recognition) == []

    assert caught.value.vendor_code == code
    assert caught.value.log_id


async def test_a_packet_gap_error_is_worth_another_try() -> None:
    config = replace(QUICK, keepalive_s=9.0)
    script = Script(limits=Limits(asr_packet_gap_ms=50))
    async with running_emulator(script) as vendor, listening(vendor.asr_url(), config) as recognition:
        with pytest.raises(ProviderUnavailable, match="waiting next packet") as caught:
            await rest(recognition)

    assert caught.value.vendor_code == "45000081"


async def test_a_silent_caller_is_kept_alive_and_finds_the_clock_unmoved() -> None:
    packets: list[bytes] = []

    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(answer(1))
        while len(packets) < 4:
            packets.append((await caller.receive()).payload)
        words = {"text": "好", "start_time": 310, "end_time": 390, "definite": True}
        await caller.send(answer(2, "好", utterances=[words]))
        await caller.until_gone()

    async with odd_vendor(talk) as url, listening(url, replace(QUICK, keepalive_s=0.02)) as recognition:
        await feed(recognition, SPEECH)
        heard = await first(recognition)

    assert packets == [SPEECH, SILENCE, SILENCE, SILENCE]
    assert heard == Hypothesis("好", definite=True, end_ms=100, audio_ms=0)


async def test_a_finished_session_ends_with_a_last_packet_and_a_definite_word() -> None:
    frames: list[SpeechFrame] = []

    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(answer(1))
        while not frames or not frames[-1].is_last:
            frames.append(await caller.receive())
        await caller.send(answer(3, "你好", last=True))

    async with odd_vendor(talk) as url, listening(url) as recognition:
        await feed(recognition, SPEECH, SPEECH[:640])
        await recognition.finish()
        heard = await rest(recognition)

    assert [(frame.flags, len(frame.payload)) for frame in frames] == [(0, 3200), (0b10, 640)]
    assert heard == [Hypothesis("你好", definite=True, end_ms=0, audio_ms=0)]


@pytest.mark.parametrize("code", [20000003, 45000002])
async def test_a_session_in_which_nobody_spoke_ends_in_peace(code: int) -> None:
    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(answer(1))
        await caller.receive()
        await caller.send(error(code, "silent audio"))

    async with odd_vendor(talk) as url, listening(url) as recognition:
        await recognition.finish()

        assert await rest(recognition) == [Hypothesis("", definite=True, end_ms=0, audio_ms=0)]


async def test_a_last_result_that_never_comes_is_a_timeout_with_the_log_id() -> None:
    config = replace(QUICK, final_timeout_s=SOON_S)
    async with odd_vendor(greet_and_read) as url, listening(url, config) as recognition:
        await recognition.finish()
        with pytest.raises(ProviderTimeout, match="the last result") as caught:
            await rest(recognition)

    assert caught.value.log_id == LOG_ID


async def test_a_packet_that_is_never_answered_is_a_timeout_where_every_packet_is_answered() -> None:
    config = replace(QUICK, reply_timeout_s=0.3)
    async with odd_vendor(greet_and_read) as url, listening(f"{url}/bigmodel", config) as recognition:
        await feed(recognition, SPEECH)
        with pytest.raises(ProviderTimeout, match="the answer to a packet"):
            await rest(recognition)


async def test_a_service_that_says_nothing_although_someone_spoke_is_asked_for_the_end() -> None:
    lasts: list[bool] = []

    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(answer(1))
        while not any(lasts):
            lasts.append((await caller.receive()).is_last)
        await caller.send(answer(9, "原来如此", last=True))

    config = replace(QUICK, end_window_ms=300, stall_timeout_s=SOON_S)
    async with odd_vendor(talk) as url, listening(url, config) as recognition:
        await feed(recognition, SILENCE, *[SPEECH] * 4, *[SILENCE] * 4)

        assert await rest(recognition) == [Hypothesis("原来如此", definite=True, end_ms=0, audio_ms=0)]


async def test_a_service_that_stalls_altogether_is_a_timeout() -> None:
    config = replace(QUICK, end_window_ms=300, stall_timeout_s=SOON_S, final_timeout_s=SOON_S)
    async with odd_vendor(greet_and_read) as url, listening(url, config) as recognition:
        await feed(recognition, SILENCE, *[SPEECH] * 4, *[SILENCE] * 4)
        with pytest.raises(ProviderTimeout) as caught:
            await rest(recognition)

    assert caught.value.code == "ASRTimeout"


async def test_a_definite_sentence_leaves_the_session_open_for_the_next() -> None:
    script = Script(
        hears=(Utterance(text="一", after_ms=None), Utterance(text="二", after_ms=None)), many_per_session=True
    )
    config = replace(QUICK, end_window_ms=300)
    async with running_emulator(script) as vendor, listening(vendor.asr_url(), config) as recognition:
        texts = []
        for _ in range(2):
            await feed(recognition, SILENCE, *[SPEECH] * 4, *[SILENCE] * 4)
            texts.append((await first(recognition)).text)

    assert texts == ["一", "一二"]


async def test_a_service_that_told_what_was_said_is_not_asked_for_the_end() -> None:
    lasts: list[bool] = []
    quiet_for_long = asyncio.Event()

    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(answer(1))
        for _ in range(5):
            await caller.receive()
        words = {"text": "好", "start_time": 100, "end_time": 500, "definite": True}
        await caller.send(answer(2, "好", utterances=[words]))
        while len(lasts) < 20:
            lasts.append((await caller.receive()).is_last)
        quiet_for_long.set()
        await caller.until_gone()

    config = replace(QUICK, end_window_ms=300, stall_timeout_s=SOON_S, keepalive_s=0.01)
    async with odd_vendor(talk) as url, listening(url, config) as recognition:
        await feed(recognition, SILENCE, *[SPEECH] * 4)
        assert (await first(recognition)).definite
        await feed(recognition, *[SILENCE] * 4)
        await quiet_for_long.wait()

    assert not any(lasts)


async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with odd_vendor(greet_and_read) as url, listening(url):
        pass


async def test_a_service_that_takes_nothing_in_is_hung_up_on() -> None:
    over = asyncio.Event()

    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(answer(1))
        await over.wait()

    config = replace(QUICK, packet_ms=2000, backlog_ms=10_000, send_timeout_s=SOON_S)
    async with odd_vendor(talk) as url, listening(url, config) as recognition:
        reading = asyncio.ensure_future(rest(recognition))
        while not reading.done():
            await feed(recognition, SILENCE * 20)
            await asyncio.sleep(0)
        over.set()
        with pytest.raises(ProviderUnavailable, match="took nothing in"):
            await reading


async def test_a_text_message_is_an_error_of_the_services_own() -> None:
    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(json.dumps({"code": 55000031, "message": f"busy, {KEY}"}))

    async with odd_vendor(talk) as url:
        with pytest.raises(ProviderUnavailable, match=r"busy, \*\*\*") as caught:
            async with listening(url):
                pass

    assert caught.value.vendor_code == "55000031"
    assert KEY not in str(caught.value)


async def test_messages_of_other_kinds_are_passed_over() -> None:
    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(answer(1))
        await caller.send(SpeechFrame(MessageType.SERVER_AUDIO, b"", sequence=2))
        await caller.send(SpeechFrame(MessageType.FRONT_END, b"{}"))
        await caller.send(answer(2, "你好"))
        await caller.until_gone()

    async with odd_vendor(talk) as url, listening(url) as recognition:
        assert (await first(recognition)).text == "你好"


async def test_a_compressed_answer_to_a_plain_request_is_read() -> None:
    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(answer(1))
        await caller.send(replace(answer(2, "你好"), compression=Compression.GZIP))
        await caller.until_gone()

    async with odd_vendor(talk) as url, listening(url) as recognition:
        assert (await first(recognition)).text == "你好"


async def test_whoever_leaves_early_hangs_up() -> None:
    gone = asyncio.Event()

    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.send(answer(1))
        await caller.until_gone()
        gone.set()

    async with odd_vendor(talk) as url:
        async with listening(url) as recognition:
            await feed(recognition, SPEECH)
        await asyncio.wait_for(gone.wait(), 5)


async def test_an_opening_that_is_cancelled_hangs_up() -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def talk(caller: Caller) -> None:
        await caller.receive()
        asked.set()
        await caller.until_gone()
        gone.set()

    async with odd_vendor(talk) as url:
        recognizer = VolcengineRecognizer(BY_KEY, replace(QUICK, url=url))
        opening: asyncio.Future[Any] = asyncio.ensure_future(recognizer.open().__aenter__())
        await asked.wait()
        opening.cancel()
        await asyncio.wait_for(gone.wait(), 5)
        await recognizer.aclose()
