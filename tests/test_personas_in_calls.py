"""The persona of a call as the vendors see her: whose names are expected, whose words are asked for, whose voice."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from backend import handler
from backend.settings import load
from emulator.script import Script
from tests.persona.small import SMALL, write_card
from tests.support.caller import dialled
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.test_handler import free_port

LINES = Script.model_validate({"hears_always": "你好", "replies_always": "好。"})


@asynccontextmanager
async def serving(persona: str) -> AsyncIterator[tuple[str, EmulatorHandle]]:
    """The whole server, with keys for vendors that are the emulator; where it answers, and them."""
    async with running_emulator(LINES) as vendor:
        values = {"VOLC_API_KEY": "v", "ARK_API_KEY": "a", "PERSONA": persona, "VAD": "off", "DATABASE_URL": "memory:"}
        values |= {"VOLC_ASR_URL": f"{vendor.ws_url}/api/v3/sauc", "VOLC_TTS_URL": vendor.tts_url()}
        values |= {"ARK_BASE_URL": vendor.ark_url, "VOICE_CALL_HOLD_FIRST_MS": "600"}
        values |= {name: str(free_port()) for name in ("CALL_PORT", "WEB_PORT")}
        async with handler.server(load(values)):
            yield f"ws://127.0.0.1:{values['CALL_PORT']}/", vendor


CARD = SMALL.replace("zh_female_example", "zh_female_vv_uranus_bigtts")
EDITED = SMALL.replace("zh_female_example", "zh_female_shuangkuaisisi_moon_bigtts").replace("A friend.\n", "A pilot.\n")


def asked(vendor: EmulatorHandle, service: str) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = [each["json"] for each in vendor.stats()[service]["requests"]]
    return requests


def expected_words(vendor: EmulatorHandle) -> list[list[str]]:
    contexts = [json.loads(each["request"]["corpus"]["context"]) for each in asked(vendor, "asr")]
    return [[each["word"] for each in context["hotwords"]] for context in contexts]


async def test_the_recogniser_is_told_the_names_of_the_persona_that_was_called() -> None:
    async with serving("qiao_qingqing") as (url, vendor):
        async with dialled(url) as caller:
            await caller.turn()
            hers = expected_words(vendor)
        async with dialled(url, persona="sam_whitlock") as caller:
            await caller.turn()
            his = expected_words(vendor)[-1]

    assert hers[0] == ["青青", "乔青青", "Doreen"]
    assert his == ["Sam Whitlock"]


async def test_a_card_that_is_edited_during_a_call_changes_the_next_turn(tmp_path: Path) -> None:
    path = write_card(tmp_path, CARD)
    async with serving(str(path)) as (url, vendor), dialled(url) as caller:
        await caller.turn()
        path.write_text(EDITED.replace("name: Mei", "name: Mona"), encoding="utf-8")
        await caller.turn()
        chats, voices = asked(vendor, "chat"), asked(vendor, "tts")
        await caller.turn()  # for this one the recogniser was asked after the edit
        words = expected_words(vendor)

    systems = [chat["messages"][0]["content"] for chat in chats]
    assert ["A pilot." in system for system in systems] == [False] * (len(systems) - 1) + [True]
    assert [each["req_params"]["speaker"] for each in voices] == [
        "zh_female_vv_uranus_bigtts",
        "zh_female_shuangkuaisisi_moon_bigtts",
    ]
    assert words[0] == ["Mei"]
    assert words[-1] == ["Mona"]
