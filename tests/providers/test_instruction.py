"""What CosyVoice may be told of how to speak, on our side and on the emulator's, which refuses the rest."""

import logging

import pytest

from backend.errors import ConfigError
from backend.ports import SpeechOptions
from backend.providers.dashscope.config import CosyVoiceConfig, SocketConfig
from backend.providers.dashscope.instruction import instruction, takes, units
from backend.providers.dashscope.tts import CosyVoiceSynthesizer
from emulator.dashscope.speaking import parse
from emulator.dashscope.wire import Command, TaskFailure
from emulator.script import Script, Tone
from tests.support.emulator import running_emulator

OWN = "像哄孩子睡觉那样慢慢说"
SENTENCE = "你说话的情感是sad。"
CLONE = "cosyvoice-v3-flash-me-1234"
NEWER_CLONE = "cosyvoice-v3.5-plus-me-1234"
PLUS_CLONE = "cosyvoice-v3-plus-me-1234"

CASES = [
    ("cosyvoice-v1", "longwan", SENTENCE, False),
    ("cosyvoice-v2", "longhua_v2", SENTENCE, False),
    ("cosyvoice-v3-flash", "longxiaochun_v3", SENTENCE, False),
    ("cosyvoice-v3-flash", "longanhuan", SENTENCE, True),
    ("cosyvoice-v3-flash", "longanhuan", "你在讲故事，" + SENTENCE, True),
    ("cosyvoice-v3-flash", "longanhuan", SENTENCE.rstrip("。"), False),
    ("cosyvoice-v3-flash", "longanhuan", "你说话的情感是excited。", False),
    ("cosyvoice-v3-plus", "longanyang", OWN, False),
    ("cosyvoice-v3-plus", PLUS_CLONE, OWN, False),
    ("cosyvoice-v3-flash", CLONE, OWN, True),
    ("cosyvoice-v3-flash", CLONE, "慢" * 50, True),
    ("cosyvoice-v3-flash", CLONE, "慢" * 50 + "!", False),
    ("cosyvoice-v3.5-plus", NEWER_CLONE, OWN, True),
]


@pytest.mark.parametrize(("model", "voice", "text", "taken"), CASES)
def test_only_what_a_voice_takes_is_sent_and_the_emulator_begins_no_other_task(
    model: str, voice: str, text: str, taken: bool
) -> None:
    wanted = {"voice": voice, "text_type": "PlainText", "instruction": text}
    command = Command("run-task", "t", {"model": model, "parameters": wanted, "input": {}})

    assert takes(model, voice, text) is taken
    assert instruction(model, voice, text, "") == (text if taken else "")
    if taken:
        assert parse(command, {CLONE, NEWER_CLONE, PLUS_CLONE}).speak.voice == voice
    else:
        with pytest.raises(TaskFailure, match="418"):
            parse(command, {CLONE, NEWER_CLONE, PLUS_CLONE})


def test_a_voice_that_does_not_take_the_operator_s_words_still_feels_as_the_persona_does() -> None:
    assert instruction("cosyvoice-v3-flash", "longanhuan", OWN, "sad") == SENTENCE
    assert instruction("cosyvoice-v3-flash", CLONE, OWN, "sad") == OWN


def test_a_longer_one_stops_the_start_with_its_name() -> None:
    assert units("慢慢说, ok") == 3 * 2 + 4
    with pytest.raises(ConfigError, match="DASHSCOPE_TTS_INSTRUCTION is 102 units"):
        CosyVoiceConfig(SocketConfig("sk"), instruction="慢" * 51)


async def test_what_is_left_out_is_noted_once(caplog: pytest.LogCaptureFixture) -> None:
    async with running_emulator(Script(tone=Tone(ms_per_char=40))) as vendor:
        voice = CosyVoiceSynthesizer(CosyVoiceConfig(SocketConfig("sk", vendor.dashscope_ws_url), instruction=OWN))
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                async with voice.open(SpeechOptions("longhua_v2")):
                    pass
        await voice.aclose()

    assert [record.getMessage() for record in caplog.records] == ["tts.instruction_ignored"]
