"""What adapters tell whoever pays, beyond what a whole call shows."""

import asyncio

from backend.expenses import ChatTab, payer
from backend.ports import SpeechOptions
from backend.providers.dashscope.config import CosyVoiceConfig, SocketConfig
from backend.providers.dashscope.tts import CosyVoiceSynthesizer
from backend.providers.tabs import HeardTab, SpokenTab
from emulator.script import Script
from tests.support.emulator import EmulatorHandle, running_emulator


class Purse:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def heard(self, model: str, audio_ms: int) -> None:
        self.told.append((model, audio_ms))

    def asks(self, model: str, prompt_chars: int) -> ChatTab:
        return ChatTab(model, prompt_chars, lambda tab: self.told.append((tab.model, tab.pieces)))

    def spoke(self, model: str, characters: int) -> None:
        self.told.append((model, characters))


def paying() -> Purse:
    purse = Purse()
    payer.set(purse)
    return purse


async def test_a_session_is_billed_by_its_vendors_step_as_soon_as_that_has_begun() -> None:
    purse = paying()
    tab = HeardTab("paraformer-realtime-v2", 1000)

    for _ in range(12):
        tab.sent(3200)

    assert purse.told == [("paraformer-realtime-v2", 1000)] * 2


async def test_what_a_service_tells_corrects_what_was_counted() -> None:
    purse = paying()
    tab = SpokenTab("seed-tts-1.0")

    for characters in (5, 12, 12, 10):
        tab.counts(characters)

    assert purse.told == [("seed-tts-1.0", 5), ("seed-tts-1.0", 7), ("seed-tts-1.0", -2)]


async def test_a_tab_is_ended_once_and_only_if_there_is_anything_to_pay() -> None:
    purse = paying()
    sent, unsent = purse.asks("qwen-flash", 9), purse.asks("qwen-flash", 9)
    sent.is_sent = True

    for tab in (sent, unsent, sent):
        tab.end()

    assert purse.told == [("qwen-flash", 0)]


async def test_what_cosyvoice_tells_once_nobody_listens_is_billed_too() -> None:
    purse = paying()
    async with running_emulator(Script.model_validate({"tone": {"ms_per_char": 20}})) as vendor:
        socket = SocketConfig("sk-secret", vendor.dashscope_ws_url)
        synthesizer = CosyVoiceSynthesizer(CosyVoiceConfig(socket))
        async with synthesizer.open(SpeechOptions("longhua_v2")) as speech:
            await speech.say("你好呀。")
            await speech.say("再见！")
            await billed(vendor, 7 + 5)  # and nothing of it is read here
        await synthesizer.aclose()

    assert sum(characters for _, characters in purse.told) == 7 + 5


async def billed(vendor: EmulatorHandle, characters: int) -> None:
    """Wait until the service has spoken so much."""
    async with asyncio.timeout(10):
        while sum(line["quantity"] for line in vendor.house.invoice.as_json()["lines"]) < characters:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
