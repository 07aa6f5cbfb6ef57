"""Wrong servers, each in one way, with the check that has to catch it."""

import asyncio
import hashlib
import uuid
from http import HTTPStatus
from typing import Any, Final

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from conformance import mp3, uplink, wire
from conformance.uplink import Audio, Event, Wrong
from tests.conformance.toy import Toy, ToyCall

MUTANTS: Final[list[tuple[str, type[ToyCall], type[Toy]]]] = []


def caught_by(*checks: str) -> Any:
    """Register a mutant under the checks that have to catch it."""

    def register(mutant: type) -> type:
        is_server = issubclass(mutant, Toy)
        MUTANTS.extend((check, ToyCall if is_server else mutant, mutant if is_server else Toy) for check in checks)
        return mutant

    return register


def _patched(message: bytes, at: int, value: int) -> bytes:
    return message[:at] + bytes((value,)) + message[at + 1 :]


# --- frames


@caught_by("frames.reserved")
class ReservedByteIsUsed(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        return _patched(super().lay_out(kind, body, turn), 3, 1)


@caught_by("frames.version")
class VersionTwo(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        return _patched(super().lay_out(kind, body, turn), 0, 0x21)


@caught_by("frames.flags")
class FlagsUnasked(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        return _patched(super().lay_out(kind, body, turn), 1, kind << 4 | 2)


@caught_by("frames.sized")
class SizeCountsTheHeader(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        whole = super().lay_out(kind, body, turn)
        return whole[:4] + (len(body) + 4).to_bytes(4, "big") + whole[8:]


@caught_by("frames.audio-serialization")
class AudioSaysJson(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        whole = super().lay_out(kind, body, turn)
        return _patched(whole, 2, 0x10)


@caught_by("frames.event-serialization")
class EventsSayNothing(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        return _patched(super().lay_out(kind, body, turn), 2, 0)


@caught_by("frames.event-uncompressed")
class EventsAreZipped(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        return _patched(super().lay_out(kind, body, turn), 2, 0x11 if kind == wire.RESPONSE else 0)


@caught_by("frames.bare-events", "frames.bare-audio")
class BareIsIgnored(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        self.query.pop("framing", None)
        return super().lay_out(kind, body, turn)


@caught_by("frames.binary")
class ErrorsAreText(ToyCall):
    async def fault(self, code: str, message: str) -> None:
        await self.put("sorry")
        await super().fault(code, message)


@caught_by("frames.types")
class UnknownTypeDown(ToyCall):
    async def ready(self) -> None:
        await super().ready()
        await self.put(self.lay_out(0xC, b"", 0))


# --- tolerance


@caught_by("tolerance.event-bare", "tolerance.event-longest-header")
class SizedOnly(ToyCall):
    def read(self, message: bytes | str) -> Event | Audio:
        start = 4 * (message[0] & 0xF) if isinstance(message, bytes) and message else 0
        if isinstance(message, bytes) and int.from_bytes(message[start : start + 4], "big") != len(message) - start - 4:
            raise Wrong("client.header", "a body without its size")
        return super().read(message)


@caught_by("tolerance.event-gzip-sized", "tolerance.audio-gzip")
class NoGzip(ToyCall):
    def read(self, message: bytes | str) -> Event | Audio:
        if isinstance(message, bytes) and len(message) > 2 and message[2] & 0xF:
            raise Wrong("client.compression", "no compression here")
        return super().read(message)


@caught_by("tolerance.audio-serialization")
class AudioMustSayNone(ToyCall):
    def read(self, message: bytes | str) -> Event | Audio:
        if isinstance(message, bytes) and message[1:2] == b"\x20" and message[2] >> 4:
            raise Wrong("client.header", "audio is not JSON")
        return super().read(message)


@caught_by("tolerance.heard-in-any-wrapping")
class HeadersAreHeard(ToyCall):
    def read(self, message: bytes | str) -> Event | Audio:
        frame = super().read(message)
        if isinstance(frame, Audio) and isinstance(message, bytes) and message[8:10] == b"\x11\x20":
            return Audio(message[8:])
        return frame


@caught_by("tolerance.heard-in-any-wrapping")
class OddBytesAreLost(ToyCall):
    async def hear(self, pcm: bytes) -> None:
        await super().hear(pcm[: len(pcm) // 2 * 2])


@caught_by("tolerance.event-long-header")
class ExtraWordsAreBody(ToyCall):
    def read(self, message: bytes | str) -> Event | Audio:
        if isinstance(message, bytes) and message and message[0] == 0x12:
            return super().read(b"\x11" + message[1:])
        return super().read(message)


# --- bounds


@caught_by("bounds.gzip-bomb", "bounds.gzip-a-byte-too-much")
class InflatesWithoutBound(ToyCall):
    def read(self, message: bytes | str) -> Event | Audio:
        return uplink.read(message, max_inflated_bytes=1 << 30)


@caught_by("bounds.ten-bad-frames")
class ElevenBadFrames(ToyCall):
    bad_frames = 11


@caught_by("bounds.nine-bad-frames", "bounds.bad-event-is-no-bad-frame")
class NeverForgetsABadFrame(ToyCall):
    async def complain(self, wrong: Wrong) -> None:
        self.total = getattr(self, "total", 0) + (wrong.code == "BadFrame")
        self.bad = self.total - 1
        await super().complain(wrong)


@caught_by("bounds.audio-ahead")
class AudioWithoutBound(ToyCall):
    def measure(self, ms: float) -> None:
        return


@caught_by("bounds.silence-is-idle")
class AsksWithoutAnEnd(ToyCall):
    async def ready(self) -> None:
        await super().ready()
        await self.sentence("Are you still there?")
        await self.fault("IdleTimeout", "nothing was said")


@caught_by("bounds.max-calls")
class BusyWithoutRetryAfter(Toy):
    max_calls = 2

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        response = super().admit(connection, request)
        if response is not None:
            del response.headers["Retry-After"]
        return response


# --- events


@caught_by("events.ready-comes-once")
class ReadyTwice(ToyCall):
    async def ready(self) -> None:
        await super().ready()
        await super().ready()


@caught_by("events.ready-comes-first", "events.nothing-unasked")
class GreetsFirst(ToyCall):
    async def ready(self) -> None:
        await self.say("Welcome", outside=True)
        await super().ready()


@caught_by("events.envelope")
class EnvelopeHoldsMore(ToyCall):
    def envelope(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        return {**super().envelope(name, payload), "id": 7}


@caught_by("events.sessions-differ")
class OneSessionForAll(ToyCall):
    async def ready(self) -> None:
        self.sid = "everyone"
        await super().ready()


@caught_by("events.no-other-path")
class TakesCallsAnywhere(Toy):
    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        return None


@caught_by("events.root-is-an-alias")
class NotAtTheRoot(Toy):
    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/":
            return connection.respond(HTTPStatus.NOT_FOUND, "not here\n")
        return super().admit(connection, request)


@caught_by("events.config-ignores-unknown-keys")
class UnknownKeysAreWrong(ToyCall):
    def check_event(self, event: Event) -> None:
        if event.name == "BotUpdateConfig" and set(event.payload) - {"speaker", *self.server.offered}:
            raise Wrong("client.payload", "no such key", "BadEvent")
        super().check_event(event)


@caught_by("events.text-comes-back-whole")
class OnlyLatin(ToyCall):
    async def begin_turn(self, text: str) -> None:
        await super().begin_turn(text.encode("ascii", "replace").decode())


# --- states


@caught_by("states.audio-in-process-is-dropped")
class HearsWhileSpeaking(ToyCall):
    async def hear(self, pcm: bytes) -> None:
        reply, self.reply = self.reply, None
        await super().hear(pcm)
        self.reply = reply

    async def done(self) -> None:
        await super().done()
        if self.last:
            await self.begin_turn("what was heard meanwhile")


@caught_by("states.turn-after-turn")
class OneTurnIsEnough(ToyCall):
    async def begin_turn(self, text: str) -> None:
        if not self.turn:
            await super().begin_turn(text)


@caught_by("states.speak-the-moment-it-is-done")
class DeafAfterItsReply(ToyCall):
    async def hear(self, pcm: bytes) -> None:
        if not self.turn:
            await super().hear(pcm)


@caught_by("states.done-once", "ordering.done-is-last")
class DoneTwice(ToyCall):
    async def done(self) -> None:
        await super().done()
        await self.say("TTSDone")


@caught_by("states.bad-frame-in-process")
class BadFrameEndsTheTurn(ToyCall):
    async def complain(self, wrong: Wrong) -> None:
        await super().complain(wrong)
        if self.reply is not None:
            await self.stop_reply()


@caught_by("states.silence-says-nothing")
class HearsVoicesInSilence(ToyCall):
    async def hear(self, pcm: bytes) -> None:
        self.scanned += len(pcm) // 2
        if self.scanned > 32_000 and self.reply is None:
            self.scanned = 0
            await self.begin_turn("hello?")


@caught_by("states.early-audio-is-kept")
class EarlyAudioIsLost(ToyCall):
    async def ready(self) -> None:
        try:
            async with asyncio.timeout(0.1):
                await self.socket.recv()
        except TimeoutError:
            pass
        await super().ready()


# --- ordering


@caught_by("ordering.sentence-before-its-audio")
class AudioFirst(ToyCall):
    async def sentence(self, text: str) -> None:
        await self.sound(mp3.silence())
        await self.say("TTSSentenceStart", {"sentence": text})


@caught_by("ordering.one-audio-frame-a-sentence")
class TwoAudioFrames(ToyCall):
    async def sentence(self, text: str) -> None:
        await super().sentence(text)
        await self.sound(mp3.silence())


@caught_by("ordering.audio-is-mp3")
class CutsItsMp3(ToyCall):
    async def sound(self, data: bytes) -> None:
        await super().sound(data[:-1])


@caught_by("ordering.mp3-at-24-khz")
class AnotherRate(ToyCall):
    async def sound(self, data: bytes) -> None:
        await super().sound((b"\xff\xf3\x48\xc0" + bytes(140)) * 4)


@caught_by("ordering.no-sentence-without-audio", "extensions.stream")
class SentenceWithoutAudio(ToyCall):
    async def sentence(self, text: str) -> None:
        await self.say("TTSSentenceStart", {"sentence": text})
        await super().sentence(text)


@caught_by("ordering.recognized-before-the-reply")
class SpeaksBeforeItHasHeard(ToyCall):
    async def begin_turn(self, text: str) -> None:
        await self.say("TTSSentenceStart", {"sentence": "well"})
        await super().begin_turn(text)


@caught_by("ordering.nothing-between-turns")
class TalksInItsSleep(ToyCall):
    async def done(self) -> None:
        await super().done()
        await self.sound(mp3.silence())


# --- errors


@caught_by("errors.text-message", "frames.golden-bad")
class AllIsABadEvent(ToyCall):
    async def complain(self, wrong: Wrong) -> None:
        await super().complain(Wrong(wrong.rule, str(wrong), "BadEvent"))


@caught_by("errors.unknown-type")
class SilentOnUnknownTypes(ToyCall):
    async def complain(self, wrong: Wrong) -> None:
        if wrong.rule != "client.type":
            await super().complain(wrong)


@caught_by("errors.message-for-people")
class ShowsItsStackTrace(ToyCall):
    async def fault(self, code: str, message: str) -> None:
        await super().fault(code, f"Traceback (most recent call last): {message}")


@caught_by("errors.unknown-event", "errors.event-of-the-server")
class TakesAnyEvent(ToyCall):
    def check_event(self, event: Event) -> None:
        return


@caught_by("errors.bad-events-do-not-hang-up")
class CountsBadEventsToo(ToyCall):
    async def complain(self, wrong: Wrong) -> None:
        self.total = getattr(self, "total", 0) + 1
        await super().complain(wrong)
        if self.total >= 10:
            await self.socket.close(1008)


@caught_by("errors.one-answer-each")
class AnswersTwice(ToyCall):
    async def complain(self, wrong: Wrong) -> None:
        await super().complain(wrong)
        await super().complain(wrong)


# --- resume


@caught_by("resume.well-formed-sid", "resume.same-name-again")
class IgnoresTheSid(ToyCall):
    async def ready(self) -> None:
        self.sid = str(uuid.uuid4())
        await super().ready()


@caught_by("resume.bad-session", "resume.bad-session-hangs-up")
class AnySidWillDo(ToyCall):
    def well_formed(self, sid: str) -> bool:
        return True


@caught_by("resume.bad-session-hangs-up")
class ClosesNormallyAfterABadSid(ToyCall):
    close_after_bad_sid = 1000


@caught_by("resume.longest-sid")
class SidsOf32(ToyCall):
    def well_formed(self, sid: str) -> bool:
        return super().well_formed(sid) and len(sid) <= 32


@caught_by("resume.what-was-said")
class ForgetsWhatWasSaid(ToyCall):
    async def ready(self) -> None:
        self.server.history.pop(self.sid, None)
        await super().ready()


@caught_by("resume.strangers-start-empty")
class OneMemoryForAll(ToyCall):
    async def ready(self) -> None:
        await super().ready()
        self.sid = "everyone"


@caught_by("resume.kept-when-asked")
class DoesNotSayHowLong(ToyCall):
    def stands(self, at: tuple[int, int]) -> dict[str, Any]:
        return {"turn": at[0], "frame": at[1]}


@caught_by("resume.not-kept-unasked")
class KeepsEverybody(ToyCall):
    def wants_keeping(self) -> bool:
        return super().wants_keeping() or True


@caught_by("resume.wrong-wish")
class AnyWishWillDo(ToyCall):
    def wish(self, text: str) -> tuple[tuple[int, int], str] | None:
        try:
            return super().wish(text)
        except Wrong:
            return None


@caught_by("resume.frames-again")
class SkipsAFrame(ToyCall):
    def missed(self, after: tuple[int, int]) -> list[bytes | str]:
        return super().missed(after)[1:]


@caught_by("resume.rest-of-the-turn")
class BeginsTheTurnAgain(ToyCall):
    def missed(self, after: tuple[int, int]) -> list[bytes | str]:
        return super().missed((after[0], 0))


@caught_by("resume.next-turn")
class CountsTurnsAnew(ToyCall):
    async def resume(self, socket: ServerConnection, after: tuple[int, int]) -> None:
        self.turn = 0
        await super().resume(socket, after)


@caught_by("resume.unknown-call")
class RemembersWhoNeverCalled(ToyCall):
    async def ready(self) -> None:
        self.refused = None
        await super().ready()


@caught_by("resume.frame-gone")
class KnowsNoReason(Toy):
    def why_refused(self, older: ToyCall | None) -> str:
        return "unknown"


@caught_by("resume.call-is-named")
class NamesNoCall(ToyCall):
    def stands(self, at: tuple[int, int]) -> dict[str, Any]:
        return {key: value for key, value in super().stands(at).items() if key != "call"}


@caught_by("resume.call-is-named", "resume.not-another-call")
class NamesTheConversation(ToyCall):
    def call_name(self) -> str:
        return hashlib.sha256(self.query.get("sid", "").encode()).hexdigest()


@caught_by("resume.not-another-call", "resume.no-other-name")
class AnyNameWillDo(ToyCall):
    def is_named(self, name: str) -> bool:
        return True


@caught_by("resume.not-another-call")
class NoNameWillDo(ToyCall):
    def is_named(self, name: str) -> bool:
        return not name or super().is_named(name)


@caught_by("resume.only-call")
class WantsAName(ToyCall):
    def is_named(self, name: str) -> bool:
        return name == self.name


@caught_by("resume.goodbye")
class WaitsForWhoHungUp(ToyCall):
    def was_cut(self, socket: ServerConnection) -> bool:
        return True


@caught_by("resume.back-soon")
class TakesEveryCloseForAGoodbye(ToyCall):
    def was_cut(self, socket: ServerConnection) -> bool:
        return socket.close_code == 1006


@caught_by("resume.older-is-told")
class DropsTheOlderWithoutAWord(ToyCall):
    async def dismiss(self, socket: ServerConnection) -> None:
        await socket.close(1008)


@caught_by("resume.taken-up")
class TwoOnOneLine(ToyCall):
    async def take_over(self) -> None:
        self.server.lines[self.sid] = self


# --- extensions


@caught_by("extensions.turn-ids-count")
class AlwaysTurnOne(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        return super().lay_out(kind, body, min(turn, 1))


@caught_by("extensions.turn-ids-on-every-frame")
class NumbersEventsOnly(ToyCall):
    def lay_out(self, kind: int, body: bytes, turn: int) -> bytes:
        if kind == wire.RESPONSE:
            return super().lay_out(kind, body, turn)
        return bytes((0x11, kind << 4, 0, 0)) + len(body).to_bytes(4, "big") + body


@caught_by("extensions.no-partials-unasked")
class PartialsUnasked(ToyCall):
    async def partial(self, text: str) -> None:
        await self.say("SentencePartial", {"sentence": text}, outside=True)


@caught_by("extensions.metrics-when-asked")
class MetricsTwice(ToyCall):
    async def metrics(self) -> None:
        await super().metrics()
        await super().metrics()


@caught_by("extensions.interrupt", "extensions.user-text-in-process", "resume.interrupt-after")
class InterruptedWithoutDone(ToyCall):
    async def cut_off(self) -> None:
        await self.stop_reply()


@caught_by("extensions.interrupted-when-asked")
class NeverSaysInterrupted(ToyCall):
    async def cut_off(self) -> None:
        await self.stop_reply()
        await self.end_turn()


@caught_by("extensions.interrupt-while-idle")
class DoneForNothing(ToyCall):
    async def obey(self, event: Event) -> None:
        if event.name == "BotInterrupt" and self.reply is None:
            await self.say("TTSDone")
        await super().obey(event)


@caught_by("extensions.a-wrong-value-changes-nothing")
class HalfAConfiguration(ToyCall):
    def check_event(self, event: Event) -> None:
        if event.payload.get("turn_ids") is True:
            self.asked["turn_ids"] = True
        super().check_event(event)


# --- shutdown


@caught_by("shutdown.idle-call-closes-with-1012", "shutdown.busy-call-closes-with-1012")
class GoesAway(ToyCall):
    close_on_drain = 1001


@caught_by("shutdown.turn-is-finished-first")
class DropsTheTurn(ToyCall):
    async def drain(self) -> None:
        await self.stop_reply()
        await super().drain()


@caught_by("shutdown.idle-call-is-told")
class LeavesWithoutAWord(ToyCall):
    async def bid_farewell(self) -> None:
        if not self.turn:
            await self.fault("Internal", "the line is cut")
        await self.socket.close(self.close_on_drain)


@caught_by("shutdown.newcomers-are-refused")
class StillTakesCalls(Toy):
    @property
    def draining(self) -> bool:
        return False

    @draining.setter
    def draining(self, value: bool) -> None:
        return
