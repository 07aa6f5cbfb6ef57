"""What every check works with: the server's address, what it offers, and experiments whose outcome many checks read."""

import asyncio
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from conformance import wire
from conformance.call import Call
from conformance.verdict import Broken, CannotRun, NotOffered, NotTried
from conformance.wire import Down

DATA: Final = Path(__file__).parent / "data"
TEXT: Final = "你好，今天过得怎么样？我想听你说说，多说一点好吗？"
"""Typed where a turn is needed: two sentences, so that most servers answer with more than a word."""

TRIES: Final = 4

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """What the judge was told.

    Attributes:
        timeout_s: of one check, and of any wait in it.
        pace: audio is sent so many times faster than it is spoken.
        pid: of the server, for the checks that stop it.
        idle_timeout_s, max_calls, blocked_write_s: how the server is set; None where it is not known.
        jobs: checks at once.
    """

    url: str
    token: str = field(default="", repr=False)
    timeout_s: float = 30.0
    pace: float = 1.0
    speech: Path = DATA / "speech.wav"
    pid: int | None = None
    idle_timeout_s: float | None = None
    max_calls: int | None = None
    blocked_write_s: float | None = None
    jobs: int = 4


class Bench:
    """One run against one server."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.speech = read_speech(options.speech)
        self._shared: dict[str, asyncio.Task[Any]] = {}

    @property
    def speech_s(self) -> float:
        """How long the speech is."""
        return len(self.speech) / wire.BYTES_PER_MS / 1000

    @asynccontextmanager
    async def dial(
        self,
        *,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
        subprotocols: tuple[str, ...] = (),
        ready: bool = True,
        query: Mapping[str, str] | None = None,
        **more: str,
    ) -> AsyncIterator[Call]:
        """A call, told BotReady unless `ready` is off. A busy server is asked again for a while.

        Args:
            query, more: parameters of the address.
        """
        parameters = {**(query or {}), **more}
        address = with_query(self.options.url, path, parameters)
        if headers is None:
            headers = {"Authorization": f"Bearer {self.options.token}"} if self.options.token else {}
        socket = await self._connect(address, headers, subprotocols)
        call = Call(
            socket, bare=parameters.get("framing") == "bare", patience_s=self.options.timeout_s, pace=self.options.pace
        )
        try:
            if ready:
                await call.until("BotReady")
            yield call
        finally:
            await call.hang_up()

    async def _connect(self, address: str, headers: Mapping[str, str], subprotocols: tuple[str, ...]) -> Any:
        deadline = time.monotonic() + self.options.timeout_s / 2
        while True:
            try:
                return await connect(
                    address,
                    additional_headers=headers,
                    subprotocols=[Subprotocol(each) for each in subprotocols] or None,
                    compression=None,
                    max_size=None,
                    ping_interval=None,
                    close_timeout=1,
                    proxy=None,
                    open_timeout=self.options.timeout_s,
                )
            except InvalidStatus as exc:
                if exc.response.status_code != 503:
                    raise Broken(f"the handshake was answered with HTTP {exc.response.status_code}") from exc
                if time.monotonic() > deadline:
                    raise NotTried("the server is too busy to take a call (HTTP 503)") from exc
                await asyncio.sleep(0.2)
            except (OSError, InvalidHandshake) as exc:
                raise CannotRun(f"no WebSocket at {address}: {exc}") from exc

    async def refused(
        self, *, path: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Status, Retry-After and beginning of the text with which a handshake is refused.

        Raises:
            Broken: it is let in.
        """
        given = {"Authorization": f"Bearer {self.options.token}"} if self.options.token else {}
        try:
            async with connect(
                with_query(self.options.url, path, {}),
                additional_headers=given if headers is None else headers,
                proxy=None,
                open_timeout=self.options.timeout_s,
                close_timeout=1,
            ):
                raise Broken("the handshake was let in")
        except InvalidStatus as exc:
            response = exc.response
            text = (response.body or b"").decode(errors="replace")
            return response.status_code, response.headers.get("Retry-After", ""), text[:80]
        except (OSError, InvalidHandshake) as exc:
            raise Broken(f"the handshake was cut off: {exc}") from exc

    async def once(self, name: str, experiment: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What came of an experiment that is made once for all who ask for it."""
        if name not in self._shared:
            self._shared[name] = asyncio.create_task(experiment())
        outcome: T = await asyncio.shield(self._shared[name])
        return outcome

    async def aclose(self) -> None:
        """Stop what still runs."""
        for task in self._shared.values():
            task.cancel()
        await asyncio.gather(*self._shared.values(), return_exceptions=True)

    # --- what is offered

    async def offers(self, extension: str) -> bool:
        """Whether the server knows a key of BotUpdateConfig, or an event, of section 5."""
        return extension in await self.once("offers", self._ask_for_extensions)

    async def needs(self, *extensions: str) -> None:
        """Raise NotOffered unless the server knows all of these."""
        for extension in extensions:
            if not await self.offers(extension):
                raise NotOffered(f"the server does not know {extension}")

    async def _ask_for_extensions(self) -> frozenset[str]:
        """A wrong value of a key that is known is a BadEvent, of one that is not is ignored; so with events."""
        wrong: dict[str, tuple[str, dict[str, Any]]] = {
            key: ("BotUpdateConfig", {key: value})
            for key, value in {
                "delivery": "conformance",
                "audio_format": "conformance",
                "sample_rate": 1,
                "barge_in": "conformance",
                "turn_ids": "conformance",
                "events": ["Conformance"],
                "persona": 7,
                "speech_rate": "conformance",
                "volume": "conformance",
                "emotion": 7,
            }.items()
        }
        known: set[str] = set()
        async with self.dial() as call:
            for key, (name, payload) in wrong.items():
                if any(
                    down.code == "BadEvent" for down in await call.fenced(wire.event(name, payload), with_event=False)
                ):
                    known.add(key)
            for name, payload in (("BotInterrupt", {}), ("PlaybackPosition", {"turn": 1, "played_ms": 0})):
                seen = await call.fenced(wire.event(name, payload), with_event=False)
                if not any(down.code for down in seen):
                    known.add(name)
            await call.tell("UserText", {"text": TEXT})
            if (await call.until(lambda down: down.name in ("SentenceRecognized", "BotError")))[-1].code is None:
                known.add("UserText")
        return frozenset(known)

    # --- turns

    async def begin_turn(self, call: Call, text: str = TEXT) -> list[Down]:
        """Make the server answer something; all up to and with SentenceRecognized."""
        if await self.offers("UserText"):
            await call.tell("UserText", {"text": text})
            return await call.until("SentenceRecognized")
        async with call.speaking(self.speech):
            return await call.until("SentenceRecognized")

    async def turn(self, call: Call, text: str = TEXT) -> list[Down]:
        """A whole turn: from what comes first to TTSDone."""
        return await self.begin_turn(call, text) + await call.until("TTSDone")

    async def spoken_turn(self, call: Call, pcm: bytes | None = None) -> list[Down]:
        """A whole turn that begins with speech."""
        async with call.speaking(self.speech if pcm is None else pcm):
            return await call.until("TTSDone")

    async def in_process(self, act: Callable[[Call], Awaitable[T]], **query: str) -> tuple[T, list[Down], list[Down]]:
        """Do something while the server is certainly InProcess.

        Certain is what the server has read, by the answer to a ping, before TTSDone arrived here. A reply that is over
        too soon is tried again with the next.

        Returns:
            What `act` returned; the frames from SentenceRecognized to TTSDone; what came between those and a fence.
        """
        for _ in range(TRIES):
            async with self.dial(query=query) as call:
                seen = await self.begin_turn(call)
                outcome = await act(call)
                await call.round_trip()
                certain = not any(down.name == "TTSDone" for down in call.unread())
                seen += await call.until("TTSDone")
                if certain:
                    return outcome, seen, await call.fenced()
        raise NotTried("replies are over too soon to do anything meanwhile")

    # --- experiments that many checks read

    async def plain(self) -> list[Down]:
        """All frames of a call that asked for nothing and had one turn and one BotError."""

        async def experiment() -> list[Down]:
            async with self.dial() as call:
                await self.turn(call)
                await call.fenced()
                return list(call.frames)

        return await self.once("plain", experiment)

    async def bare(self) -> list[Down]:
        """The same for a call with `framing=bare`."""

        async def experiment() -> list[Down]:
            async with self.dial(framing="bare") as call:
                await self.turn(call)
                await call.fenced()
                return list(call.frames)

        return await self.once("bare", experiment)


def with_query(url: str, path: str | None, query: Mapping[str, str]) -> str:
    """The address with another path, if one is given, and these parameters added."""
    parts = urlsplit(url)
    joined = "&".join(each for each in (parts.query, urlencode(query)) if each)
    return str(urlunsplit(parts._replace(path=parts.path if path is None else path, query=joined)))


def read_speech(path: Path) -> bytes:
    """The samples of a WAV file.

    Raises:
        CannotRun: no such file, or not 16 kHz, mono, 16 bit.
    """
    try:
        with wave.open(str(path)) as wav:
            if (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) != (wire.SAMPLE_RATE_HZ, 1, 2):
                raise CannotRun(f"{path} is not 16 kHz, mono, 16 bit")
            return bytes(wav.readframes(wav.getnframes()))
    except (OSError, EOFError, wave.Error) as exc:
        raise CannotRun(f"{path}: {exc}") from exc
