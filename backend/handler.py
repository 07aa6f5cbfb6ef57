"""`python -m backend.handler`: settings → providers → servers; one connection → one CallSession."""

import asyncio
import logging
import signal
import sys
import typing
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from backend import compose
from backend.access.door import Door
from backend.call.spoken import compile_all
from backend.cast import Cast
from backend.config.env import environment
from backend.connections.call_port import take_calls
from backend.connections.kept_line import ResumeLimits
from backend.connections.reception import Reception
from backend.errors import AlreadyToldError, ConfigError
from backend.persona.card import VoiceProvider
from backend.persona.shelf import Shelf
from backend.process import garbage
from backend.process.banner import description, page_url
from backend.process.exposure import refuse_open
from backend.process.listening import refuse_shared, refuse_taken
from backend.process.local_vendors import local_vendors
from backend.process.logs import configure
from backend.process.loop import loop_factory
from backend.process.loop_lag import LoopLag
from backend.process.loop_load import LoopLoad
from backend.process.readiness import Readiness
from backend.process.redaction import secrets_of
from backend.recording.recorder import open_recorder
from backend.recording.tape import Recorder
from backend.session import Services
from backend.settings import Settings, load
from backend.store.opening import Store, open_store
from backend.telemetry.observer import Observer
from backend.telemetry.setup import telemetry
from backend.voice_desk import VoiceDesk

log = logging.getLogger(__name__)

_CLOSE_S: Final = 2.0
_USAGE: Final = """\
usage: python -m backend.handler

Serves calls and the page until SIGINT or SIGTERM. It takes no arguments: settings are environment variables, or lines
of a file .env in the folder in which it is started; .env.example lists them all."""


def main(arguments: Sequence[str] = ()) -> int:
    """Run the server until it is told to stop; the exit status."""
    if arguments:
        return _tell_usage(arguments)
    try:
        settings = load()
        refuse_open(settings)
        configure(settings.log_level, settings.log_format, secrets_of(environment()))
        garbage.collect_seldom()
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(run(settings))
    except AlreadyToldError:
        return 1
    except ConfigError as exc:
        print(f"live voice call: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _tell_usage(arguments: Sequence[str]) -> int:
    """It takes none; who asks for help should not get a server."""
    wants_help = set(arguments) <= {"-h", "--help"}
    print(_USAGE, file=sys.stdout if wants_help else sys.stderr)
    return 0 if wants_help else 2


async def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; a second one ends at once.

    Raises:
        ConfigError: the server cannot start; the message says why and how to mend it.
    """
    stop = _StopSignal()
    try:
        async with server(settings) as banner:
            print(banner, flush=True)
            await stop.given()
            print("Ending the calls ... (once more to end at once)", flush=True)
    except asyncio.CancelledError:
        if not stop.came_early:
            raise


@asynccontextmanager
async def server(settings: Settings) -> AsyncIterator[str]:
    """Everything that makes a server, running; gives what there is to tell about it."""
    async with AsyncExitStack() as stack:
        cast = _cast(settings)
        refuse_shared(settings)
        refuse_taken(settings.call_address, "CALL_PORT")
        refuse_taken(settings.web_address, "WEB_PORT")
        health: dict[str, Any] = {}
        if settings.needs_emulator:
            health = await stack.enter_async_context(local_vendors(settings.emulator))
        providers = compose.providers(settings)
        stack.push_async_callback(providers.aclose)
        labels = compose.labels(settings, health)
        watchers = telemetry(settings.telemetry, {stage: label["provider"] for stage, label in labels.items()})
        stack.push_async_callback(watchers.aclose)
        lag, load = LoopLag(settings.call.max_loop_lag_ms), LoopLoad(settings.call.max_loop_load)
        stack.callback(asyncio.create_task(lag.watch()).cancel)
        kept_messages = compose.session_limits(settings).call.history.kept_messages
        store = open_store(settings.store, kept_messages, cast.card().id)
        door = Door(settings.access)
        voices = VoiceDesk(settings, store.voices)
        stack.push_async_callback(voices.aclose)
        recorder, end_recording = open_recorder(settings.recording)
        stack.callback(end_recording)
        services = _services(providers, cast, watchers.observer, store, voices=voices, recorder=recorder)
        reception = _reception(settings, services, door=door, lag=lag, load=load)
        stack.callback(asyncio.create_task(load.watch(lambda: reception.calls)).cancel)
        call_port = await take_calls(stack, settings, reception)
        metrics = watchers.metrics
        if metrics is not None:
            metrics.read(reception.readings, providers.breakers)
        readiness = Readiness(compose.endpoints(settings), reception.readings, lambda: store.state)
        # a quarter of a second, for which no call waits
        from backend.api.costs import routes as cost_routes  # noqa: PLC0415
        from backend.connections.page_port import serve_page  # noqa: PLC0415
        from backend.web import Web  # noqa: PLC0415

        page = Web(
            cast,
            call_port=call_port,
            call_url=settings.call_url,
            services=labels,
            readings=reception.readings,
            door=door,
            readiness=readiness.verdict,
            forget=store.forget,
            exposition=None if metrics is None else metrics.exposition,
            more=[*voices.routes(cast, providers.synthesizer), *cost_routes(store.costs)],
        )
        web_port = await serve_page(stack, settings, page)
        store.start()  # now that calls are taken: a database may be slow, and so is the import of what speaks to it
        stack.push_async_callback(store.aclose)
        grammar = asyncio.to_thread(compile_all)
        for work in (grammar, reception.watch(), readiness.watch(), voices.watch()):
            stack.push_async_callback(_ended, asyncio.create_task(work))
        stack.push_async_callback(reception.drain, settings.call.drain_s)
        yield description(settings, cast, labels, call_port, web_port)


def _cast(settings: Settings) -> Cast:
    shelf = Shelf(check=lambda card: settings.tts.voice or card.voice_for(settings.tts.provider))
    card = shelf.open(settings.persona)
    second = typing.cast("VoiceProvider | None", settings.fallback.tts or None)
    if second is not None:
        card.voice_for(second)
    return Cast(
        *(shelf, card.id, settings.tts.provider, settings.tts.voice),
        second=second,
        summary_tokens=settings.call.summary_tokens,
    )


def _services(
    providers: compose.Providers,
    cast: Cast,
    observer: Observer,
    store: Store,
    *,
    voices: VoiceDesk,
    recorder: Recorder,
) -> Services:
    return Services(
        recognizer=providers.recognizer,
        model=providers.model,
        synthesizer=providers.synthesizer,
        store=store,
        prompt=cast.prompt,
        voice=lambda config: cast.voice(voices.library.heeded(config)),
        knows_persona=cast.shelf.has,
        observer=observer,
        detector=providers.detector,
        trouble=lambda persona: cast.card(persona).fallback,
        idle_line=cast.idle_line,
        farewell=cast.farewell,
        recorder=recorder,
        recap=cast.recap,
        hot_words=cast.names,
    )


def _reception(settings: Settings, services: Services, *, door: Door, lag: LoopLag, load: LoopLoad) -> Reception:
    return Reception(
        replace(services, costs=compose.costs(settings.costs)),
        compose.session_limits(settings),
        compose.defaults(settings.call),
        door=door,
        max_calls=settings.call.max_calls,
        blocked_write_s=settings.call.blocked_write_s,
        resume=ResumeLimits(settings.call.resume_s, settings.call.resume_bytes),
        lag=lag,
        load=load,
        page=page_url(settings, settings.web_address.port),
    )


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel it and see it off: a question to the database has to be over before that is closed."""
    task.cancel()
    await asyncio.wait([task], timeout=_CLOSE_S)


class _StopSignal:
    """SIGINT and SIGTERM: the first asks for an orderly end, also of a start that is under way; the second ends."""

    def __init__(self) -> None:
        self._given = asyncio.Event()
        self._starting = asyncio.current_task()
        self.came_early = False
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._take, number)

    async def given(self) -> None:
        """The server has started; returns when it shall stop."""
        self._starting = None
        await self._given.wait()

    def _take(self, number: signal.Signals) -> None:
        if self._given.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._given.set()
        if self._starting is not None:
            self.came_early = True
            self._starting.cancel()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
