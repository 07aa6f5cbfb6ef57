"""The call server over real sockets in the test's own event loop, with whatever services a test wants."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from websockets.asyncio.server import serve

from backend.access.door import Door
from backend.access.settings import AccessSettings, SocketLimits
from backend.access.waiting import WaitingRoom
from backend.call.listening import ListeningLimits
from backend.call.machine import CallLimits
from backend.call.turn_end import EndpointLimits
from backend.connections.guarded_socket import guarded
from backend.connections.kept_line import ResumeLimits
from backend.connections.reception import Reception
from backend.cost.meter import Costs
from backend.ports import ChatModel, ConversationStore, Message, Recognizer, SpeechOptions, Synthesizer
from backend.process.loop_lag import LoopLag
from backend.process.loop_load import LoopLoad
from backend.protocol.events import CALL_PATH, CallConfig
from backend.recording.tape import NoRecorder, Recorder
from backend.session import Services, SessionLimits
from backend.store.memory import MemoryStore
from backend.telemetry.observer import Observer, Observers
from tests.support.fakes import FakeModel, FakeRecognizer, FakeSynthesizer

VOICE = "zh_female_shuangkuaisisi_moon_bigtts"
IDLE_LINE = "你还在听吗？"

PROMPT = SessionLimits(call=CallLimits(listening=ListeningLimits(endpoint=EndpointLimits(0, 0, 0, 0))))
"""An utterance is over as soon as the recogniser says so: a test that is not about that need not wait."""


def plain_voice(config: CallConfig) -> SpeechOptions:
    """A voice that no persona has changed."""
    return SpeechOptions(config.speaker or VOICE, config.audio_format, config.sample_rate)


FAREWELL = "我得挂啦，下次再聊。"


@dataclass
class Switchboard:
    """What a test sets up, and what it finds afterwards."""

    recognizer: Recognizer = field(default_factory=FakeRecognizer)
    model: ChatModel = field(default_factory=lambda: FakeModel([]))
    synthesizer: Synthesizer = field(default_factory=FakeSynthesizer)
    limits: SessionLimits = field(default_factory=lambda: PROMPT)
    voice: Callable[[CallConfig], SpeechOptions] = plain_voice
    store: ConversationStore = field(default_factory=lambda: MemoryStore(20))
    defaults: CallConfig = field(default_factory=CallConfig)
    access_token: str = ""
    door: Door | None = None
    max_calls: int = 100
    max_message_bytes: int = 1024 * 1024
    blocked_write_s: float = 5.0
    resume: ResumeLimits = field(default_factory=ResumeLimits)
    lag: LoopLag = field(default_factory=lambda: LoopLag(0))
    load: LoopLoad = field(default_factory=lambda: LoopLoad(0))
    observer: Observer = field(default_factory=Observers)
    trouble: str = ""
    recorder: Recorder = field(default_factory=NoRecorder)
    costs: Costs = field(default_factory=Costs)
    socket: SocketLimits = field(default_factory=SocketLimits)
    room: WaitingRoom = field(default_factory=lambda: WaitingRoom(256))
    url: str = ""
    page: str = ""
    reception: Reception | None = None

    def services(self) -> Services:
        def prompt(_persona: str | None, history: Sequence[Message], text: str) -> Sequence[Message]:
            return (*history, Message("user", text))

        return Services(
            self.recognizer,
            self.model,
            self.synthesizer,
            self.store,
            prompt,
            self.voice,
            {"qiao_qingqing"}.__contains__,
            self.observer,
            costs=self.costs,
            trouble=lambda _persona: self.trouble,
            idle_line=lambda _: IDLE_LINE,
            farewell=lambda _: FAREWELL,
            recorder=self.recorder,
        )


@asynccontextmanager
async def answering(board: Switchboard) -> AsyncIterator[Switchboard]:
    """Run it for the length of the block; `board.url` says where it answers."""
    board.reception = Reception(
        board.services(),
        board.limits,
        board.defaults,
        door=board.door or Door(AccessSettings(access_token=board.access_token)),
        max_calls=board.max_calls,
        blocked_write_s=board.blocked_write_s,
        resume=board.resume,
        lag=board.lag,
        load=board.load,
        page=board.page,
    )
    async with serve(
        board.reception.answer,
        "127.0.0.1",
        0,
        process_request=board.reception.admit,
        select_subprotocol=board.reception.choose_subprotocol,
        max_size=board.max_message_bytes,
        create_connection=guarded(board.socket, board.room),  # type: ignore[arg-type]
        open_timeout=board.socket.handshake_s,
        compression=None,
        close_timeout=1,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        board.url = f"ws://127.0.0.1:{port}{CALL_PATH}"
        yield board
