"""Bidirectional synthesis over real sockets: against the emulator, and against a bare server for odd cases."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from backend.errors import ProviderError, ProviderRefused, ProviderTimeout, ProviderUnavailable
from backend.ports import SentenceBegan, SentenceEnded, Sound, Speech, SpeechItem, SpeechOptions, SpeechUsage
from backend.protocol.header import MessageType
from backend.protocol.speech import SpeechEvent, SpeechFrame
from backend.providers.volcengine.config import SpeechCredentials, TtsConfig
from backend.providers.volcengine.tts import VolcengineSynthesizer
from emulator.script import Fault, Kind, Script, Timing
from tests.providers.odd_vendor import LOG_ID, Caller, error, event, odd_vendor, until
from tests.support.emulator import EmulatorHandle, running_emulator

KEY = "sk-very-secret"
BY_KEY = SpeechCredentials(api_key=KEY)
VOICE = "zh_female_shuangkuaisisi_moon_bigtts"
VOICE_2 = "zh_female_vv_uranus_bigtts"
QUICK = TtsConfig(retry_backoff_s=0.0)  # deadlines stay long, but for the one that a test is about
SOON_S = 0.05


@asynccontextmanager
async def voice_of(url: str, config: TtsConfig = QUICK) -> AsyncIterator[VolcengineSynthesizer]:
    """A synthesiser for one service."""
    synthesizer = VolcengineSynthesizer(BY_KEY, replace(config, url=url))
    yield synthesizer
    await synthesizer.aclose()


async def rest(speech: Speech) -> list[SpeechItem]:
    return [item async for item in speech]


async def spoken(synthesizer: VolcengineSynthesizer, *texts: str, voice: str = VOICE, **more: Any) -> list[SpeechItem]:
    """One whole reply."""
    async with synthesizer.open(SpeechOptions(voice, **more)) as speech:
        for text in texts:
            await speech.say(text)
        await speech.finish()
        return await rest(speech)


def without_sound(items: list[SpeechItem]) -> list[SpeechItem]:
    return [item for item in items if not isinstance(item, Sound)]


def requests(vendor: EmulatorHandle) -> list[dict[str, Any]]:
    """What the sessions asked for, oldest first."""
    asked: list[dict[str, Any]] = vendor.stats()["tts"]["requests"]
    return asked


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
async def test_a_reply_is_spoken_sentence_by_sentence_and_paid_for(voice: str) -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        items = await spoken(synthesizer, "今天天", "气不错。我们去公", "园吧", voice=voice)

    assert without_sound(items) == [
        *(SentenceBegan("今天天气不错。"), SentenceEnded(), SentenceBegan("我们去公园吧"), SentenceEnded()),
        SpeechUsage(13),
    ]
    assert isinstance(items[1], Sound)


async def test_a_1_0_voice_gets_the_text_as_it_comes_in_one_session() -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        await spoken(synthesizer, "今天天", "气不错。我们去公", "园吧")
        session = requests(vendor)[0]

    assert session["texts"] == ["今天天", "气不错。我们去公", "园吧"]
    assert session["headers"]["X-Api-Resource-Id"] == "seed-tts-1.0"


async def test_a_2_0_voice_gets_a_session_for_each_sentence_on_one_connection() -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        await spoken(synthesizer, "今天天", "气不错。我们去公", "园吧", voice=VOICE_2)
        sessions = requests(vendor)
        stats = vendor.stats()["tts"]

    assert [session["texts"] for session in sessions] == [["今天天气不错。"], ["我们去公园吧"]]
    assert len({session["session"] for session in sessions}) == 2
    assert (stats["handshakes"], stats["sessions_per_socket"]) == (1, [2])


async def test_opus_gets_a_stream_of_its_own_for_each_sentence() -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        items = await spoken(synthesizer, "今天天气不错。我们去公园吧。", audio_format="opus")

    after_began = [items[at + 1] for at, item in enumerate(items) if isinstance(item, SentenceBegan)]
    assert [item.data[:4] for item in after_began if isinstance(item, Sound)] == [b"OggS", b"OggS"]


async def test_the_voice_sounds_as_asked() -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        await spoken(synthesizer, "你好呀", audio_format="pcm", sample_rate_hz=16_000, rate=1.2, volume=0.8)
        params = requests(vendor)[0]["json"]["req_params"]

    assert params["speaker"] == VOICE
    assert params["audio_params"] == {"format": "pcm", "sample_rate": 16_000, "speech_rate": 20, "loudness_rate": -20}


async def test_many_turns_need_one_handshake_and_sessions_of_their_own() -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        for _ in range(3):
            await spoken(synthesizer, "你好呀，朋友。")
        stats = vendor.stats()["tts"]
        idents = {session["session"] for session in requests(vendor)}

    assert (stats["handshakes"], stats["sessions_per_socket"]) == (1, [3])
    assert len(idents) == 3


async def test_calls_at_the_same_time_have_connections_of_their_own() -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        replies = await asyncio.gather(*(spoken(synthesizer, "你好呀，朋友。") for _ in range(3)))
        stats = vendor.stats()["tts"]

    assert replies[0] == replies[1] == replies[2]
    assert stats["sessions_per_socket"] == [1, 1, 1]


async def test_a_warm_connection_makes_the_first_turn_pay_no_handshake() -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        await synthesizer.warm(VOICE)
        await synthesizer.warm(VOICE)
        warmed = vendor.stats()["tts"]["handshakes"]
        await spoken(synthesizer, "你好呀，朋友。")

        assert (warmed, vendor.stats()["tts"]["handshakes"]) == (1, 1)


async def test_warming_a_service_that_is_down_is_no_error() -> None:
    async with voice_of("ws://127.0.0.1:9") as synthesizer:
        await synthesizer.warm(VOICE)


async def test_each_family_of_voices_has_connections_of_its_own() -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        for voice in (VOICE, VOICE_2, VOICE, VOICE_2):
            await spoken(synthesizer, "你好呀，朋友。", voice=voice)

        assert vendor.stats()["tts"]["sessions_per_socket"] == [2, 2]


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
async def test_a_cancelled_reply_ends_at_once_and_its_socket_serves_the_next(voice: str) -> None:
    script = Script(timing=Timing(tts_piece_ms=20))
    async with running_emulator(script) as vendor, voice_of(vendor.tts_url()) as synthesizer:
        async with synthesizer.open(SpeechOptions(voice)) as speech:
            await speech.say("今天天气不错，我们去公园走一走吧。")
            items = [item async for item in until_sound(speech)]
            await speech.cancel()

            assert await rest(speech) == []
        again = await spoken(synthesizer, "你好呀，朋友。", voice=voice)
        stats, sessions = vendor.stats()["tts"], requests(vendor)

    assert isinstance(items[-1], Sound)
    assert without_sound(again) == [SentenceBegan("你好呀，朋友。"), SentenceEnded(), SpeechUsage(7)]
    assert (stats["handshakes"], sessions[0]["cancelled"], sessions[-1]["cancelled"]) == (1, True, False)


async def until_sound(speech: Speech) -> AsyncIterator[SpeechItem]:
    async for item in speech:
        yield item
        if isinstance(item, Sound):
            return


async def test_what_was_not_read_before_a_cancel_is_never_read() -> None:
    async with (
        running_emulator() as vendor,
        voice_of(vendor.tts_url()) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE)) as speech,
    ):
        await speech.say("今天天气不错。")
        assert await anext(aiter(speech)) == SentenceBegan("今天天气不错。")
        await speech.cancel()

        assert await rest(speech) == []


async def test_cancelling_wakes_whoever_waits_for_sound() -> None:
    script = Script(timing=Timing(tts_first_byte_ms=60_000))
    config = replace(QUICK, first_audio_timeout_s=60.0)
    async with (
        running_emulator(script) as vendor,
        voice_of(vendor.tts_url(), config) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE)) as speech,
    ):
        await speech.say("今天天气不错。")
        reading = asyncio.ensure_future(rest(speech))
        await asyncio.sleep(0)
        await speech.cancel()

        assert await reading == []


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
async def test_leaving_early_cancels_and_keeps_the_connection(voice: str) -> None:
    script = Script(timing=Timing(tts_piece_ms=20))
    async with running_emulator(script) as vendor, voice_of(vendor.tts_url()) as synthesizer:
        async with synthesizer.open(SpeechOptions(voice)) as speech:
            await speech.say("今天天气不错，我们去公园走一走吧。")
            async for _ in until_sound(speech):
                pass
        await spoken(synthesizer, "你好呀，朋友。", voice=voice)

        assert vendor.stats()["tts"]["handshakes"] == 1
        assert requests(vendor)[0]["cancelled"]


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
async def test_leaving_when_all_has_been_spoken_already_cancels_nothing(voice: str) -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        async with synthesizer.open(SpeechOptions(voice)) as speech:
            await speech.say("今天天气不错。")
            await speech.finish()
            async for _ in until_sound(speech):
                pass
            await vendor_is_done(vendor)
        await spoken(synthesizer, "你好呀，朋友。", voice=voice)

        assert vendor.stats()["tts"]["handshakes"] == 1
        assert not any(session["cancelled"] for session in requests(vendor))


async def vendor_is_done(vendor: EmulatorHandle) -> None:
    """Let everything that is ready run: the emulator without delays has then sent all it has."""
    await until(lambda: requests(vendor)[-1]["finished"])
    for _ in range(200):
        await asyncio.sleep(0)


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
@pytest.mark.parametrize("texts", [[], ["……"], ["  ", "！"]])
async def test_a_reply_with_nothing_to_say_is_silent_and_costs_nothing(voice: str, texts: list[str]) -> None:
    async with running_emulator() as vendor, voice_of(vendor.tts_url()) as synthesizer:
        assert await spoken(synthesizer, *texts, voice=voice) == []
        await spoken(synthesizer, "你好呀，朋友。", voice=voice)

        assert vendor.stats()["tts"]["handshakes"] == 1
        assert requests(vendor)[0]["texts"] == []


async def test_a_caller_who_pauses_between_words_is_waited_for() -> None:
    config = replace(QUICK, first_audio_timeout_s=0.5)
    async with (
        running_emulator() as vendor,
        voice_of(vendor.tts_url(), config) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE)) as speech,
    ):
        await speech.say("今天天气不错。")
        sounds = [item async for item in until_sound(speech)]
        reading = asyncio.ensure_future(rest(speech))
        await asyncio.sleep(0.6)  # longer than a service may take for its first sound: the point of this test
        await speech.say("我们去公园吧。")
        await speech.finish()

        assert without_sound(sounds + await reading) == [
            *(SentenceBegan("今天天气不错。"), SentenceEnded(), SentenceBegan("我们去公园吧。"), SentenceEnded()),
            SpeechUsage(14),
        ]


REFUSED = Fault(service="tts", kind=Kind.REFUSE, status=403, code=45000030)
BUSY = Fault(service="tts", kind=Kind.REFUSE, status=503, code=55000031)
CONNECTION_FAILED = Fault(service="tts", kind=Kind.CONNECT_FAIL, code=45000000, message="unauthorized")
SESSION_FAILED = Fault(service="tts", kind=Kind.FAIL, code=45000000, message="speaker permission denied")
ERROR_AT_START = Fault(service="tts", kind=Kind.ERROR, code=45000001)
BUSY_AT_START = Fault(service="tts", kind=Kind.ERROR, code=55000031)
CUT_AT_START = Fault(service="tts", kind=Kind.CUT)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (REFUSED, "45000030"),
        (CONNECTION_FAILED, "45000000"),
        (SESSION_FAILED, "45000000"),
        (ERROR_AT_START, "45000001"),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
async def test_a_no_at_the_start_is_final_and_frees_its_place(fault: Fault, code: str) -> None:
    config = replace(QUICK, max_connections=1)
    async with running_emulator(Script(faults=(fault,))) as vendor, voice_of(vendor.tts_url(), config) as synthesizer:
        with pytest.raises(ProviderRefused) as caught:
            await spoken(synthesizer, "你好呀，朋友。")
        assert vendor.stats()["tts"]["handshakes"] == 1

        assert caught.value.vendor_code == code
        assert caught.value.log_id
        assert await spoken(synthesizer, "你好呀，朋友。")


@pytest.mark.parametrize("fault", [BUSY, BUSY_AT_START, CUT_AT_START], ids=lambda fault: fault.kind)
async def test_a_start_that_another_try_may_mend_is_tried_once_more(fault: Fault) -> None:
    async with running_emulator(Script(faults=(fault,))) as vendor, voice_of(vendor.tts_url()) as synthesizer:
        assert await spoken(synthesizer, "你好呀，朋友。")
        assert vendor.stats()["tts"]["handshakes"] == 2


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (Kind.CONNECT_STALL, replace(QUICK, connect_timeout_s=SOON_S)),
        (Kind.STALL, replace(QUICK, session_timeout_s=SOON_S)),
    ],
    ids=["connection", "session"],
)
async def test_a_start_that_stalls_is_a_timeout(kind: Kind, config: TtsConfig) -> None:
    script = Script(faults=(Fault(service="tts", kind=kind),))
    async with running_emulator(script) as vendor, voice_of(vendor.tts_url(), config) as synthesizer:
        with pytest.raises(ProviderTimeout) as caught:
            await spoken(synthesizer, "你好呀，朋友。")
        assert vendor.stats()["tts"]["handshakes"] == 1

    assert caught.value.code == "TTSTimeout"


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(service="tts", kind=Kind.ERROR, at="mid", code=55000000), ProviderUnavailable),
        (Fault(service="tts", kind=Kind.FAIL, at="mid", code=40402003), ProviderRefused),
        (Fault(service="tts", kind=Kind.CUT, at="mid"), ProviderUnavailable),
        (Fault(service="tts", kind=Kind.GARBAGE, at="mid"), ProviderUnavailable),
        (Fault(service="tts", kind=Kind.WRONG_SESSION, at="mid"), ProviderUnavailable),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
async def test_a_fault_in_the_middle_is_told_and_poisons_the_connection(
    voice: str, fault: Fault, kind: type[ProviderError]
) -> None:
    async with running_emulator(Script(faults=(fault,))) as vendor, voice_of(vendor.tts_url()) as synthesizer:
        with pytest.raises(kind) as caught:
            await spoken(synthesizer, "今天天气不错，我们去公园走一走吧。", voice=voice)
        assert await spoken(synthesizer, "你好呀，朋友。", voice=voice)

        assert vendor.stats()["tts"]["handshakes"] == 2
        assert caught.value.log_id


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
async def test_a_stall_in_the_middle_is_a_timeout_and_poisons_the_connection(voice: str) -> None:
    script = Script(faults=(Fault(service="tts", kind=Kind.STALL, at="mid"),))
    config = replace(QUICK, gap_timeout_s=SOON_S)
    async with running_emulator(script) as vendor, voice_of(vendor.tts_url(), config) as synthesizer:
        with pytest.raises(ProviderTimeout, match="the rest of the sound") as caught:
            await spoken(synthesizer, "今天天气不错，我们去公园走一走吧。", voice=voice)
        async with synthesizer.open(SpeechOptions(voice)):
            assert vendor.stats()["tts"]["handshakes"] == 2

    assert caught.value.code == "TTSTimeout"


async def test_whoever_speaks_into_a_dead_connection_hears_of_it_by_iteration() -> None:
    fault = Fault(service="tts", kind=Kind.ERROR, at="mid", code=55000000)
    async with (
        running_emulator(Script(faults=(fault,))) as vendor,
        voice_of(vendor.tts_url()) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE)) as speech,
    ):
        await speech.say("今天天气不错。")
        with pytest.raises(ProviderUnavailable):
            await rest(speech)
        await speech.say("我们去公园吧。")
        await speech.finish()

        assert await rest(speech) == []


async def test_first_sound_that_never_comes_is_a_timeout() -> None:
    script = Script(timing=Timing(tts_first_byte_ms=60_000))
    config = replace(QUICK, first_audio_timeout_s=SOON_S)
    async with running_emulator(script) as vendor, voice_of(vendor.tts_url(), config) as synthesizer:
        with pytest.raises(ProviderTimeout, match="the first sound"):
            await spoken(synthesizer, "今天天气不错。")


async def test_a_voice_of_another_family_is_refused_in_the_vendors_words() -> None:
    config = replace(QUICK, resource_id="seed-tts-1.0")
    async with running_emulator() as vendor, voice_of(vendor.tts_url(), config) as synthesizer:
        with pytest.raises(ProviderRefused, match="mismatched") as caught:
            await spoken(synthesizer, "你好呀，朋友。", voice=VOICE_2)

    assert caught.value.vendor_code == "55000000"


class Voices:
    """A bare service: connections are answered, and what a session does is the test's to say."""

    def __init__(self, session: Callable[[Caller, str, int], Awaitable[None]]) -> None:
        self._session = session
        self.sessions = 0
        self.handshakes = 0
        self.connection_finished = asyncio.Event()

    async def talk(self, caller: Caller) -> None:
        self.handshakes += 1
        while True:
            frame = await caller.receive()
            match frame.event:
                case SpeechEvent.START_CONNECTION:
                    await caller.send(event(SpeechEvent.CONNECTION_STARTED, "c"))
                case SpeechEvent.START_SESSION:
                    self.sessions += 1
                    assert frame.ident is not None
                    await self._session(caller, frame.ident, self.sessions)
                case SpeechEvent.FINISH_CONNECTION:
                    self.connection_finished.set()


async def speak(caller: Caller, ident: str, _: int = 0) -> None:
    """A session as it should be, for one text."""
    await caller.send(event(SpeechEvent.SESSION_STARTED, ident))
    text = (await caller.receive()).json()["req_params"]["text"]
    await say(caller, ident, text)


async def say(caller: Caller, ident: str, text: str) -> None:
    """The answer to a text whose session has begun."""
    await caller.send(event(SpeechEvent.SENTENCE_START, ident, {"text": text}))
    await caller.send(SpeechFrame(MessageType.SERVER_AUDIO, b"snd", event=SpeechEvent.AUDIO, ident=ident))
    await caller.send(event(SpeechEvent.SENTENCE_END, ident, {"text": text}))
    await caller.send(event(SpeechEvent.SESSION_FINISHED, ident, {"status_code": 20000000}))


SAID = [SentenceBegan("你好呀"), Sound(b"snd"), SentenceEnded()]


async def test_a_connection_that_died_idle_is_replaced_in_silence() -> None:
    async def session(caller: Caller, ident: str, _: int) -> None:
        await speak(caller, ident)
        await caller.connection.close()

    voices = Voices(session)
    async with odd_vendor(voices.talk) as url, voice_of(url) as synthesizer:
        assert await spoken(synthesizer, "你好呀") == SAID
        assert await spoken(synthesizer, "你好呀") == SAID

    assert voices.handshakes == 2


async def test_a_stale_connection_that_never_answers_is_replaced_sooner_than_a_session_is_given_up() -> None:
    async def session(caller: Caller, ident: str, number: int) -> None:
        if number != 2:
            await speak(caller, ident)

    voices = Voices(session)
    config = replace(QUICK, session_timeout_s=600.0, reuse_timeout_s=SOON_S)
    async with odd_vendor(voices.talk) as url, voice_of(url, config) as synthesizer:
        assert await spoken(synthesizer, "你好呀") == SAID
        assert await spoken(synthesizer, "你好呀") == SAID

    assert voices.handshakes == 2


async def test_frames_of_a_cancelled_session_never_reach_the_next() -> None:
    cancelled = asyncio.Event()

    async def session(caller: Caller, ident: str, number: int) -> None:
        if number == 1:
            await caller.send(event(SpeechEvent.SESSION_STARTED, ident))
            while (await caller.receive()).event != SpeechEvent.CANCEL_SESSION:
                pass
            await caller.send(SpeechFrame(MessageType.SERVER_AUDIO, b"old", event=SpeechEvent.AUDIO, ident=ident))
            await caller.send(event(SpeechEvent.SESSION_CANCELED, ident, {"status_code": 20000000}))
            await caller.send(SpeechFrame(MessageType.SERVER_AUDIO, b"late", event=SpeechEvent.AUDIO, ident=ident))
            cancelled.set()
        else:
            await speak(caller, ident)

    voices = Voices(session)
    async with odd_vendor(voices.talk) as url, voice_of(url) as synthesizer:
        async with synthesizer.open(SpeechOptions(VOICE)) as speech:
            await speech.say("别说了吧")
            await speech.cancel()
        await cancelled.wait()

        assert await spoken(synthesizer, "你好呀") == SAID

    assert (voices.handshakes, voices.sessions) == (1, 2)


async def test_a_cancel_that_is_never_answered_costs_the_connection_but_not_the_turn() -> None:
    async def session(caller: Caller, ident: str, number: int) -> None:
        await (caller.send(event(SpeechEvent.SESSION_STARTED, ident)) if number == 1 else speak(caller, ident))

    voices = Voices(session)
    async with odd_vendor(voices.talk) as url, voice_of(url, replace(QUICK, cancel_timeout_s=SOON_S)) as synthesizer:
        async with synthesizer.open(SpeechOptions(VOICE)):
            pass

        assert await spoken(synthesizer, "你好呀") == SAID

    assert voices.handshakes == 2


async def test_a_session_that_ends_while_it_is_being_cancelled_costs_the_connection() -> None:
    async def session(caller: Caller, ident: str, number: int) -> None:
        if number == 1:
            await caller.send(event(SpeechEvent.SESSION_STARTED, ident))
            await caller.receive()
            await caller.send(event(SpeechEvent.SESSION_FINISHED, ident, {"status_code": 20000000}))
        else:
            await speak(caller, ident)

    voices = Voices(session)
    async with odd_vendor(voices.talk) as url, voice_of(url) as synthesizer:
        async with synthesizer.open(SpeechOptions(VOICE)):
            pass

        assert await spoken(synthesizer, "你好呀") == SAID

    assert (voices.handshakes, voices.sessions) == (2, 2)


async def test_a_connection_on_which_a_session_timed_out_never_serves_again() -> None:
    async def session(caller: Caller, ident: str, number: int) -> None:
        if number == 1:
            await caller.send(event(SpeechEvent.SESSION_STARTED, ident))
            while (await caller.receive()).event != SpeechEvent.CANCEL_SESSION:
                pass
            await caller.send(event(SpeechEvent.SESSION_CANCELED, ident))
        else:
            await speak(caller, ident)

    voices = Voices(session)
    async with odd_vendor(voices.talk) as url, voice_of(url, replace(QUICK, first_audio_timeout_s=0.2)) as synthesizer:
        with pytest.raises(ProviderTimeout):
            await spoken(synthesizer, "你好呀")
        async with synthesizer.open(SpeechOptions(VOICE)):
            pass

    assert voices.handshakes == 2


@pytest.mark.parametrize(
    ("message", "kind", "code"),
    [
        (error(55000001, "session error"), ProviderUnavailable, "55000001"),
        ('{"code": 45000292, "message": "quota"}', ProviderUnavailable, "45000292"),
        ("something is wrong", ProviderUnavailable, "0"),
        (event(SpeechEvent.CONNECTION_FAILED, "c", {"status_code": 45000000}), ProviderRefused, "45000000"),
        (SpeechFrame(MessageType.SERVER_AUDIO, b"whose?"), ProviderUnavailable, ""),
    ],
    ids=["error frame", "text with code", "text", "connection failed", "audio of nobody"],
)
async def test_what_should_not_come_in_a_session_ends_it(
    message: SpeechFrame | str, kind: type[ProviderError], code: str
) -> None:
    async def session(caller: Caller, ident: str, number: int) -> None:
        if number == 1:
            await caller.send(event(SpeechEvent.SESSION_STARTED, ident))
            await caller.send(message)
        else:
            await speak(caller, ident)

    voices = Voices(session)
    async with odd_vendor(voices.talk) as url, voice_of(url) as synthesizer:
        with pytest.raises(kind) as caught:
            await spoken(synthesizer, "你好呀")
        assert await spoken(synthesizer, "你好呀") == SAID

    assert (caught.value.vendor_code, caught.value.log_id, voices.handshakes) == (code, LOG_ID, 2)


async def test_a_session_that_finishes_badly_is_an_error() -> None:
    async def session(caller: Caller, ident: str, _: int) -> None:
        await caller.send(event(SpeechEvent.SESSION_STARTED, ident))
        await caller.send(event(SpeechEvent.SESSION_FINISHED, ident, {"status_code": 45000000, "message": "no"}))

    async with odd_vendor(Voices(session).talk) as url, voice_of(url) as synthesizer:
        with pytest.raises(ProviderRefused, match="no"):
            await spoken(synthesizer, "你好呀")


@pytest.mark.parametrize("voice", [VOICE, VOICE_2])
async def test_a_reply_that_makes_no_sound_at_all_is_an_error(voice: str) -> None:
    async def session(caller: Caller, ident: str, _: int) -> None:
        await caller.send(event(SpeechEvent.SESSION_STARTED, ident))
        await caller.receive()
        await caller.send(event(SpeechEvent.SESSION_FINISHED, ident, {"status_code": 20000000}))

    async with odd_vendor(Voices(session).talk) as url, voice_of(url) as synthesizer:
        with pytest.raises(ProviderRefused, match="without any sound"):
            await spoken(synthesizer, "你好呀", voice=voice)


async def test_events_from_newer_pages_are_passed_over() -> None:
    async def session(caller: Caller, ident: str, _: int) -> None:
        await caller.send(event(SpeechEvent.SESSION_STARTED, ident))
        text = (await caller.receive()).json()["req_params"]["text"]
        for number in (250, 251, SpeechEvent.TTS_ENDED, SpeechEvent.SUBTITLE, SpeechEvent.USAGE):
            await caller.send(event(number, ident, {"text": "?"}))
        await say(caller, ident, text)

    async with odd_vendor(Voices(session).talk) as url, voice_of(url) as synthesizer:
        assert await spoken(synthesizer, "你好呀") == SAID


async def test_more_sessions_than_connections_are_a_timeout_in_the_end() -> None:
    config = replace(QUICK, max_connections=1, acquire_timeout_s=SOON_S)
    async with (
        running_emulator() as vendor,
        voice_of(vendor.tts_url(), config) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE)),
    ):
        with pytest.raises(ProviderTimeout, match="all 1 connections"):
            await spoken(synthesizer, "你好呀，朋友。")


async def test_a_session_waits_for_a_connection_to_become_free() -> None:
    config = replace(QUICK, max_connections=1)
    async with running_emulator() as vendor, voice_of(vendor.tts_url(), config) as synthesizer:
        async with synthesizer.open(SpeechOptions(VOICE)):
            waiting = asyncio.ensure_future(spoken(synthesizer, "你好呀，朋友。"))
            await asyncio.sleep(0)

        assert await waiting


async def test_an_idle_connection_gives_way_when_the_house_is_full() -> None:
    config = replace(QUICK, max_connections=1)
    async with running_emulator() as vendor, voice_of(vendor.tts_url(), config) as synthesizer:
        await spoken(synthesizer, "你好呀，朋友。", voice=VOICE)
        assert await spoken(synthesizer, "你好呀，朋友。", voice=VOICE_2)
        await until(lambda: vendor.stats()["tts"]["open"] == 1)


async def test_a_connection_that_lies_idle_for_long_is_closed_in_order() -> None:
    voices = Voices(speak)
    async with odd_vendor(voices.talk) as url, voice_of(url, replace(QUICK, idle_close_s=SOON_S)) as synthesizer:
        await spoken(synthesizer, "你好呀")
        await asyncio.wait_for(voices.connection_finished.wait(), 5)

        assert await spoken(synthesizer, "你好呀") == SAID

    assert voices.handshakes == 2


async def test_letting_go_closes_what_is_idle_and_what_is_still_being_cancelled() -> None:
    async with running_emulator() as vendor:
        async with voice_of(vendor.tts_url()) as synthesizer:
            await asyncio.gather(*(spoken(synthesizer, "你好呀，朋友。") for _ in range(2)))
            async with synthesizer.open(SpeechOptions(VOICE)) as speech:
                await speech.say("今天天气不错。")
        await until(lambda: vendor.stats()["tts"]["open"] == 0)


async def test_an_opening_that_is_cancelled_leaves_no_connection_behind() -> None:
    asked = asyncio.Event()

    async def session(_: Caller, __: str, number: int) -> None:
        asked.set()

    voices = Voices(session)
    config = replace(QUICK, max_connections=1)
    async with odd_vendor(voices.talk) as url, voice_of(url, config) as synthesizer:
        opening = asyncio.ensure_future(spoken(synthesizer, "你好呀"))
        await asked.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        asked.clear()
        again = asyncio.ensure_future(spoken(synthesizer, "你好呀"))
        await asked.wait()  # the only place is free again
        again.cancel()


async def test_no_error_of_the_service_repeats_our_key() -> None:
    fault = Fault(service="tts", kind=Kind.REFUSE, status=401, code=45000010, message=f"Invalid X-Api-Key {KEY}")
    async with running_emulator(Script(faults=(fault,))) as vendor, voice_of(vendor.tts_url()) as synthesizer:
        with pytest.raises(ProviderRefused) as caught:
            await spoken(synthesizer, "你好呀，朋友。")

    assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
