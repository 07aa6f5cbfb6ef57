"""A server that plays a scripted conversation with one client, and judges what the client sends.

    BotReady · turn 1: a sentence · turn 2: LLMFailed · turn 3: two sentences · ShuttingDown, close 1012

A turn begins when the client has typed something, or has sent audio for a while.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import DATA_OPCODES, Frame
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from conformance import mp3, uplink, wire
from conformance.rules import Findings, Microphone
from conformance.uplink import Audio, Event, Wrong
from conformance.verdict import Result

PATHS: Final = ("/", "/api/live_voice_call/chat")
SUBPROTOCOL: Final = Subprotocol("lvc")
MAX_MESSAGE_BYTES: Final = 1024 * 1024
SAW_BYTES: Final = 16 * MAX_MESSAGE_BYTES
GRACE_S: Final = 0.3
"""What was on its way when the close went out is nobody's fault."""

REPLIES: Final = (("Hello there.",), (), ("One more thing.", "Goodbye!"))
ARRAYS: Final = {"events": lambda text: [each for each in text.split(",") if each]}
NUMBERS: Final = ("sample_rate",)
FACTORS: Final = ("speech_rate", "volume")
BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Scene:
    """How the conversation is played.

    Attributes:
        ready_after_s: so long it takes to be ready; who cannot wait is found out.
        listen_s: a client that speaks for this long has said something.
        silence_s: a client that says nothing for this long is bid farewell.
        leave_s: within which a close has to be answered.
    """

    ready_after_s: float = 1.5
    listen_s: float = 1.5
    silence_s: float = 20.0
    leave_s: float = 3.0


class Watched(ServerConnection):
    """A connection that also sees what comes after its close."""

    closed_at: float | None = None
    after_close: list[bytes]

    def process_event(self, event: Any) -> None:
        """Note data frames that come too late."""
        late = self.closed_at is not None and time.monotonic() > self.closed_at + GRACE_S
        if late and isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self.after_close = [*getattr(self, "after_close", ()), bytes(event.data)]
        super().process_event(event)


class Interview:
    """One client, from its handshake to its leave."""

    def __init__(self, socket: Watched, scene: Scene) -> None:
        self.findings = Findings()
        self._socket = socket
        self._scene = scene
        self._microphone = Microphone(self.findings, scene.listen_s * 0.8)
        self._said = asyncio.Event()
        self._listening = False
        self._ready = False
        self._early_ms = 0.0
        self._spoke_at: float | None = None
        self._bare = False
        self._gone = False

    async def hold(self) -> list[Result]:
        """Play the conversation; a verdict for each rule."""
        self._judge_address()
        reading = asyncio.create_task(self._read())
        try:
            await self._play()
        except ConnectionClosed:
            pass
        finally:
            await self._say_goodbye()
            await reading
        self._microphone.judge()
        return self.findings.results()

    # --- what the client sends

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                self._take(message, time.monotonic())
        except ConnectionClosed:
            pass
        finally:
            self._gone = True
            self._said.set()

    def _take(self, message: bytes | str, at: float) -> None:
        self.findings.met("client.binary", "client.message-size")
        if len(message) > MAX_MESSAGE_BYTES:
            self.findings.breaks("client.message-size", f"{len(message)} bytes")
        try:
            self._judge_header(message)
            frame = uplink.read(message, MAX_MESSAGE_BYTES)
            self.findings.met("client.header", "client.type", "client.compression")
            if isinstance(frame, Audio):
                self._hear(frame.pcm, at)
            else:
                self.findings.met("client.json", "client.event", "client.payload")
                uplink.check_shape(frame)
                self._obey(frame)
        except Wrong as exc:
            self.findings.breaks(exc.rule, f"{exc} [{wire.hexed(message)}]")

    def _judge_header(self, message: bytes | str) -> None:
        if isinstance(message, str) or len(message) < 4:
            return
        self.findings.met("client.flags", "client.reserved")
        if message[1] & 0xF:
            self.findings.breaks("client.flags", f"flags {message[1] & 0xF} [{wire.hexed(message)}]")
        if message[3]:
            self.findings.breaks("client.reserved", f"reserved byte {message[3]} [{wire.hexed(message)}]")

    def _hear(self, pcm: bytes, at: float) -> None:
        self._microphone.hear(pcm, at)
        if not self._ready:
            self._early_ms += len(pcm) / wire.BYTES_PER_MS
            if self._early_ms > 1000:
                self.findings.breaks(
                    "client.waits-for-ready", f"{self._early_ms / 1000:.1f} s of audio before BotReady"
                )
        if self._listening and pcm:
            self._spoke_at = at if self._spoke_at is None else self._spoke_at
            if at - self._spoke_at >= self._scene.listen_s:
                self._said.set()

    def _obey(self, event: Event) -> None:
        if event.name == "UserText" and self._listening:
            self._said.set()

    def _judge_address(self) -> None:
        request = self._socket.request
        query = dict(parse_qsl(urlsplit(request.path if request else "/").query, keep_blank_values=True))
        self.findings.met("client.path", "client.query")
        self._bare = query.get("framing") == "bare"
        known = {key: _parsed(key, value) for key, value in query.items() if key in uplink.KEYS}
        try:
            uplink.check_shape(Event("BotUpdateConfig", known))
            uplink.check_sid(query.get("sid"))
            uplink.check_resume(query.get("resume"))
        except Wrong as exc:
            self.findings.breaks("client.query", str(exc))

    # --- what it is told

    async def _play(self) -> None:
        await asyncio.sleep(self._scene.ready_after_s)
        self.findings.met("client.waits-for-ready")
        self._ready = True
        await self._say("BotReady", {"session": "conformance"})
        for number, sentences in enumerate(REPLIES):
            if not await self._listen():
                return
            if number > 1:
                self.findings.met("client.survives-a-failed-turn")
            await self._say("SentenceRecognized", {"sentence": f"what you said, number {number + 1}"})
            await self._answer(sentences)
            await self._say("TTSDone")

    async def _listen(self) -> bool:
        """Whether the client said something in time."""
        self._said.clear()
        self._listening, self._spoke_at = True, None
        try:
            async with asyncio.timeout(self._scene.silence_s):
                await self._said.wait()
        except TimeoutError:
            if not self.findings.seen.get("client.speaks"):
                self.findings.breaks("client.speaks", f"nothing for {self._scene.silence_s:g} s")
            return False
        finally:
            self._listening = False
        if self._gone:
            self._judge_early_leave()
            return False
        self.findings.met("client.speaks")
        return True

    def _judge_early_leave(self) -> None:
        if self.findings.seen.get("client.speaks") == 2:
            self.findings.breaks("client.survives-a-failed-turn", "it hung up after BotError and TTSDone")

    async def _answer(self, sentences: tuple[str, ...]) -> None:
        if not sentences:
            await self._say("BotError", {"error": {"code": "LLMFailed", "message": "this turn fails on purpose"}})
        for sentence in sentences:
            await self._say("TTSSentenceStart", {"sentence": sentence})
            await self._send(wire.RESPONSE_AUDIO, mp3.silence())

    async def _say(self, name: str, payload: dict[str, Any] | None = None) -> None:
        await self._send(wire.RESPONSE, json.dumps({"event": name, "payload": payload or {}}).encode())

    async def _send(self, kind: int, body: bytes) -> None:
        serialization = wire.JSON if kind == wire.RESPONSE else wire.NONE
        await self._socket.send(wire.frame(kind, body, serialization=serialization, sized=not self._bare))

    async def _say_goodbye(self) -> None:
        if self._gone:
            return
        try:
            await self._say("BotError", {"error": {"code": "ShuttingDown", "message": "that was all; goodbye"}})
        except ConnectionClosed:
            return
        self._socket.closed_at = time.monotonic()
        await self._socket.close(1012, "ShuttingDown")
        self.findings.met("client.takes-its-leave", "client.silent-after-close")
        if self._socket.protocol.close_rcvd is None:
            self.findings.breaks(
                "client.takes-its-leave", f"the close was not answered within {self._scene.leave_s:g} s"
            )
        if late := getattr(self._socket, "after_close", []):
            how = f"{len(late)} messages later than {GRACE_S:g} s after the close"
            self.findings.breaks("client.silent-after-close", f"{how} [{wire.hexed(late[0])}]")


async def interview(
    host: str, port: int, scene: Scene, ready: Callable[[str], None], told: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """Take one client, and judge it. `ready` is told the address; `told` who knocks at a wrong door."""
    outcome: asyncio.Future[list[Result]] = asyncio.get_running_loop().create_future()
    astray = Findings()

    async def answer(socket: ServerConnection) -> None:
        assert isinstance(socket, Watched)  # noqa: S101 - it is what was asked for
        if outcome.done():
            return
        try:
            results = await Interview(socket, scene).hold()
        except Exception as exc:
            if not outcome.done():
                outcome.set_exception(exc)
            raise
        if not outcome.done():
            outcome.set_result(results)

    def admit(connection: ServerConnection, request: Request) -> Response | None:
        if urlsplit(request.path).path in PATHS:
            return None
        astray.breaks("client.path", f"it called at {request.path[:60]}")
        told(f"somebody called at {request.path[:60]}")
        if not outcome.done():
            outcome.set_result(astray.results())
        return connection.respond(HTTPStatus.NOT_FOUND, f"calls are taken at {PATHS[1]}\n")

    def choose(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """A browser offers its token beside `lvc`, and hangs up unless one of them is answered."""
        return SUBPROTOCOL if SUBPROTOCOL in offered else None

    server: Server
    async with serve(
        answer,
        host,
        port,
        process_request=admit,
        select_subprotocol=choose,
        create_connection=Watched,
        compression=None,
        max_size=SAW_BYTES,
        close_timeout=scene.leave_s,
    ) as server:
        ready(f"ws://{host}:{next(iter(server.sockets)).getsockname()[1]}{PATHS[1]}")
        return await outcome


def _parsed(key: str, value: str) -> object:
    if key in ARRAYS:
        return ARRAYS[key](value)
    if key in NUMBERS:
        return int(value) if value.isdecimal() else value
    if key in FACTORS:
        return float(value) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) else value
    return BOOLEANS.get(value, value) if key in ("barge_in", "turn_ids") else value
