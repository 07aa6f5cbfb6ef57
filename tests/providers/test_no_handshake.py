"""Turns over the recogniser and the synthesiser as a call takes them: no handshake while the caller waits."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from backend import compose, settings
from backend.errors import ProviderRefused, ProviderTimeout, ProviderUnavailable
from backend.ports import BYTES_PER_MS, Hypothesis, Recognition, SentenceBegan, Sound, SpeechOptions
from backend.providers import pool
from backend.providers.volcengine.asr import VolcengineRecognizer
from backend.providers.volcengine.config import AsrConfig, SpeechCredentials, TtsConfig
from backend.providers.volcengine.tts import VolcengineSynthesizer
from emulator.script import Fault, Kind, Limits, Script, Utterance
from tests.providers.odd_vendor import Caller, answer, error, odd_vendor, until
from tests.support.emulator import EmulatorHandle, running_emulator

CREDENTIALS = SpeechCredentials(api_key="sk-secret")
VOICE = "zh_female_shuangkuaisisi_moon_bigtts"
VOICE_2 = "zh_female_vv_uranus_bigtts"
ASR = AsrConfig(retry_backoff_s=0.0, spare_idle_s=60.0, spare_kept_s=60.0, spare_timeout_s=5.0)
TTS = TtsConfig(retry_backoff_s=0.0)
SOON_S = 0.05
TURNS = 10
SPEECH = (b"\x00\x20\x00\xe0" * (100 * BYTES_PER_MS))[: 100 * BYTES_PER_MS]
HEARS = Script(hears_always=Utterance(text="你好", after_ms=300))


@dataclass
class Voices:
    """What a call listens with and speaks with."""

    recognizer: VolcengineRecognizer
    synthesizer: VolcengineSynthesizer
    voice: str = VOICE

    async def hear(self) -> str:
        """One recognition, to its first definite word."""
        async with self.recognizer.open() as recognition:
            return await understood(recognition)

    async def warm(self) -> None:
        await asyncio.gather(self.recognizer.warm(), self.synthesizer.warm(self.voice))

    async def turn(self) -> None:
        """The caller speaks; the voice's session opens while the model thinks; the next ears open once it sounds."""
        await self.hear()
        async with self.synthesizer.open(SpeechOptions(self.voice)) as speech:
            await speech.say("今天天气不错。")
            await speech.finish()
            async for item in speech:
                if isinstance(item, Sound):
                    break
            await self.recognizer.warm()
            async for _ in speech:
                pass


@asynccontextmanager
async def voices(vendor: EmulatorHandle, asr: AsrConfig = ASR, tts: TtsConfig = TTS) -> AsyncIterator[Voices]:
    """On letting go, no task and no connection is left."""
    others = asyncio.all_tasks()
    both = Voices(
        VolcengineRecognizer(CREDENTIALS, replace(asr, url=vendor.asr_url())),
        VolcengineSynthesizer(CREDENTIALS, replace(tts, url=vendor.tts_url())),
    )
    yield both
    await both.recognizer.aclose()
    await both.synthesizer.aclose()
    await vendor.hung_up()
    assert not [task for task in asyncio.all_tasks() - others if "backend/providers" in repr(task)]


async def understood(recognition: Recognition) -> str:
    for _ in range(4):
        await recognition.send(SPEECH)
    async for hypothesis in recognition:
        if hypothesis.definite:
            return hypothesis.text
    return ""


def stamps(vendor: EmulatorHandle, what: str) -> list[int]:
    return [stamp["ns"] for stamp in vendor.stats()["stamps"] if stamp["what"] == what]


def handshakes(vendor: EmulatorHandle, service: str) -> int:
    count: int = vendor.stats()[service]["handshakes"]
    return count


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
async def test_ten_turns_shake_no_hand_between_the_end_of_speech_and_the_first_sound(voice: str) -> None:
    async with running_emulator(HEARS) as vendor, voices(vendor) as call:
        call.voice = voice
        await call.warm()
        for _ in range(TURNS):
            await call.turn()
        heard, sounded = stamps(vendor, "definite"), stamps(vendor, "first_audio")
        shaken = stamps(vendor, "handshake")
        tts = handshakes(vendor, "tts")

    waits = list(zip(heard, sounded, strict=True))
    assert len(waits) == TURNS
    assert [ns for ns in shaken if any(began <= ns <= ended for began, ended in waits)] == []
    assert tts == 1


async def test_no_turn_waits_for_a_handshake_of_its_ears() -> None:
    async with running_emulator(HEARS) as vendor, voices(vendor) as call:
        for turn in range(1, TURNS + 1):
            await call.recognizer.warm()
            before = handshakes(vendor, "asr")
            await call.hear()

            assert (before, handshakes(vendor, "asr")) == (turn, turn)


async def test_an_operator_may_want_no_spares() -> None:
    async with running_emulator(HEARS) as vendor:
        values = {"VOLC_API_KEY": "sk-secret", "VOLC_ASR_URL": vendor.asr_url(), "VOLC_ASR_SPARES": "0"}
        providers = compose.providers(settings.load(values))
        await providers.recognizer.warm()

        assert handshakes(vendor, "asr") == 0
        await providers.aclose()


async def test_calls_at_the_same_time_have_spares_of_their_own() -> None:
    async with running_emulator(HEARS) as vendor, voices(vendor) as call:
        await asyncio.gather(*(call.recognizer.warm() for _ in range(5)))
        assert await asyncio.gather(*(call.hear() for _ in range(5))) == ["你好"] * 5

        assert handshakes(vendor, "asr") == 5


async def test_audio_goes_up_on_a_spare_before_the_service_has_answered() -> None:
    received: list[bytes] = []

    async def talk(caller: Caller) -> None:
        await caller.receive()
        received.append((await caller.receive()).payload)
        await caller.send(answer(1))
        await caller.send(answer(2, "你好"))
        await caller.until_gone()

    async with odd_vendor(talk) as url:
        recognizer = VolcengineRecognizer(CREDENTIALS, replace(ASR, url=url))
        await recognizer.warm()
        async with recognizer.open() as recognition:
            await recognition.send(SPEECH)
            heard = await anext(aiter(recognition))
        await recognizer.aclose()

    assert received == [SPEECH]
    assert heard.text == "你好"


def fault(kind: Kind, **more: Any) -> Script:
    return HEARS.model_copy(update={"faults": (Fault(service="asr", kind=kind, **more),)})


@pytest.mark.parametrize(
    "script",
    [
        fault(Kind.REFUSE),
        fault(Kind.ERROR, code=55000031),
        fault(Kind.ERROR, code=45000030),
        fault(Kind.CUT),
        fault(Kind.GARBAGE),
        fault(Kind.STALL),
    ],
    ids=["refused", "busy", "not granted", "cut", "garbage", "stalled"],
)
async def test_a_spare_that_is_worthless_is_replaced_in_silence_and_so_is_what_was_said(script: Script) -> None:
    asr = replace(ASR, spare_timeout_s=SOON_S) if script.faults[0].kind is Kind.STALL else ASR
    async with running_emulator(script) as vendor, voices(vendor, asr) as call:
        await call.recognizer.warm()
        async with call.recognizer.open() as recognition:
            text = await understood(recognition)
        await until(lambda: handshakes(vendor, "asr") == 2)
        heard = vendor.stats()["asr"]["requests"][-1]
        again = await call.hear()

    assert (text, again) == ("你好", "你好")
    assert (heard["audio_ms"], heard["audio_crc32"]) == (400, zlib.crc32(SPEECH * 4))


async def test_a_spare_that_was_cut_while_idle_is_not_used() -> None:
    async with running_emulator(HEARS) as vendor, voices(vendor) as call:
        await call.recognizer.warm()
        await cut_all(vendor)

        assert [await call.hear(), await call.hear()] == ["你好", "你好"]
        assert vendor.stats()["asr"]["sessions"] == 2


async def test_a_spare_that_the_service_ended_for_idleness_is_not_used() -> None:
    script = HEARS.model_copy(update={"limits": Limits(asr_packet_gap_ms=40)})
    async with running_emulator(script) as vendor, voices(vendor) as call:
        await call.recognizer.warm()
        await until(lambda: vendor.stats()["asr"]["errors"] == [45000081])

        assert [await call.hear(), await call.hear()] == ["你好", "你好"]
        assert vendor.stats()["asr"]["sessions"] == 2


async def test_a_spare_is_young_enough_for_the_service_however_long_the_caller_waits() -> None:
    script = HEARS.model_copy(update={"limits": Limits(asr_packet_gap_ms=400)})
    async with running_emulator(script) as vendor, voices(vendor, replace(ASR, spare_idle_s=0.2)) as call:
        await call.recognizer.warm()
        await until(lambda: handshakes(vendor, "asr") == 6)  # well past the service's limit
        before = handshakes(vendor, "asr")
        await call.hear()

        assert handshakes(vendor, "asr") == before
        assert vendor.stats()["asr"]["errors"] == []


async def test_a_fresh_connection_that_fails_like_the_spare_is_told_to_the_reader() -> None:
    script = fault(Kind.ERROR, code=45000030, nth=None, message="not granted")
    async with running_emulator(script) as vendor, voices(vendor) as call:
        await call.recognizer.warm()
        async with call.recognizer.open() as recognition:
            await recognition.send(SPEECH)
            with pytest.raises(ProviderRefused, match="not granted"):
                await anext(aiter(recognition))
            await recognition.send(SPEECH)  # the feeder never sees an error

        assert handshakes(vendor, "asr") == 2


async def test_what_is_said_while_a_spare_is_replaced_is_heard_too() -> None:
    packets: list[bytes] = []
    anew, may_answer = asyncio.Event(), asyncio.Event()
    refusals = [error(55000031)]

    async def talk(caller: Caller) -> None:
        await caller.receive()
        if refusals:
            await caller.receive()
            await caller.send(refusals.pop())
            return
        anew.set()
        await may_answer.wait()
        await caller.send(answer(1))
        while len(packets) < 3:
            packets.append((await caller.receive()).payload)
        await caller.send(answer(2, "都听到了"))
        await caller.until_gone()

    loud, quiet, last = SPEECH, bytes(len(SPEECH)), SPEECH[::-1]
    async with odd_vendor(talk) as url:
        recognizer = VolcengineRecognizer(CREDENTIALS, replace(ASR, url=url))
        await recognizer.warm()
        async with recognizer.open() as recognition:
            reading: asyncio.Future[Hypothesis] = asyncio.ensure_future(anext(aiter(recognition)))
            await recognition.send(loud)
            await anew.wait()
            await recognition.send(quiet)
            await recognition.send(last)
            may_answer.set()
            heard = await reading
        await recognizer.aclose()

    assert packets == [loud, quiet, last]
    assert heard.text == "都听到了"


async def test_more_than_can_be_kept_is_not_said_again() -> None:
    async def talk(caller: Caller) -> None:
        for _ in range(3):
            await caller.receive()
        await caller.send(error(55000031))

    async with odd_vendor(talk) as url:
        recognizer = VolcengineRecognizer(CREDENTIALS, replace(ASR, url=url, backlog_ms=200))
        await recognizer.warm()
        async with recognizer.open() as recognition:
            await recognition.send(SPEECH)
            await recognition.send(SPEECH)
            with pytest.raises(ProviderUnavailable) as caught:
                await anext(aiter(recognition))
        await recognizer.aclose()

    assert caught.value.vendor_code == "55000031"


async def test_a_packet_that_a_spare_never_answers_is_a_timeout_where_every_packet_is_answered() -> None:
    async def talk(caller: Caller) -> None:
        await caller.receive()
        await caller.receive()
        await caller.send(answer(1))
        await caller.until_gone()

    async with odd_vendor(talk) as url:
        config = replace(ASR, url=f"{url}/bigmodel", reply_timeout_s=SOON_S)
        recognizer = VolcengineRecognizer(CREDENTIALS, config)
        await recognizer.warm()
        async with recognizer.open() as recognition:
            await recognition.send(SPEECH)
            with pytest.raises(ProviderTimeout, match="the answer to a packet"):
                await anext(aiter(recognition))
        await recognizer.aclose()


async def test_the_last_result_is_due_on_a_spare_too() -> None:
    async def talk(caller: Caller) -> None:
        while not (await caller.receive()).is_last:
            pass
        await caller.send(answer(1))
        await caller.until_gone()

    async with odd_vendor(talk) as url:
        recognizer = VolcengineRecognizer(CREDENTIALS, replace(ASR, url=url, final_timeout_s=SOON_S))
        await recognizer.warm()
        async with recognizer.open() as recognition:
            await recognition.send(SPEECH)
            await recognition.finish()
            with pytest.raises(ProviderTimeout, match="the last result"):
                await anext(aiter(recognition))
        await recognizer.aclose()


async def spoken(call: Voices) -> bool:
    """One whole reply; whether it sounded."""
    async with call.synthesizer.open(SpeechOptions(call.voice)) as speech:
        await speech.say("今天天气不错。")
        await speech.finish()
        return any([isinstance(item, Sound) async for item in speech])


QUIET = Script(limits=Limits(tts_idle_ms=1500))
RENEWED = replace(TTS, idle_renew_s=0.4)


@pytest.mark.parametrize("used", [False, True])
async def test_a_connection_is_replaced_before_the_service_would_close_it(used: bool) -> None:
    async with running_emulator(QUIET) as vendor, voices(vendor, tts=RENEWED) as call:
        if used:
            await spoken(call)
        else:
            await call.synthesizer.warm(VOICE)
        await until(lambda: handshakes(vendor, "tts") == 5)  # well past the service's limit
        before = handshakes(vendor, "tts")

        assert await spoken(call)
        assert handshakes(vendor, "tts") == before
        assert vendor.stats()["tts"]["errors"] == []


async def test_where_one_connection_is_allowed_it_goes_before_its_successor_comes() -> None:
    async with running_emulator(QUIET) as vendor, voices(vendor, tts=replace(RENEWED, max_connections=1)) as call:
        await call.synthesizer.warm(VOICE)
        most_open = 0
        while handshakes(vendor, "tts") < 3:
            most_open = max(most_open, vendor.stats()["tts"]["open"])
            await asyncio.sleep(0)

        assert await spoken(call)
    assert most_open == 1


async def test_a_connection_is_replaced_for_as_long_as_a_caller_may_come_back() -> None:
    async with (
        running_emulator() as vendor,
        voices(vendor, tts=replace(TTS, idle_renew_s=0.1, idle_close_s=0.25)) as call,
    ):
        await call.synthesizer.warm(VOICE)
        await vendor.hung_up()

        assert 2 <= handshakes(vendor, "tts") <= 3


async def test_a_connection_that_was_lost_while_idle_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_HASTY_S", 0.0)
    async with running_emulator() as vendor, voices(vendor) as call:
        await call.synthesizer.warm(VOICE)
        cut(vendor)
        await until(lambda: handshakes(vendor, "tts") == 2)
        await until(lambda: vendor.stats()["tts"]["open"] == 1)

        assert await spoken(call)
        assert vendor.stats()["tts"]["sessions"] == 1


async def test_a_connection_that_is_lost_at_once_is_not_replaced_for_ever() -> None:
    async with running_emulator() as vendor, voices(vendor) as call:
        await call.synthesizer.warm(VOICE)
        await cut_all(vendor)
        before = handshakes(vendor, "tts")

        assert [await spoken(call), await spoken(call)] == [True, True]
        assert (before, handshakes(vendor, "tts")) == (1, 2)


async def test_a_connection_that_cannot_be_replaced_serves_on() -> None:
    refused = Fault(service="tts", kind=Kind.REFUSE, nth=2)
    async with running_emulator(Script(faults=(refused,))) as vendor, voices(vendor, tts=RENEWED) as call:
        await call.synthesizer.warm(VOICE)
        await until(lambda: vendor.stats()["tts"]["refused"])

        assert await spoken(call)
        assert vendor.stats()["tts"]["sessions_per_socket"] == [1]


async def test_a_voice_waits_for_the_connection_that_is_being_warmed() -> None:
    async with running_emulator() as vendor, voices(vendor) as call:
        warming = asyncio.ensure_future(call.synthesizer.warm(VOICE))
        await until(lambda: handshakes(vendor, "tts"))

        assert await spoken(call)
        assert handshakes(vendor, "tts") == 1
        await warming


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
async def test_a_voice_may_be_opened_long_before_the_first_word(voice: str) -> None:
    async with running_emulator(Script(limits=Limits(tts_idle_ms=100))) as vendor, voices(vendor) as call:
        async with call.synthesizer.open(SpeechOptions(voice)) as speech:
            reading = asyncio.ensure_future(anext(aiter(speech)))
            await asyncio.wait([reading], timeout=0.3)  # three times what an idle connection is given
            assert not reading.done()
            await speech.say("今天天气不错。")
            await speech.finish()

            assert await reading == SentenceBegan("今天天气不错。")
        assert handshakes(vendor, "tts") == 1


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
async def test_a_voice_that_is_never_used_costs_no_socket(voice: str) -> None:
    async with running_emulator() as vendor, voices(vendor) as call:
        call.voice = voice
        for _ in range(3):
            async with call.synthesizer.open(SpeechOptions(voice)):
                pass
        assert await spoken(call)

        assert handshakes(vendor, "tts") == 1
        assert vendor.stats()["tts"]["sessions_per_socket"] == [4]


def cut(vendor: EmulatorHandle) -> None:
    """Drop every connection without a word."""
    for socket in list(vendor.house.sockets):
        transport = socket._req.transport if socket._req is not None else None
        assert transport is not None
        transport.abort()


async def cut_all(vendor: EmulatorHandle) -> None:
    """Drop every connection, and wait until both sides have noticed."""
    cut(vendor)
    await vendor.hung_up()
