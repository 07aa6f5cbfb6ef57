"""One call over a real socket, with services that follow a script."""

import asyncio
import base64

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from backend.call.machine import CallLimits
from backend.errors import ProviderRefused, ProviderTimeout, ProviderUnavailable
from backend.give_way import AT_ONCE
from backend.ports import Message
from backend.protocol.frames import AudioFrame, EventFrame
from backend.session import SessionLimits
from backend.shell.ears import EarsLimits
from tests.support.caller import SPEECH_100_MS, audio_up, dialled, dialling, event_up, names
from tests.support.fakes import FakeModel, FakeRecognizer, FakeSynthesizer, Hears
from tests.support.switchboard import Switchboard, answering


def talkative(*turns: tuple[str, str]) -> Switchboard:
    """Hears the first of each pair and answers the second."""
    return Switchboard(
        recognizer=FakeRecognizer(*(Hears(question) for question, _ in turns)),
        model=FakeModel([[answer] for _, answer in turns]),
    )


async def test_a_client_that_asks_for_nothing_gets_whole_sentences_event_for_event() -> None:
    async with answering(talkative(("你好", "你好呀。"), ("再见", "拜拜。"))) as board, dialled(board.url) as caller:
        assert await caller.turn() == [
            EventFrame("SentenceRecognized", {"sentence": "你好"}),
            EventFrame("TTSSentenceStart", {"sentence": "你好呀。"}),
            AudioFrame("你好呀。".encode()),
            EventFrame("TTSDone", {}),
        ]
        assert names(await caller.turn()) == ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]


async def test_a_client_may_ask_for_frames_without_sizes() -> None:
    async with answering(talkative(("你好", "你好呀。"))) as board, dialled(board.url, framing="bare") as caller:
        assert names(await caller.turn()) == ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]


async def test_streamed_delivery_sends_each_piece_and_turn_ids_number_every_frame() -> None:
    async with (
        answering(talkative(("你好", "你好呀。"))) as board,
        dialled(board.url, delivery="stream", turn_ids="true") as caller,
    ):
        frames = await caller.turn()

    assert names(frames) == ["SentenceRecognized", "TTSSentenceStart", "audio", "audio", "TTSDone"]
    assert {frame.turn for frame in frames} == {1}


async def test_a_sentence_without_sound_is_not_announced() -> None:
    board = talkative(("你好", "嗯。"))
    board.synthesizer = FakeSynthesizer(pieces=0)
    async with answering(board), dialled(board.url) as caller:
        assert names(await caller.turn()) == ["SentenceRecognized", "TTSDone"]


async def test_audio_heard_while_in_process_never_reaches_a_later_turn() -> None:
    recognizer = FakeRecognizer(Hears("你好"), Hears("再见"))
    model = FakeModel([["好。"], ["拜拜。"]], hold=True)
    async with answering(Switchboard(recognizer=recognizer, model=model)) as board, dialled(board.url) as caller:
        await caller.speak(100)
        await caller.until("SentenceRecognized")
        await caller.socket.send(audio_up(b"\x11\x11" * 1600))
        await caller.send("PlaybackPosition", {"turn": 0, "played_ms": 0})
        model.go.set()
        await caller.until("TTSDone")
        await caller.turn()

    assert bytes(recognizer.sessions[1].audio) == SPEECH_100_MS * (len(recognizer.sessions[1].audio) // 3200)


async def test_an_odd_byte_waits_for_the_next_frames_first() -> None:
    recognizer = FakeRecognizer(Hears("你好"))
    async with (
        answering(Switchboard(recognizer=recognizer, model=FakeModel([["好。"]]))) as board,
        dialled(board.url) as caller,
    ):
        await caller.socket.send(audio_up(SPEECH_100_MS[:1601]))
        await caller.socket.send(audio_up(SPEECH_100_MS[1601:]))
        await caller.until("TTSDone")

    assert bytes(recognizer.sessions[0].audio) == SPEECH_100_MS


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProviderUnavailable("llm", "broke off", log_id="log-7"), "LLMFailed"),
        (ProviderTimeout("llm", "too slow"), "LLMTimeout"),
    ],
)
async def test_a_model_that_fails_is_told_and_the_next_turn_works(
    error: ProviderUnavailable | ProviderTimeout, code: str
) -> None:
    board = talkative(("你好", ""), ("还在吗", "在。"))
    board.model = FakeModel([[error], ["在。"]])
    async with answering(board), dialled(board.url) as caller:
        failed = await caller.turn()
        assert names(failed) == ["SentenceRecognized", "BotError", "TTSDone"]
        assert failed[1] == EventFrame("BotError", {"error": {"code": code, "message": str(error)}})
        assert names(await caller.turn()) == ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]


async def test_what_a_model_said_before_it_failed_is_still_spoken() -> None:
    board = talkative(("你好", ""))
    board.model = FakeModel([["我跟你说，", ProviderUnavailable("llm", "broke off")]])
    async with answering(board), dialled(board.url) as caller:
        assert names(await caller.turn()) == ["SentenceRecognized", "TTSSentenceStart", "audio", "BotError", "TTSDone"]


@pytest.mark.parametrize("where", ["opening", "speaking"])
async def test_a_voice_that_fails_is_told_and_the_next_turn_works(where: str) -> None:
    board, voice = talkative(("你好", "好。"), ("还在吗", "在。")), FakeSynthesizer()
    board.synthesizer = voice
    error = ProviderRefused("tts", "no such voice", vendor_code="45000001")
    voice.refuses, voice.fails = (error, None) if where == "opening" else (None, error)
    async with answering(board), dialled(board.url) as caller:
        assert names(await caller.turn()) == ["SentenceRecognized", "TTSSentenceStart", "audio", "BotError", "TTSDone"]
        voice.refuses = voice.fails = None
        assert names(await caller.turn()) == ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]


async def test_a_streaming_client_reads_the_answer_that_no_voice_could_speak() -> None:
    board, voice = talkative(("你好", "我在呢，你说。")), FakeSynthesizer()
    board.synthesizer, voice.fails = voice, ProviderUnavailable("tts", "broke off")
    async with answering(board), dialled(board.url, delivery="stream") as caller:
        frames = await caller.turn()

    assert names(frames) == ["SentenceRecognized", "TTSSentenceStart", "BotError", "TTSDone"]
    assert frames[1] == EventFrame("TTSSentenceStart", {"sentence": "我在呢，你说。"})


async def test_an_empty_reply_ends_its_turn() -> None:
    board = talkative(("你好", ""))
    async with answering(board), dialled(board.url) as caller:
        assert names(await caller.turn()) == ["SentenceRecognized", "TTSDone"]


async def test_a_fault_of_our_own_names_a_log_id_and_no_more() -> None:
    board = talkative(("你好", ""), ("还在吗", "在。"))
    board.model = FakeModel([[RuntimeError("password=hunter2")], ["在。"]])
    async with answering(board), dialled(board.url) as caller:
        frames = await caller.turn()
        error = frames[-2]
        assert isinstance(error, EventFrame)
        assert error.payload["error"]["code"] == "Internal"
        assert "log id" in error.payload["error"]["message"]
        assert "hunter2" not in str(frames)
        assert names(await caller.turn())[-1] == "TTSDone"


async def test_a_recogniser_that_fails_is_told_and_heard_again_later() -> None:
    board = talkative(("", "在。"))
    board.recognizer = FakeRecognizer(ProviderUnavailable("asr", "broke off", log_id="log-9"), Hears("还在吗"))
    async with answering(board), dialled(board.url) as caller:
        await caller.speak(100)
        error = await caller.event()
        assert error.payload["error"] == {"code": "ASRFailed", "message": "broke off (log id log-9)"}
        assert names(await caller.turn())[-1] == "TTSDone"


async def test_a_conversation_is_taken_up_where_it_ended() -> None:
    model = FakeModel([["你好呀。"], ["记得。"]])
    board = Switchboard(recognizer=FakeRecognizer(Hears("我叫小林"), Hears("我叫什么")), model=model)
    async with answering(board):
        async with dialled(board.url) as caller:
            await caller.turn()
            sid = caller.sid
        async with dialled(board.url, sid=sid) as again:
            assert again.sid == sid
            await again.turn()

    assert model.asked[1] == (
        Message("user", "我叫小林"),
        Message("assistant", "你好呀。"),
        Message("user", "我叫什么"),
    )


async def test_an_unknown_sid_starts_an_empty_conversation_under_it() -> None:
    async with answering(Switchboard()) as board, dialled(board.url, sid="my-own_1") as caller:
        assert caller.sid == "my-own_1"


async def test_a_malformed_sid_is_told_and_closed() -> None:
    async with answering(Switchboard()) as board, dialling(board.url, sid="no/slash") as caller:
        assert (await caller.event()).payload["error"]["code"] == "BadSession"
        assert await caller.closed() == (1008, "BadSession")


async def test_text_messages_and_bad_frames_are_told_and_the_tenth_in_a_row_closes() -> None:
    async with answering(Switchboard()) as board, dialled(board.url) as caller:
        bad_messages: list[str | bytes] = ["hello", b"", b"\x11\x50\x00\x00", *[b"\x11\x10\x10\x00nope"] * 6]
        for bad in bad_messages:
            await caller.socket.send(bad)
            assert (await caller.event()).payload["error"]["code"] == "BadFrame"
        await caller.socket.send(b"\x00")
        assert (await caller.event()).payload["error"]["code"] == "BadFrame"
        assert (await caller.closed())[0] == 1008


async def test_a_good_frame_forgives_the_bad_ones_before() -> None:
    async with answering(Switchboard()) as board, dialled(board.url) as caller:
        for _ in range(3):
            for _ in range(8):
                await caller.socket.send(b"bad!")
                assert (await caller.event()).event == "BotError"
            await caller.socket.send(audio_up(SPEECH_100_MS))


async def test_bad_events_are_told_and_never_close() -> None:
    async with answering(Switchboard()) as board, dialled(board.url) as caller:
        for _ in range(12):
            await caller.send("Dance")
            assert (await caller.event()).payload["error"]["code"] == "BadEvent"
        await caller.send("BotUpdateConfig", {"persona": "nobody"})
        assert (await caller.event()).payload["error"]["code"] == "BadEvent"


async def test_a_wrong_parameter_is_told_after_bot_ready_and_ignored() -> None:
    async with answering(Switchboard()) as board, dialled(board.url, delivery="pigeon", persona="nobody") as caller:
        codes = [(await caller.event()).payload["error"]["code"] for _ in range(2)]

    assert codes == ["BadEvent", "BadEvent"]


async def test_a_config_update_takes_effect_from_the_next_turn() -> None:
    board, voice = talkative(("你好", "好。"), ("换了吗", "换了。")), FakeSynthesizer()
    board.synthesizer = voice
    async with answering(board), dialled(board.url) as caller:
        await caller.send("BotUpdateConfig", {"speaker": "voice-2", "sample_rate": 16000})
        await caller.turn()

    assert (voice.options[0].voice, voice.options[0].sample_rate_hz) == ("voice-2", 16000)


async def test_a_typed_text_is_answered_like_a_spoken_one() -> None:
    board = Switchboard(model=FakeModel([["在呢。"]]))
    async with answering(board), dialled(board.url) as caller:
        await caller.send("UserText", {"text": "在吗"})
        assert names(await caller.until("TTSDone")) == ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]


async def test_an_interrupt_stops_the_reply_and_its_services() -> None:
    model, voice = FakeModel([["我想一想。"], ["嗯。"]], hold=True), FakeSynthesizer()
    board = Switchboard(model=model, synthesizer=voice)
    async with answering(board), dialled(board.url, events="BotInterrupted") as caller:
        await caller.send("UserText", {"text": "在吗"})
        await caller.until("TTSSentenceStart")
        assert names([await caller.next()]) == ["audio"]
        await caller.send("BotInterrupt")
        assert [frame.payload for frame in await caller.until("TTSDone") if isinstance(frame, EventFrame)] == [
            {"spoken": "我想一想。"},
            {},
        ]
        model.hold = False
        await caller.send("UserText", {"text": "还在吗"})
        assert names(await caller.until("TTSDone"))[-1] == "TTSDone"

    assert model.stopped == 2
    assert voice.left_early == 1


async def test_turn_metrics_come_to_those_who_ask() -> None:
    async with answering(talkative(("你好", "好。"))) as board, dialled(board.url, events="TurnMetrics") as caller:
        frames = await caller.turn()

    metrics = next(f.payload for f in frames if isinstance(f, EventFrame) and f.event == "TurnMetrics")
    assert set(metrics) == {
        "endpoint", "asr_final", "request_sent", "llm_first_token", "tts_first_text", "tts_first_byte", "first_audio",
        "done", "usage",
    }  # fmt: skip
    assert metrics["usage"] == {"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 0, "tts_characters": 2}
    assert names(frames)[-2:] == ["TurnMetrics", "TTSDone"]


async def test_audio_far_ahead_of_real_time_is_a_bad_frame() -> None:
    limits = SessionLimits(ears=EarsLimits(ahead_ms=1000))
    async with answering(Switchboard(limits=limits)) as board, dialled(board.url) as caller:
        await caller.socket.send(audio_up(bytes(32 * 900)))
        await caller.socket.send(audio_up(bytes(32 * 900)))
        assert (await caller.event()).payload["error"]["code"] == "BadFrame"


async def test_silence_ends_the_call() -> None:
    limits = SessionLimits(call=CallLimits(idle_s=0.05))
    async with answering(Switchboard(limits=limits)) as board, dialled(board.url) as caller:
        assert (await caller.event()).payload["error"]["code"] == "IdleTimeout"
        assert (await caller.closed())[0] == 1000


async def test_a_message_over_the_bound_closes_1009() -> None:
    async with answering(Switchboard(max_message_bytes=10_000)) as board, dialled(board.url) as caller:
        await caller.socket.send(audio_up(bytes(20_000)))
        assert (await caller.closed())[0] == 1009


async def test_a_client_that_does_not_read_is_hung_up_on() -> None:
    model = FakeModel([["长" * 64 + "。"] * 300])
    board = Switchboard(model=model, synthesizer=FakeSynthesizer(pieces=1), blocked_write_s=0.2)
    voice = board.synthesizer
    assert isinstance(voice, FakeSynthesizer)
    voice.sound_of = lambda text: FakeSynthesizer(1).sound_of(text * 300)  # type: ignore[method-assign]
    async with answering(board), dialled(board.url, delivery="stream") as caller:
        caller.socket.transport.pause_reading()
        await caller.send("UserText", {"text": "说吧"})
        assert board.reception is not None
        async with asyncio.timeout(20):
            await board.reception.all_ended()
        assert board.reception.calls == 0


async def test_another_path_is_not_found() -> None:
    async with answering(Switchboard()) as board:
        with pytest.raises(InvalidStatus) as refusal:
            async with dialling(board.url + "/elsewhere"):
                pass

    assert refusal.value.response.status_code == 404


async def test_the_root_is_an_alias() -> None:
    async with answering(Switchboard()) as board, dialled(board.url.removesuffix("/api/live_voice_call/chat") + "/"):
        pass


async def test_without_the_token_the_door_stays_shut() -> None:
    async with answering(Switchboard(access_token="open sesame")) as board:
        with pytest.raises(InvalidStatus) as refusal:
            async with dialling(board.url, headers={"Authorization": "Bearer closed"}):
                pass
        assert refusal.value.response.status_code == 401
        async with dialled(board.url, headers={"Authorization": "Bearer open sesame"}):
            pass


async def test_a_browser_presents_the_token_as_a_subprotocol_and_is_answered_without_it() -> None:
    token = base64.urlsafe_b64encode(b"open sesame").decode().rstrip("=")
    async with (
        answering(Switchboard(access_token="open sesame")) as board,
        connect(board.url, subprotocols=[Subprotocol("lvc"), Subprotocol(f"token.{token}")]) as socket,
    ):
        assert socket.subprotocol == "lvc"


async def test_a_full_house_is_busy_and_says_when_to_try_again() -> None:
    async with answering(Switchboard(max_calls=1)) as board, dialled(board.url):
        with pytest.raises(InvalidStatus) as refusal:
            async with dialling(board.url):
                pass

    assert refusal.value.response.status_code == 503
    assert int(refusal.value.response.headers["Retry-After"]) > 0


async def test_a_crowd_at_the_door_does_not_pass_the_bound() -> None:
    async def dial(url: str) -> int:
        try:
            async with dialled(url):
                await enough.wait()
        except InvalidStatus as refusal:
            return refusal.response.status_code
        return 101

    enough = asyncio.Event()
    async with answering(Switchboard(max_calls=3)) as board:
        dials = [asyncio.create_task(dial(board.url)) for _ in range(10)]
        async with asyncio.timeout(20):
            for refused in asyncio.as_completed(dials):
                assert await refused == 503
                if sum(task.done() for task in dials) == 7:
                    break
        enough.set()
        statuses = sorted(await asyncio.gather(*dials))

    assert statuses == [101] * 3 + [503] * 7


async def test_a_draining_server_lets_the_turn_finish() -> None:
    model = FakeModel([["我想一想。"]], hold=True)
    async with answering(Switchboard(model=model)) as board, dialled(board.url) as caller:
        assert board.reception is not None
        await caller.send("UserText", {"text": "在吗"})
        await caller.until("TTSSentenceStart")
        draining = asyncio.create_task(board.reception.drain(20))
        model.go.set()
        frames = await caller.until("TTSDone")
        assert (await caller.event()).payload["error"]["code"] == "ShuttingDown"
        assert (await caller.closed())[0] == 1012
        await draining

    assert names(frames) == ["audio", "TTSDone"]


async def test_a_call_leaves_nothing_behind() -> None:
    recognizer = FakeRecognizer(Hears("你好"))
    before = len(asyncio.all_tasks())
    async with answering(Switchboard(recognizer=recognizer, model=FakeModel([["好。"]]))) as board:
        async with dialled(board.url) as caller:
            await caller.turn()
        assert board.reception is not None
        async with asyncio.timeout(20):
            await board.reception.all_ended()

    assert recognizer.closed == len(recognizer.sessions)
    assert len(asyncio.all_tasks()) == before


async def test_a_client_that_types_hundreds_of_lines_and_leaves_has_left() -> None:
    board = Switchboard(model=FakeModel([["好。"]] * 100, hold=True))
    async with answering(board):
        async with dialled(board.url) as caller:
            for _ in range(100):
                await caller.send("UserText", {"text": "在吗"})
            refused = [frame for frame in await caller.until("BotError") if isinstance(frame, EventFrame)][-1]
            assert refused.payload["error"]["code"] == "BadEvent"
        assert board.reception is not None
        async with asyncio.timeout(5):
            await board.reception.all_ended()


async def test_config_events_are_heard_while_in_process() -> None:
    model = FakeModel([["好。"]], hold=True)
    async with answering(Switchboard(model=model)) as board, dialled(board.url) as caller:
        await caller.send("UserText", {"text": "在吗"})
        await caller.until("SentenceRecognized")
        await caller.socket.send(event_up("BotUpdateConfig", {"speaker": 5}))
        frames = await caller.until("BotError")
        model.go.set()
        await caller.until("TTSDone")

    assert names(frames)[-1] == "BotError"


async def test_a_call_gives_way_where_much_lies_there_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    times = list[int]()

    async def give_way() -> None:
        times.append(1)

    monkeypatch.setattr("backend.session.give_way", give_way)
    async with answering(Switchboard()) as board, dialled(board.url) as caller:
        for _ in range(3 * AT_ONCE):
            await caller.send("Unknown")
            assert (await caller.event()).event == "BotError"
        assert not times

        async with asyncio.timeout(20):
            while not times:
                for _ in range(3 * AT_ONCE):
                    caller.socket.transport.write(Frame(Opcode.BINARY, event_up("Unknown")).serialize(mask=True))
                for _ in range(3 * AT_ONCE):
                    assert (await caller.event()).event == "BotError"
