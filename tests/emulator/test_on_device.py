"""The real models on this machine: what they hear, what they say, and that the one understands the other."""

import asyncio
import os
import re
import signal
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.errors import ConfigError, ProviderUnavailable
from emulator.engines import on_device, voices
from emulator.engines.base import HearOptions, SpeakOptions, Utterance
from emulator.engines.level import LOUDNESS
from emulator.engines.on_device import OnDevice
from tests.emulator import dashscope_device

pytestmark = [pytest.mark.on_device, pytest.mark.asyncio(loop_scope="session")]

DATA = Path(__file__).parents[1] / "data"
VOICE = SpeakOptions("zh_female_shuangkuaisisi_moon_bigtts")
PACKET_BYTES = 3200


async def heard_in(device: OnDevice, pcm: bytes, *, rate_hz: int = 16_000, partials: bool = False) -> list[Utterance]:
    """What is definite when all of it has been fed, as fast as it goes in."""
    options = HearOptions(partials=partials, sample_rate_hz=rate_hz)
    async with device.recognition.open(options) as hearing:
        for at in range(0, len(pcm), PACKET_BYTES):
            await hearing.feed(pcm[at : at + PACKET_BYTES])
        await hearing.finish()
        results = [heard async for heard in hearing]
    return list(results[-1].utterances)


async def spoken(device: OnDevice, text: str, options: SpeakOptions = VOICE) -> bytes:
    """The sound of a sentence at 24 kHz."""
    pieces = [pcm async for pcm in device.synthesis.speak(text, options)]
    assert {piece.sample_rate_hz for piece in pieces} == {24_000}
    return b"".join(piece.data for piece in pieces)


def recording(name: str) -> bytes:
    with wave.open(str(DATA / name)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        return bytes(file.readframes(file.getnframes()))


def samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2") / 32768


def letters(text: str) -> str:
    return re.sub(r"\W", "", text).lower()


def error_rate(expected: str, heard: str) -> float:
    """Edits per character, marks aside."""
    a, b = letters(expected), letters(heard)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1] / len(a)


async def test_mandarin_is_written_in_simplified_characters_with_marks(device: OnDevice) -> None:
    (hello,) = await heard_in(device, recording("zh_ni_hao.wav"))

    assert re.fullmatch("你好.{0,4}，?你今天在干什么呀？", hello.text)
    assert hello.definite
    assert 250 <= hello.start_ms <= 450
    assert 2500 <= hello.end_ms <= 3300


async def test_a_call_has_its_utterances_one_after_the_other(device: OnDevice) -> None:
    first, second = await heard_in(device, recording("zh_call.wav"), partials=True)

    assert first.text.startswith("你好")
    assert letters(second.text) == "你最近有没有去哪里旅游"
    assert second.start_ms > 12_000


async def test_english_is_heard_as_english(device: OnDevice) -> None:
    (hello,) = await heard_in(device, recording("en_hello.wav"))

    assert hello.text == "Hello, what did you do today?"


async def test_two_callers_at_once_hear_their_own_words(device: OnDevice) -> None:
    travel, hello = await asyncio.gather(
        heard_in(device, recording("zh_travel.wav"), partials=True),
        heard_in(device, recording("en_hello.wav"), partials=True),
    )

    assert letters(travel[0].text) == "你最近有没有去哪里旅游"
    assert hello[0].text == "Hello, what did you do today?"


async def test_silence_and_noise_are_nothing(device: OnDevice) -> None:
    random = np.random.default_rng(7)
    seconds = np.arange(16_000 * 3) / 16_000
    noises = [
        np.zeros(48_000),
        random.normal(0, 0.05, 48_000),
        random.normal(0, 0.3, 48_000),
        0.2 * np.sin(2 * np.pi * 120 * seconds),
        0.8 * (random.random(48_000) < 0.001),
    ]
    pcm = [(np.clip(noise, -1, 1) * 32767).astype("<i2").tobytes() for noise in noises]

    assert await heard_in(device, b"".join(pcm)) == []
    for sound in pcm[:2]:  # even where Silero were wrong, the model's own words about nothing are not believed
        head, _ = await device.workers[0].call("transcribe", sound)
        assert head["text"] == ""


@pytest.mark.parametrize("sentence", ["你要不要跟我一起去看电影？", "别难过啦，明天一定会更好的。"])
async def test_what_the_voice_says_is_understood(device: OnDevice, sentence: str) -> None:
    heard = await heard_in(device, await spoken(device, sentence), rate_hz=24_000)

    assert error_rate(sentence, "".join(utterance.text for utterance in heard)) <= 0.2


async def test_what_cosyvoices_wire_says_paraformers_understands(device: OnDevice) -> None:
    async with dashscope_device.services(device) as socket:
        sound = await dashscope_device.spoken_by_cosyvoice(socket, "今天天气很好。")
        text = await dashscope_device.heard_by_paraformer(socket, sound)

    assert "今天天气很好" in text


async def test_numbers_are_read_in_the_sentences_language_and_english_inside_mandarin_is_english(
    device: OnDevice,
) -> None:
    pcm = await spoken(device, "我今年20岁，喜欢Taylor Swift。")

    heard = "".join(utterance.text for utterance in await heard_in(device, pcm, rate_hz=24_000))
    assert re.search("20岁|二十岁", heard)
    assert "swift" in heard.lower()


async def test_speech_has_the_shared_loudness_and_honours_rate_and_volume(device: OnDevice) -> None:
    text = "周末打算做什么呢？"
    normal, fast, quiet = [
        samples(await spoken(device, text, SpeakOptions(VOICE.voice, rate=rate, volume=volume)))
        for rate, volume in ((1.0, 1.0), (1.6, 1.0), (1.0, 0.5))
    ]

    loudness = float(np.sqrt(np.mean(normal[np.abs(normal) > 0] ** 2)))
    assert 0.7 <= loudness / LOUDNESS <= 1.4
    assert np.abs(normal).max() < 0.99
    assert len(fast) < 0.8 * len(normal)
    assert np.std(quiet) == pytest.approx(np.std(normal) / 2, rel=0.15)


async def test_the_first_sound_does_not_wait_for_the_last(device: OnDevice) -> None:
    made = device.synthesis.speak("真的吗？我觉得云南的天空特别蓝，很适合拍照。", VOICE)

    first = await anext(made)
    rest = [piece async for piece in made]

    assert len(first.data) < 2 * 2 * 24_000
    assert len(rest) == 2


async def test_one_who_hangs_up_leaves_the_voice_to_others(device: OnDevice) -> None:
    made = device.synthesis.speak("真的吗？我觉得云南的天空特别蓝，很适合拍照。", VOICE)
    await anext(made)
    await made.aclose()  # type: ignore[attr-defined]
    leaving = asyncio.create_task(spoken(device, "我觉得云南的天空特别蓝。"))
    await asyncio.sleep(0)
    leaving.cancel()

    assert await spoken(device, "好。")


async def test_a_recogniser_that_is_killed_fails_its_call_and_comes_back(device: OnDevice) -> None:
    worker = device.workers[0]
    asked = asyncio.create_task(worker.call("transcribe", recording("zh_travel.wav")))
    await asyncio.sleep(0)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(ProviderUnavailable, match="being restarted"):
        await asked
    (hello,) = await heard_in(device, recording("en_hello.wav"))
    assert hello.text == "Hello, what did you do today?"


async def test_espeak_speaks_where_kokoro_cannot_be_had(model_cache: Path) -> None:
    worker, mouth = on_device.synthesis_worker(on_device.ESPEAK, model_cache)
    await worker.start()
    try:
        woman, man = [
            b"".join([pcm.data async for pcm in mouth.speak("你好，hello！", SpeakOptions(name))])
            for name in ("lan", "song")
        ]
    finally:
        await worker.aclose()

    assert np.std(samples(woman)) > 0.01
    assert len(woman) > on_device.ESPEAK_RATE_HZ * 2 // 2
    assert woman != man


async def test_without_a_synthesiser_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(on_device, "installed", lambda name: name != "misaki")
    assert on_device.best_voice(said.append) == on_device.ESPEAK
    assert "misaki" in said[0]

    monkeypatch.setattr("emulator.engines.espeak.available", lambda: False)
    with pytest.raises(ConfigError, match=r"misaki.*on-device"):
        on_device.best_voice(said.append)


async def test_every_voice_is_a_mixture_of_what_the_model_has(model_cache: Path) -> None:
    with np.load(model_cache / "kokoro/voices_ja.npz") as styles:
        assert {part for mixture in voices.ALL.values() for part in mixture} <= set(styles.files)


async def test_a_name_that_is_expected_is_written_as_it_is_written(device: OnDevice) -> None:
    pcm = recording("zh_ni_hao.wav")

    head, _ = await device.workers[0].call("transcribe", pcm, hot_words=["青青", "乔青青"])

    assert "青青" in head["text"]
