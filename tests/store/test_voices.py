"""The voices that are kept, in a database of every make and in memory."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from backend.store.voice_memory import VoiceMemory
from backend.store.voice_rows import VoicePlace, VoiceWish
from backend.voices.library import VoiceLibrary
from backend.voices.stock import stock
from tests.store.conftest import Place
from tests.store.test_kept import database

SKYE = "volcengine.zh_female_shuangkuaisisi_moon_bigtts"


@pytest.fixture
async def voices(place_or_memory: Place | None) -> AsyncIterator[VoicePlace]:
    if place_or_memory is None:
        yield VoiceMemory()
        return
    db = database(place_or_memory)
    yield db.voices
    await db.aclose()


def library(place: VoicePlace, provider: str = "volcengine", model: str = "") -> VoiceLibrary:
    return VoiceLibrary(lambda: place, provider, model)


async def test_the_stock_is_filled_in_once_and_what_the_operator_changed_stays(voices: VoicePlace) -> None:
    await library(voices).look()
    _, there = await voices.find(VoiceWish(), 0, 1)
    await voices.change(SKYE, {"name_zh": "小思", "enabled": False})
    await voices.change("dashscope.longhua_v2", {"status": "removed"})

    await asyncio.gather(library(voices).look(), library(voices).look())
    after, total = await voices.find(VoiceWish(), 0, 1000)

    assert there == len(stock(0)) == total + 1
    skye = await voices.get(SKYE)
    assert skye is not None
    assert (skye.name_zh, skye.name_en, skye.enabled) == ("小思", "Skye", False)
    assert "longhua_v2" not in {row.voice for row in after}
    assert await voices.get("dashscope.longhua_v2") is None


async def test_voices_are_found_by_what_they_are(voices: VoicePlace) -> None:
    await voices.add(stock(5))
    await voices.change("dashscope.longhua_v2", {"enabled": False})
    await voices.change("dashscope.longshu_v2", {"status": "deploying"})
    await voices.change("dashscope.longwan_v2", {"status": "removed"})

    async def found(**wish: Any) -> set[str]:
        rows, total = await voices.find(VoiceWish(**wish), 0, 1000)
        assert len(rows) == total
        return {row.voice for row in rows}

    assert await found(provider="dashscope", language="zh-yue") == {"longanyue", "longjiaxin_v3"}
    assert {"loongeva_v2", "loongandy_v2", "loongabby_v3"} < await found(language="en")
    assert await found(language="e") == await found(language="%") == await found(kind="cloned") == set()
    assert await found(enabled=False) == {"longhua_v2"}
    assert await found(provider="dashscope", voice="longcheng_v2") == {"longcheng_v2"}
    assert await found(provider="dashscope", voice="longwan_v2") == set()
    assert await found(statuses=("deploying", "removed")) == {"longshu_v2", "longwan_v2"}
    assert len(await found(provider="emulator")) == 7


async def test_pages_follow_one_another_in_the_order_of_the_stock(voices: VoicePlace) -> None:
    await voices.add(stock(5)[:30])

    pages = [(await voices.find(VoiceWish(), start, 12))[0] for start in (0, 12, 24, 36)]

    assert [row for page in pages for row in page] == stock(5)[:30]
    assert [len(page) for page in pages] == [12, 12, 6, 0]


async def test_a_voice_is_added_changed_and_dropped(voices: VoicePlace) -> None:
    row = replace(stock(7)[0], id="volcengine.S_mine", voice="S_mine", name_zh="我的😀", kind="cloned", consent_ms=7)

    assert await voices.add([row]) == 1
    assert await voices.add([replace(row, name_zh="别人")]) == 0
    assert await voices.get(row.id) == row
    assert await voices.get(row.id.upper()) is None
    assert await voices.change(row.id, {"enabled": False, "changed_ms": 9})
    assert await voices.change(row.id, {"enabled": False, "changed_ms": 9})
    assert await voices.get(row.id) == replace(row, enabled=False, changed_ms=9)
    assert not await voices.change("volcengine.nobody", {"enabled": False})
    assert await voices.drop(row.id)
    assert not await voices.drop(row.id)
