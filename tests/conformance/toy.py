"""A small server that keeps the protocol: the kit must find nothing wrong with it, so that mutants of it can be wrong.

It hears speech as a checksum of its samples, answers with silence, and knows a part of section 5: UserText,
BotInterrupt, PlaybackPosition, `delivery`, `turn_ids`, `events`, and `resume`.
"""

import array
import asyncio
import bisect
import hashlib
import json
import re
import signal
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from conformance import mp3, uplink, wire
from conformance.uplink import Audio, Event, Wrong

PATHS = ("/", "/api/live_voice_call/chat")
OFFERED = ("delivery", "turn_ids", "events")
LOUD = 500
PAUSE_MS = 800
TURN_S = 0.08
WAIT_S = 5.0


class ToyCall:
    """One call. Each method is something that a mutant does otherwise."""

    bad_frames = 10
    close_after_bad_sid = 1008
    close_on_drain = 1012

    def __init__(self, socket: ServerConnection, server: "Toy") -> None:
        self.socket = socket
        self.server = server
        self.query = dict(parse_qsl(urlsplit(socket.request.path if socket.request else "/").query, True))
        self.asked: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.turn = 0
        self.reply: asyncio.Task[None] | None = None
        self.pcm, self.scanned, self.first, self.last = b"", 0, 0, 0
        self.ahead_ms, self.at = 0.0, time.monotonic()
        self.bad = 0
        self.spoken = ""
        self.draining = False
        self.sid = ""
        self.name = self.call_name()
        self.is_only_one = False
        self.keeps = False
        self.refused: str | None = None
        self.place = (0, 0)
        self.journal: list[tuple[tuple[int, int], bytes | str]] = []
        self.writing = asyncio.Lock()
        self.came_back = asyncio.Event()
        self.over = False

    # --- down

    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        numbered = bool(self.config.get("turn_ids"))
        header = bytes((0x11, kind << 4 | numbered, 0x10 if kind == wire.RESPONSE else 0, 0))
        number = turn.to_bytes(4, "big") if numbered else b""
        size = b"" if self.query.get("framing") == "bare" else len(body).to_bytes(4, "big")
        return header + number + size + body

    async def put(self, message: bytes | str, event: str = "") -> None:
        async with self.writing:
            if event != "BotReady":
                turn, frame = self.place
                self.place = (turn + 1, 1) if event == "SentenceRecognized" else (turn, frame + 1)
                self.journal.append((self.place, message))
            await self.write(message)

    async def write(self, message: bytes | str) -> None:
        try:
            await self.socket.send(message)
        except ConnectionClosed:
            return

    def envelope(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        return {"event": name, "payload": payload}

    async def say(self, name: str, payload: dict[str, Any] | None = None, *, outside: bool = False) -> None:
        body = json.dumps(self.envelope(name, payload or {}), ensure_ascii=False).encode()
        await self.put(self.lay_out(wire.RESPONSE, body, 0 if outside else self.turn), name)

    async def sound(self, data: bytes) -> None:
        await self.put(self.lay_out(wire.RESPONSE_AUDIO, data, self.turn))

    async def fault(self, code: str, message: str) -> None:
        await self.say("BotError", {"error": {"code": code, "message": message}}, outside=self.reply is None)

    # --- the call

    async def run(self) -> None:
        wanted = self.query.get("sid")
        if wanted is not None and not self.well_formed(wanted):
            await self.fault("BadSession", "a sid is 1 to 64 of A-Z a-z 0-9 - _")
            await self.socket.close(self.close_after_bad_sid)
            return
        self.sid = wanted or str(uuid.uuid4())
        await self.take_over()
        await self.begin()
        try:
            await self.carry(self.socket)
            while self.keeps and not self.over:
                self.came_back.clear()
                await self.came_back.wait()
        finally:
            await self.stop_reply()

    async def carry(self, socket: ServerConnection) -> None:
        try:
            async for message in socket:
                await self.take(message)
        except ConnectionClosed:
            pass
        if self.socket is socket and not (self.keeps and self.was_cut(socket) and await self.is_back()):
            self.end()

    def was_cut(self, socket: ServerConnection) -> bool:
        return not self.draining and socket.close_code not in (1000, 1001, 1005)

    async def is_back(self) -> bool:
        try:
            async with asyncio.timeout(WAIT_S):
                self.came_back.clear()
                return await self.came_back.wait() and not self.over
        except TimeoutError:
            return False

    def end(self) -> None:
        self.over = True
        self.came_back.set()

    # --- coming back

    async def take_over(self) -> None:
        older = self.server.lines.get(self.sid)
        self.is_only_one = older is None
        self.server.lines[self.sid] = self
        if older is not None and not older.over:
            await older.dismiss(older.socket)
            older.end()

    def call_name(self) -> str:
        return uuid.uuid4().hex

    def is_named(self, name: str) -> bool:
        return name == self.name or (self.is_only_one and not name)

    def can_resume(self, after: tuple[int, int]) -> bool:
        known = {(0, 0)} | {at for at, _ in self.journal}
        return self.keeps and not self.over and after in known

    async def resume(self, socket: ServerConnection, after: tuple[int, int]) -> None:
        async with self.writing:
            older, self.socket = self.socket, socket
            self.came_back.set()
            ready = {"session": self.sid, "resume": self.stands(after)}
            body = json.dumps(self.envelope("BotReady", ready)).encode()
            await self.write(self.lay_out(wire.RESPONSE, body, 0))
            for message in self.missed(after):
                await self.write(message)
        await asyncio.gather(self.dismiss(older), self.carry(socket))

    def missed(self, after: tuple[int, int]) -> list[bytes | str]:
        first = bisect.bisect_right([at for at, _ in self.journal], after)
        return [message for _, message in self.journal[first:]]

    async def dismiss(self, socket: ServerConnection) -> None:
        error = {"code": "BadSession", "message": "a newer connection has this conversation"}
        body = json.dumps(self.envelope("BotError", {"error": error})).encode()
        try:
            await socket.send(self.lay_out(wire.RESPONSE, body, 0))
        except ConnectionClosed:
            return
        await socket.close(1008)

    def stands(self, at: tuple[int, int]) -> dict[str, Any]:
        return {"turn": at[0], "frame": at[1], "seconds": WAIT_S, "call": self.name}

    def wish(self, text: str) -> tuple[tuple[int, int], str] | None:
        found = re.fullmatch(r"([0-9]+):([0-9]+)(?::([A-Za-z0-9_-]{8,64}))?", text)
        if found is None and text != "true":
            raise Wrong("client.query", "resume is true, or TURN:FRAME:CALL")
        return ((int(found[1]), int(found[2])), found[3] or "") if found else None

    async def begin(self) -> None:
        problems = []
        for key in self.server.offered & self.query.keys():
            value: Any = self.query[key]
            value = {"events": value.split(","), "turn_ids": {"true": True}.get(value, value)}.get(key, value)
            try:
                uplink.check_shape(Event("BotUpdateConfig", {key: value}))
                self.asked[key] = value
            except Wrong as exc:
                problems.append(str(exc))
        try:
            self.keeps = self.server.resumes and self.wants_keeping()
        except Wrong as exc:
            problems.append(str(exc))
        self.config = dict(self.asked)
        await self.ready()
        for problem in problems:
            await self.fault("BadEvent", problem)

    def wants_keeping(self) -> bool:
        if "resume" in self.query:
            self.wish(self.query["resume"])
        return "resume" in self.query

    async def ready(self) -> None:
        refused = {"refused": self.refused} if self.refused else {}
        resume = {"resume": {**self.stands((0, 0)), **refused}} if self.keeps else {}
        await self.say("BotReady", {"session": self.sid, **resume}, outside=True)

    def well_formed(self, sid: str) -> bool:
        return re.fullmatch(r"[A-Za-z0-9_-]{1,64}", sid) is not None

    async def take(self, message: bytes | str) -> None:
        try:
            frame = self.read(message)
            if isinstance(frame, Audio):
                self.measure(len(frame.pcm) / wire.BYTES_PER_MS)
                await self.hear(frame.pcm)
            else:
                self.check_event(frame)
                await self.obey(frame)
            self.bad = 0
        except Wrong as exc:
            await self.complain(exc)

    def read(self, message: bytes | str) -> Event | Audio:
        return uplink.read(message)

    def check_event(self, event: Event) -> None:
        keys = self.server.offered | {"speaker"}
        known = {key: value for key, value in event.payload.items() if key in keys}
        if event.name not in ("BotUpdateConfig", *self.server.events):
            raise Wrong("client.event", f"there is no event {event.name[:40]!r}", "BadEvent")
        uplink.check_shape(Event(event.name, known if event.name == "BotUpdateConfig" else event.payload))

    async def complain(self, wrong: Wrong) -> None:
        self.bad = self.bad + 1 if wrong.code == "BadFrame" else 0
        await self.fault(wrong.code, str(wrong))
        if self.bad >= self.bad_frames:
            await self.socket.close(1008)

    def measure(self, ms: float) -> None:
        now = time.monotonic()
        self.ahead_ms, self.at = max(0.0, self.ahead_ms - 1000 * (now - self.at)), now
        if self.ahead_ms + ms > 30_000:
            raise Wrong("client.pace", "audio is more than 30 s ahead")
        self.ahead_ms += ms

    # --- up

    async def hear(self, pcm: bytes) -> None:
        if self.reply is not None:
            return
        self.pcm += pcm
        self.scan()
        if self.last and len(self.pcm) // 2 - self.last > PAUSE_MS * 16:
            speech, long_enough = self.pcm[2 * self.first : 2 * self.last], self.last - self.first > 8_000
            self.forget()
            if long_enough:
                await self.partial("speech")
                await self.begin_turn(f"speech {hashlib.sha256(speech).hexdigest()}")

    def scan(self) -> None:
        """Where the first and the last loud sample are, in what has come since the listening began."""
        fresh = array.array("h", self.pcm[2 * self.scanned : len(self.pcm) // 2 * 2])
        if fresh and (max(fresh) > LOUD or min(fresh) < -LOUD):
            loud = [at for at, sample in enumerate(fresh, self.scanned) if abs(sample) > LOUD]
            self.first, self.last = self.first if self.last else loud[0], loud[-1] + 1
        self.scanned += len(fresh)

    def forget(self) -> None:
        self.pcm, self.scanned, self.first, self.last = b"", 0, 0, 0

    async def partial(self, text: str) -> None:
        if "SentencePartial" in self.config.get("events", ()):
            await self.say("SentencePartial", {"sentence": text}, outside=True)

    async def obey(self, event: Event) -> None:
        match event.name:
            case "BotUpdateConfig":
                self.asked |= {key: value for key, value in event.payload.items() if key in self.server.offered}
            case "UserText":
                if self.reply is not None:
                    await self.cut_off()
                await self.begin_turn(event.payload["text"].strip())
            case "BotInterrupt" if self.reply is not None:
                await self.cut_off()

    # --- a turn

    async def begin_turn(self, text: str) -> None:
        self.turn += 1
        self.config = dict(self.asked)
        self.spoken = ""
        self.reply = asyncio.create_task(self.answer(text))
        self.server.history.setdefault(self.sid, []).append(text)
        await self.say("SentenceRecognized", {"sentence": text})

    async def answer(self, text: str) -> None:
        await asyncio.sleep(TURN_S)
        for sentence in [each for each in re.split(r"(?<=[。？！])", text[:80]) if each]:
            await self.sentence(sentence)
            await asyncio.sleep(TURN_S / 4)
        await self.end_turn()

    async def sentence(self, text: str) -> None:
        self.spoken += text
        await self.say("TTSSentenceStart", {"sentence": text})
        for _ in range(3 if self.config.get("delivery") == "stream" else 1):
            await self.sound(mp3.silence())

    async def end_turn(self) -> None:
        await self.metrics()
        await self.done()

    async def metrics(self) -> None:
        if "TurnMetrics" in self.config.get("events", ()):
            tokens = sum(map(len, self.server.history.get(self.sid, ())))
            await self.say("TurnMetrics", {"first_audio": 80, "done": 100, "usage": {"prompt_tokens": tokens}})

    async def done(self) -> None:
        self.reply = None
        await self.say("TTSDone")
        if self.draining:
            await self.bid_farewell()

    async def stop_reply(self) -> None:
        reply, self.reply = self.reply, None
        if reply is not None:
            reply.cancel()
            await asyncio.gather(reply, return_exceptions=True)

    async def cut_off(self) -> None:
        await self.stop_reply()
        if "BotInterrupted" in self.config.get("events", ()):
            await self.say("BotInterrupted", {"spoken": self.spoken})
        await self.end_turn()

    # --- the end

    async def drain(self) -> None:
        self.draining = True
        if self.reply is None:
            await self.bid_farewell()

    async def bid_farewell(self) -> None:
        await self.fault("ShuttingDown", "please call again")
        self.end()
        await self.socket.close(self.close_on_drain)


class Toy:
    """The whole server."""

    max_calls = 100

    def __init__(self, call: type[ToyCall] = ToyCall, *, extensions: bool = True) -> None:
        self.call = call
        self.offered = frozenset(OFFERED if extensions else ())
        self.events = ("UserText", "BotInterrupt", "PlaybackPosition") if extensions else ()
        self.resumes = extensions
        self.calls: set[ToyCall] = set()
        self.lines: dict[str, ToyCall] = {}
        self.history: dict[str, list[str]] = {}
        self.draining = False
        self.url = ""

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if urlsplit(request.path).path not in PATHS:
            return connection.respond(HTTPStatus.NOT_FOUND, "not here\n")
        if self.draining or len(self.calls) >= self.max_calls:
            response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Busy: all lines are taken\n")
            response.headers["Retry-After"] = "1"
            return response
        return None

    async def answer(self, socket: ServerConnection) -> None:
        call = self.call(socket, self)
        if await self.went_on(call, socket):
            return
        self.calls.add(call)
        try:
            await call.run()
        finally:
            self.calls.discard(call)

    async def went_on(self, newcomer: ToyCall, socket: ServerConnection) -> bool:
        try:
            wish = newcomer.wish(newcomer.query["resume"]) if self.resumes and "resume" in newcomer.query else None
        except Wrong:
            return False
        older = self.lines.get(newcomer.query.get("sid", ""))
        if wish is None:
            return False
        after, name = wish
        if older is not None and not older.is_named(name):
            newcomer.refused = "unknown"
            return False
        if older is None or not older.can_resume(after):
            newcomer.refused = self.why_refused(older)
            return False
        await older.resume(socket, after)
        return True

    def why_refused(self, older: ToyCall | None) -> str:
        return "unknown" if older is None or older.over or not older.keeps else "gone"

    async def drain(self) -> None:
        self.draining = True
        await asyncio.gather(*(call.drain() for call in self.calls))


@asynccontextmanager
async def toy(call: type[ToyCall] = ToyCall, server: type[Toy] = Toy, *, extensions: bool = True) -> AsyncIterator[Toy]:
    """It runs for the length of the block, and drains when this process is sent SIGTERM."""
    host = server(call, extensions=extensions)
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    loop.add_signal_handler(signal.SIGTERM, lambda: tasks.add(asyncio.create_task(host.drain())))
    async with serve(
        host.answer, "127.0.0.1", 0, process_request=host.admit, max_size=1024 * 1024, compression=None, close_timeout=1
    ) as listening:
        host.url = f"ws://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}/api/live_voice_call/chat"
        try:
            yield host
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            await asyncio.gather(*tasks)
