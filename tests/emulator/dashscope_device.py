"""DashScope's services over the real models, as our adapters ask for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.ports import Sound, SpeechOptions
from backend.providers.dashscope.asr import ParaformerRecognizer
from backend.providers.dashscope.config import CosyVoiceConfig, ParaformerConfig, SocketConfig
from backend.providers.dashscope.tts import CosyVoiceSynthesizer
from emulator.engines.on_device import OnDevice
from emulator.house import House
from emulator.script import Script
from emulator.server import listen

PACKET_BYTES = 3200


@asynccontextmanager
async def services(device: OnDevice) -> AsyncIterator[SocketConfig]:
    """An emulator over models that outlive it."""
    house = House("on-device", Script())
    runner, port = await listen(house, "127.0.0.1", 0)
    house.engines = device
    try:
        yield SocketConfig("sk", f"ws://127.0.0.1:{port}/api-ws/v1/inference")
    finally:
        house.engines = None
        await runner.cleanup()


async def spoken_by_cosyvoice(socket: SocketConfig, text: str) -> bytes:
    """The sound of a reply, at 16 kHz."""
    synthesizer = CosyVoiceSynthesizer(CosyVoiceConfig(socket, first_audio_timeout_s=60, gap_timeout_s=60))
    async with synthesizer.open(SpeechOptions("longhua_v2", "pcm", 16_000)) as speech:
        await speech.say(text)
        await speech.finish()
        sound = b"".join([item.data async for item in speech if isinstance(item, Sound)])
    await synthesizer.aclose()
    return sound


async def heard_by_paraformer(socket: SocketConfig, pcm: bytes) -> str:
    """What was said."""
    recognizer = ParaformerRecognizer(ParaformerConfig(socket, final_timeout_s=60, stall_timeout_s=60))
    async with recognizer.open() as recognition:
        for at in range(0, len(pcm), PACKET_BYTES):
            await recognition.send(pcm[at : at + PACKET_BYTES])
        await recognition.finish()
        texts = [hypothesis.text async for hypothesis in recognition]
    await recognizer.aclose()
    return texts[-1]
