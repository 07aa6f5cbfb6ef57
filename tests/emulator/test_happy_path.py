"""One whole exchange with each service, over a real socket."""

import json

import aiohttp

from backend.protocol.speech import SpeechEvent
from emulator.script import Script, Utterance
from tests.emulator.dial import ASR_HEADERS, SILENCE_100_MS, TTS_HEADERS, asr_request, audio, dialled, event
from tests.support.emulator import running_emulator


async def test_recognition_hears_the_scripts_line_and_ends_with_the_last_packet() -> None:
    script = Script(hears=(Utterance(text="你好。", partials=("你",), after_ms=300),))
    async with running_emulator(script) as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request(show_utterances=True))
        for _ in range(4):
            await line.send(audio(SILENCE_100_MS))
        await line.send(audio(b"", last=True))

        answers = await line.rest()

    assert [frame.json()["result"]["text"] for frame in answers] == ["", "你", "你好。", "你好。"]
    assert [frame.sequence for frame in answers] == [1, 2, 3, -4]
    assert [frame.flags for frame in answers] == [1, 1, 1, 3]
    assert answers[0].json()["audio_info"] == {"duration": 0}
    assert answers[-1].json()["result"]["utterances"][0]["definite"] is True


async def test_synthesis_speaks_each_sentence_between_its_events() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        assert (await line.start_connection()).event == SpeechEvent.CONNECTION_STARTED
        assert (await line.start_session("s-1")).event == SpeechEvent.SESSION_STARTED
        await line.say("s-1", "你好。", "再见！")
        await line.send(event(SpeechEvent.FINISH_SESSION, "s-1"))
        frames = await line.until(SpeechEvent.SESSION_FINISHED)

    spoken = [frame.json()["text"] for frame in frames if frame.event == SpeechEvent.SENTENCE_START]
    assert spoken == ["你好。", "再见！"]
    assert {frame.ident for frame in frames} == {"s-1"}


async def test_chat_streams_the_scripts_reply() -> None:
    async with running_emulator(Script(replies=("我在呢。",))) as vendor, aiohttp.ClientSession() as http:
        body = {"model": "ep-1", "stream": True, "messages": [{"role": "user", "content": "在吗"}]}
        key = {"Authorization": "Bearer k"}
        async with http.post(f"{vendor.ark_url}/chat/completions", json=body, headers=key) as response:
            assert response.status == 200
            lines = (await response.text()).strip().split("\n\n")

    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "我在呢。"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
