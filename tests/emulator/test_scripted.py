"""When the scripted engines give their pieces: as the script says, however late each of them is fetched."""

import asyncio

from emulator.engines.base import ChatRequest, SpeakOptions
from emulator.engines.scripted import ScriptedEngines
from emulator.prompter import Prompter
from emulator.script import Reply, Script, Timing, Tone
from tests.support.virtual import virtually

FETCHED_AFTER_S = 0.015
TIMING = Timing(first_token_ms=300, token_ms=20, tts_first_byte_ms=200, tts_piece_ms=70)


def engines() -> ScriptedEngines:
    reply = Reply(text="一二三四", tokens=("一", "二", "三", "四"))
    return ScriptedEngines(Prompter(Script(replies=(reply,), timing=TIMING, tone=Tone(ms_per_char=200, piece_ms=200))))


def test_what_one_token_is_late_does_not_delay_the_next() -> None:
    async def seen_ms() -> list[int]:
        seen = []
        async for _ in engines().chat.reply(ChatRequest("model", [{"role": "user", "content": "?"}])):
            seen.append(round(1000 * asyncio.get_running_loop().time()))
            await asyncio.sleep(FETCHED_AFTER_S)
        return seen

    assert virtually(seen_ms()) == [300, 320, 340, 360]


def test_what_one_piece_of_sound_is_late_does_not_delay_the_next() -> None:
    async def seen_ms() -> list[int]:
        seen = []
        async for _ in engines().synthesis.speak("一二三", SpeakOptions("voice")):
            seen.append(round(1000 * asyncio.get_running_loop().time()))
            await asyncio.sleep(FETCHED_AFTER_S)
        return seen

    assert virtually(seen_ms()) == [200, 270, 340]
