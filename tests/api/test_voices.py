"""`/api/voices`, and what the page offers of them."""

from typing import Any

import pytest

from backend.errors import ProviderUnavailable
from backend.protocol.events import CallConfig
from tests.support.fakes import FakeSynthesizer
from tests.voices.house import opened

SKYE = "volcengine.zh_female_shuangkuaisisi_moon_bigtts"
MINE = {
    "provider": "emulator",
    "voice": "S_mine",
    "name": {"zh": "小明"},
    "language": "zh-CN",
    "gender": "male",
}


async def test_the_library_is_listed_by_what_is_asked_for_and_page_by_page() -> None:
    async with opened() as house:
        _, everything = await house.ask("GET", "/api/voices?size=200")
        _, second = await house.ask("GET", "/api/voices?provider=dashscope&language=zh&size=10&page=2")
        _, own = await house.ask("GET", "/api/voices?provider=emulator")
        status, one = await house.ask("GET", f"/api/voices/{SKYE}")

    assert everything["total"] == len(everything["voices"]) > 90
    assert (second["page"], second["size"], len(second["voices"])) == (2, 10, 10)
    assert second["pages"] == -(-second["total"] // 10)
    assert {voice["provider"] for voice in second["voices"]} == {"dashscope"}
    assert [voice["name"]["zh"] for voice in own["voices"]][:2] == ["霞（本机）", "岚（本机）"]
    assert all(voice["usable"] for voice in own["voices"])
    assert status == 200
    assert one | {"created_ms": 0, "changed_ms": 0} == {
        "id": SKYE,
        "provider": "volcengine",
        "voice": "zh_female_shuangkuaisisi_moon_bigtts",
        "model": "",
        "name": {"zh": "爽快思思", "en": "Skye"},
        "language": "zh-CN",
        "gender": "female",
        "sample_text": "你好呀，很高兴认识你。今天过得怎么样？要不要一起聊聊天？",
        "kind": "stock",
        "enabled": True,
        "status": "ready",
        "problem": "",
        "detail": "",
        "emotions": [],
        "usable": False,
        "consent_ms": None,
        "created_ms": 0,
        "changed_ms": 0,
        "sample": f"/api/voices/{SKYE}/sample",
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [("provider=sony", "provider"), ("page=0", "page"), ("size=1000", "size"), ("enabled=1", "enabled"), ("x=1", "x")],
)
async def test_a_wrong_question_is_answered_with_what_is_wrong(query: str, field: str) -> None:
    async with opened() as house:
        status, answer = await house.ask("GET", f"/api/voices?{query}")

    assert (status, answer["code"], answer["field"]) == (400, "BadRequest", field)
    assert answer["error"].startswith(f"{field}: ")


async def test_a_voice_is_added_changed_switched_off_and_removed() -> None:
    async with opened() as house:
        status, made = await house.ask("POST", "/api/voices", MINE)
        again, _ = await house.ask("POST", "/api/voices", MINE)
        _, renamed = await house.ask("PATCH", f"/api/voices/{made['id']}", {"name": {"en": "Ming"}, "enabled": False})
        _, off = await house.ask("GET", "/api/voices?enabled=false")
        removed, _ = await house.ask("DELETE", f"/api/voices/{made['id']}")
        gone, _ = await house.ask("DELETE", f"/api/voices/{made['id']}")
        unknown, _ = await house.ask("PATCH", f"/api/voices/{made['id']}", {"enabled": True})
        back, _ = await house.ask("POST", "/api/voices", MINE)

    assert (status, again, removed, gone, unknown, back) == (201, 409, 204, 404, 404, 201)
    assert made["id"] == "emulator.S_mine"
    assert made["name"] == {"zh": "小明", "en": "小明"}
    assert (renamed["name"], renamed["enabled"], renamed["usable"]) == ({"zh": "小明", "en": "Ming"}, False, False)
    assert [voice["id"] for voice in off["voices"]] == [made["id"]]


async def test_a_stock_voice_that_was_removed_stays_away_until_it_is_added_again() -> None:
    async with opened() as house:
        removed, _ = await house.ask("DELETE", f"/api/voices/{SKYE}")
        await house.desk.library.look()
        gone, _ = await house.ask("GET", f"/api/voices/{SKYE}")
        back, _ = await house.ask("POST", "/api/voices", MINE | {"provider": "volcengine", "voice": SKYE.split(".")[1]})

    assert (removed, gone, back) == (204, 404, 201)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"provider": "sony"}, "provider"),
        ({"voice": "../etc"}, "voice"),
        ({"voice": ""}, "voice"),
        ({"name": {}}, "name"),
        ({"name": {"zh": "  "}}, "name.zh"),
        ({"name": {"zh": "a\nb"}}, "name.zh"),
        ({"name": {"zh": "长" * 81}}, "name.zh"),
        ({"language": "Chinese"}, "language"),
        ({"gender": "robot"}, "gender"),
        ({"enabled": "yes"}, "enabled"),
        ({"shoe_size": 38}, "shoe_size"),
        ({"kind": "cloned"}, "consent"),
    ],
)
async def test_what_is_no_voice_is_refused_with_the_field_that_is_wrong(change: dict[str, Any], field: str) -> None:
    async with opened() as house:
        status, answer = await house.ask("POST", "/api/voices", MINE | change)

    assert (status, answer["field"]) == (400, field)


async def test_what_is_no_json_is_refused() -> None:
    async with opened() as house:
        form, _ = await house.ask("POST", "/api/voices", data="provider=emulator")
        broken, _ = await house.ask("POST", "/api/voices", data="{", headers={"Content-Type": "application/json"})
        listed, answer = await house.ask("PATCH", f"/api/voices/{SKYE}", ["enabled"])

    assert (form, broken, listed) == (415, 400, 400)
    assert answer["field"] == "body"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/voices", MINE),
        ("PATCH", f"/api/voices/{SKYE}", {"enabled": False}),
        ("DELETE", f"/api/voices/{SKYE}", None),
        ("POST", "/api/voices/clones", {"name": "x", "language": "zh-CN", "consent": True, "url": "https://a/b"}),
    ],
)
async def test_only_the_operator_changes_voices(method: str, path: str, body: Any) -> None:
    async with opened(access={"access_token": "known", "admin_token": "operators"}) as house:
        far = {"X-Forwarded-For": "203.0.113.9", "Authorization": "Bearer known"}
        refused, _ = await house.ask(method, path, body, headers=far)
        admin = far | {"Authorization": "Bearer operators"}
        allowed, _ = await house.ask(method, path, body, headers=admin)
        _, skye = await house.ask("GET", f"/api/voices/{SKYE}", headers=admin)

    assert refused == 403
    assert allowed != 403
    assert (skye.get("enabled") is True) == (method == "POST")


@pytest.mark.parametrize(
    "path",
    ["/api/voices", f"/api/voices/{SKYE}", f"/api/voices/{SKYE}/sample", "/api/voices/clones"]
    + [f"/api/personas/qiao_qingqing/voices{rest}" for rest in ("", f"/{SKYE.split('.')[1]}/sample")],
)
async def test_where_a_token_is_wanted_strangers_learn_nothing_of_voices_and_have_none_made(path: str) -> None:
    async with opened(access={"access_token": "known"}) as house:
        strangers, _ = await house.ask("GET", path)
        callers, _ = await house.ask("GET", path, headers={"Authorization": "Bearer known"})

    assert strangers == 401
    assert callers in (200, 409)


async def test_the_page_is_offered_her_own_voices_and_then_all_others_of_the_service() -> None:
    async with opened() as house:
        await house.ask("PATCH", "/api/voices/emulator.zh_female_xia_local_bigtts", {"enabled": False})
        await house.ask("PATCH", "/api/voices/emulator.zh_male_song_local_bigtts", {"name": {"en": "Pine"}})
        _, hers = await house.ask("GET", "/api/personas/qiao_qingqing/voices")
        unknown, _ = await house.ask("GET", "/api/personas/nobody/voices")

    own = [voice["id"] for voice in hers["voices"] if voice["own"]]
    others = {voice["id"]: voice["name"]["en"] for voice in hers["voices"] if not voice["own"]}
    assert hers["default"] == own[0] == "zh_female_shuangkuaisisi_moon_bigtts"
    assert hers["speech"] == {"rate": 1.05, "volume": 1.0, "emotion": ""}
    assert [voice["own"] for voice in hers["voices"]] == [True] * len(own) + [False] * 6
    assert "zh_female_xia_local_bigtts" not in others
    assert others["zh_male_song_local_bigtts"] == "Pine"
    assert unknown == 404


async def test_only_voices_that_the_model_in_use_can_speak_are_offered() -> None:
    async with opened(
        TTS_PROVIDER="dashscope", DASHSCOPE_API_KEY="sk", VOICE_CALL_TTS_MODEL="cosyvoice-v3-plus"
    ) as house:
        _, hers = await house.ask("GET", "/api/personas/qiao_qingqing/voices")
        other, answer = await house.ask("GET", "/api/voices/dashscope.longwan_v2/sample")

    offered = {voice["id"]: voice["emotions"] for voice in hers["voices"] if not voice["own"]}
    assert set(offered) == {"longanyang", "longanhuan"}
    assert "happy" in offered["longanhuan"]
    assert (other, answer["code"]) == (409, "Conflict")


async def test_a_call_with_a_voice_that_was_switched_off_is_spoken_in_the_usual_one() -> None:
    song = "zh_male_song_local_bigtts"
    async with opened() as house:
        before = house.cast.voice(house.desk.library.heeded(CallConfig(speaker=song))).voice
        await house.ask("PATCH", f"/api/voices/emulator.{song}", {"enabled": False})
        after = house.cast.voice(house.desk.library.heeded(CallConfig(speaker=song))).voice

    assert (before, after) == (song, "zh_female_shuangkuaisisi_moon_bigtts")


async def test_a_voice_says_its_sample_and_hers_say_a_line_of_hers_each_made_once() -> None:
    async with opened() as house:
        _, hers = await house.ask("GET", "/api/personas/qiao_qingqing/voices")
        heard = [
            await house.ask("GET", path)
            for path in (hers["voices"][0]["sample"], "/api/voices/emulator.zh_male_song_local_bigtts/sample") * 2
        ]
        stranger, _ = await house.ask("GET", "/api/personas/qiao_qingqing/voices/whoever/sample")

    assert [options.voice for options in house.synthesizer.options] == [hers["default"], "zh_male_song_local_bigtts"]
    lines = [house.cast.card().examples[0].answer, "你好呀，很高兴认识你。今天过得怎么样？要不要一起聊聊天？"]
    assert house.synthesizer.said == lines
    assert heard == [(200, line.encode()) for line in lines] * 2
    assert stranger == 404


async def test_a_service_that_fails_is_told_without_its_secrets() -> None:
    voice = FakeSynthesizer()
    voice.refuses = ProviderUnavailable("tts", "token abc refused")
    async with opened(voice) as house:
        status, answer = await house.ask("GET", "/api/voices/emulator.zh_male_song_local_bigtts/sample")

    assert (status, answer) == (502, {"error": "TTSFailed"})


async def test_trying_voices_without_end_is_slowed_down() -> None:
    async with opened() as house:
        for number in range(15):
            await house.ask("POST", "/api/voices", MINE | {"voice": f"S_{number}"})
        answers = [await house.ask("GET", f"/api/voices/emulator.S_{number}/sample") for number in range(15)]
        known, _ = await house.ask("GET", "/api/voices/emulator.S_0/sample")

    assert [status for status, _ in answers] == [200] * 12 + [429] * 3
    assert known == 200
    assert len(house.synthesizer.options) == 12
