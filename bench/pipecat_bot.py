"""A pipecat bot on the emulator's services, for `make bench-peers`: its transport and defaults, our vendors' wires.

Runs in the environment of `.bench-peers`, not in ours: `python -m bench.pipecat_bot PORT EMULATOR_URL silero|off`
"""

# mypy: ignore-errors
# (what it imports is not in the environment that is checked)

import asyncio
import sys
from collections.abc import AsyncGenerator
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    LLMTextFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from bench.vendors import END_WINDOW_MS, Ears, Voice

RATE_HZ: Final = 24_000
_PACKET_BYTES: Final = 3200
"""100 ms: what the recognition service wants at a time; our server sends the same."""
_FINAL_S: Final = (END_WINDOW_MS + 150) / 1000


class Recognition(STTService):
    """The emulator's streaming recognition, on one connection for the whole call."""

    def __init__(self, emulator_url: str) -> None:
        super().__init__(ttfs_p99_latency=_FINAL_S)
        self._ears = Ears(emulator_url, "bigmodel_async")
        self._waiting = bytearray()
        self._reading: asyncio.Task[None] | None = None

    async def start(self, frame: StartFrame) -> None:
        """Open the session before anyone speaks."""
        await super().start(frame)
        await self._ears.open()
        self._reading = self.create_task(self._read())

    async def cleanup(self) -> None:
        """Let go."""
        if self._reading is not None:
            await self.cancel_task(self._reading)
            self._reading = None
            await self._ears.close()
        await super().cleanup()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send sound in whole packets; the text comes by itself."""
        self._waiting += audio
        while len(self._waiting) >= _PACKET_BYTES:
            await self._ears.send(bytes(self._waiting[:_PACKET_BYTES]))
            del self._waiting[:_PACKET_BYTES]
        yield None

    async def _read(self) -> None:
        before = ""
        async for text, definite in self._ears:
            utterance = text.removeprefix(before)
            if definite and utterance:
                before = text
                await self.push_frame(TranscriptionFrame(utterance, "", time_now_iso8601(), finalized=True))
            elif utterance:
                await self.push_frame(InterimTranscriptionFrame(utterance, "", time_now_iso8601()))


class Synthesis(TTSService):
    """The emulator's synthesis, on one connection for the whole call."""

    def __init__(self, emulator_url: str) -> None:
        super().__init__(sample_rate=RATE_HZ, push_start_frame=True, push_stop_frames=True)
        self._voice = Voice(emulator_url, "pcm")

    async def start(self, frame: StartFrame) -> None:
        """Open the connection before anyone speaks."""
        await super().start(frame)
        await self._voice.open()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """One sentence, as it comes."""
        async for pcm in self._voice.say(text):
            yield TTSAudioRawFrame(pcm, RATE_HZ, 1, context_id=context_id)


class Teller(FrameProcessor):
    """Tells the caller which reply this is, as our wire does, by its first token."""

    def __init__(self) -> None:
        super().__init__()
        self._is_first = True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, UserStoppedSpeakingFrame):
            self._is_first = True
        if isinstance(frame, LLMTextFrame) and self._is_first:
            self._is_first = False
            told = {"event": "TTSSentenceStart", "payload": {"sentence": frame.text}}
            await self.push_frame(OutputTransportMessageUrgentFrame(message=told))
        await self.push_frame(frame, direction)


def listening(vad: str) -> LLMUserAggregatorParams:
    """As it comes with a VAD; without one, the end of a turn by its strategy on transcripts."""
    if vad == "silero":
        return LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    strategies = UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy()])
    return LLMUserAggregatorParams(user_turn_strategies=strategies)


async def call(websocket: WebSocket, emulator_url: str, vad: str) -> None:
    """One call, until the caller leaves."""
    transport = FastAPIWebsocketTransport(
        websocket=websocket,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True, audio_out_enabled=True, serializer=ProtobufFrameSerializer()
        ),
    )
    chat = OpenAILLMService(
        api_key="bench", base_url=f"{emulator_url}/api/v3", settings=OpenAILLMService.Settings(model="bench")
    )
    pair = LLMContextAggregatorPair(LLMContext(), user_params=listening(vad))
    parts: list[Any] = [transport.input(), Recognition(emulator_url), pair.user(), chat, Teller()]
    parts += [Synthesis(emulator_url), transport.output(), pair.assistant()]
    worker = PipelineWorker(Pipeline(parts), params=PipelineParams(audio_out_sample_rate=RATE_HZ))

    @transport.event_handler("on_client_disconnected")
    async def _(_transport: object, _client: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def main() -> None:
    """Serve until ended."""
    port, emulator_url, vad = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    app = FastAPI()

    @app.websocket("/")
    async def _(websocket: WebSocket) -> None:
        await websocket.accept()
        await call(websocket, emulator_url, vad)

    @app.on_event("startup")
    async def _ready() -> None:
        asyncio.get_running_loop().call_later(0.5, lambda: print("ready", flush=True))

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", ws_per_message_deflate=False)


if __name__ == "__main__":
    main()
