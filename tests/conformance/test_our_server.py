"""Our own server, on the scripted emulator, keeps every rule that the kit knows."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from backend import compose
from backend.settings import load
from conformance.verdict import Verdict
from emulator.script import Script
from tests.conformance.judged import judged, named
from tests.support.emulator import running_emulator
from tests.support.switchboard import Switchboard, answering

SCRIPT = Script.model_validate({"timing": {"first_token_ms": 150, "tts_first_byte_ms": 50}})
"""It hears whatever is spoken, says back what it heard, and takes its time, so that there is something to interrupt."""

NEEDS_AN_OPTION = {
    "bounds.idle-timeout",
    "bounds.silence-is-idle",
    "bounds.max-calls",
    "bounds.client-that-does-not-read",
    "errors.unauthorized",
    "errors.token-by-subprotocol",
    "shutdown.idle-call-is-told",
    "shutdown.idle-call-closes-with-1012",
    "shutdown.turn-is-finished-first",
    "shutdown.busy-call-closes-with-1012",
    "shutdown.newcomers-are-refused",
}


@asynccontextmanager
async def our_server(*, idle_s: float = 60.0, ask_before_s: float = 0.0, **values: Any) -> AsyncIterator[Switchboard]:
    """It answers for the length of the block, and drains when this process is sent SIGTERM."""
    async with running_emulator(SCRIPT, may_leave_lines=True) as vendor:
        settings = load({"EMULATOR_ENGINE": "scripted", "EMULATOR_PORT": str(vendor.port)})
        providers = compose.providers(settings)
        limits = compose.limits(settings.call)
        board = Switchboard(
            recognizer=providers.recognizer,
            model=providers.model,
            synthesizer=providers.synthesizer,
            limits=replace(limits, call=replace(limits.call, idle_s=idle_s, ask_before_s=ask_before_s)),
            **values,
        )
        loop, draining = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        try:
            async with answering(board):
                reception = board.reception
                assert reception is not None
                loop.add_signal_handler(
                    signal.SIGTERM, lambda: draining.add(asyncio.create_task(reception.drain(within_s=5)))
                )
                yield board
                await asyncio.gather(*draining)
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            await providers.aclose()


async def test_it_keeps_every_rule() -> None:
    async with our_server() as board:
        results = await judged(board.url, pace=4.0)

    assert named(results, Verdict.FAILED) == {}
    assert named(results, Verdict.NOT_OFFERED) == {}
    assert set(named(results, Verdict.NOT_TRIED)) == NEEDS_AN_OPTION
    assert len(results) >= 80


async def test_it_says_goodbye_as_it_should() -> None:
    async with our_server() as board:
        results = await judged(board.url, groups=["shutdown"], stop=True)

    assert set(named(results, Verdict.PASSED)) == set(results), results


async def test_it_hangs_up_on_who_says_nothing() -> None:
    async with our_server(idle_s=0.6) as board:
        results = await judged(board.url, names=["bounds.idle-timeout", "bounds.silence-is-idle"], idle_timeout_s=0.6)

    assert set(named(results, Verdict.PASSED)) == set(results), results


async def test_it_speaks_into_a_silence_in_whole_turns() -> None:
    name = "bounds.silence-is-idle"
    async with our_server(idle_s=1.0, ask_before_s=0.9) as board:
        results = await judged(board.url, names=[name], idle_timeout_s=2.0)

    assert (results[name].verdict, results[name].evidence) == (Verdict.PASSED, "timed out, and spoken to before")


async def test_it_takes_as_many_calls_as_it_is_set_to() -> None:
    async with our_server(max_calls=3) as board:
        results = await judged(board.url, names=["bounds.max-calls"], max_calls=3)

    assert set(named(results, Verdict.PASSED)) == set(results), results


async def test_it_hangs_up_on_who_does_not_read() -> None:
    async with our_server(blocked_write_s=0.3) as board:
        results = await judged(board.url, names=["bounds.client-that-does-not-read"], blocked_write_s=0.3)

    assert set(named(results, Verdict.PASSED)) == set(results), results


async def test_it_wants_its_token() -> None:
    names = ["errors.unauthorized", "errors.token-by-subprotocol", "events.ready-comes-first"]
    async with our_server(access_token="open-sesame") as board:
        results = await judged(board.url, names=names, token="open-sesame")

    assert set(named(results, Verdict.PASSED)) == set(results), results
