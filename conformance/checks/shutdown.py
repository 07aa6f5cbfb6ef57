"""Group `shutdown`: how a server says goodbye. All of it is read from one ending, for there is only one."""

import asyncio
import os
import signal
from dataclasses import dataclass

from conformance.bench import Bench
from conformance.call import names
from conformance.verdict import Broken, NotTried, check
from conformance.wire import Down


@dataclass(frozen=True, slots=True)
class Ending:
    """What three calls saw of it: one Idle, one InProcess, and one that came too late.

    Attributes:
        idle_code, busy_code: with which they were closed.
        late: status, Retry-After and text; None where the door was shut by then.
    """

    idle: list[Down]
    idle_code: int
    busy: list[Down]
    busy_code: int
    late: tuple[int, str, str] | None


async def _ending(bench: Bench) -> Ending:
    pid = bench.options.pid
    if pid is None:
        raise NotTried("needs --pid of the server, which is asked to stop (SIGTERM)")

    async def experiment() -> Ending:
        async with bench.dial() as idle, bench.dial() as busy:
            await bench.begin_turn(busy)
            os.kill(pid, signal.SIGTERM)
            await idle.until("BotError")
            late = None if busy.is_over else await _late(bench)
            idle_code, busy_code = await asyncio.gather(idle.closed(), busy.closed())
            return Ending(idle.frames, idle_code, busy.frames, busy_code, late)

    return await bench.once("ending", experiment)


async def _late(bench: Bench) -> tuple[int, str, str] | None:
    try:
        return await bench.refused()
    except Broken as exc:
        return (101, "", "") if "let in" in str(exc) else None


@check("shutdown.idle-call-is-told", "4", alone=True)
async def idle_call_is_told(bench: Bench) -> None:
    """An Idle call is told ShuttingDown when the server is asked to stop."""
    ending = await _ending(bench)
    if ending.idle[-1].code != "ShuttingDown":
        raise Broken("the last that it was told", ending.idle[-1])


@check("shutdown.idle-call-closes-with-1012", "4", alone=True)
async def idle_call_closes_with_1012(bench: Bench) -> None:
    """And is then closed with 1012."""
    if (code := (await _ending(bench)).idle_code) != 1012:
        raise Broken(f"closed with {code}")


@check("shutdown.turn-is-finished-first", "4", alone=True)
async def turn_is_finished_first(bench: Bench) -> str:
    """A turn under way is finished: its TTSDone comes before ShuttingDown."""
    told = names((await _ending(bench)).busy)
    if told[-2:] != ["TTSDone", "BotError ShuttingDown"] or "audio" not in told:
        raise Broken(f"got {', '.join(told)}")
    return ", ".join(told)


@check("shutdown.busy-call-closes-with-1012", "4", alone=True)
async def busy_call_closes_with_1012(bench: Bench) -> None:
    """And that call, too, is closed with 1012."""
    if (code := (await _ending(bench)).busy_code) != 1012:
        raise Broken(f"closed with {code}")


@check("shutdown.newcomers-are-refused", "4", alone=True)
async def newcomers_are_refused(bench: Bench) -> str:
    """Meanwhile newcomers are answered with HTTP 503 and a Retry-After, or not at all."""
    late = (await _ending(bench)).late
    if late is None:
        return "the door was shut"
    status, retry_after, text = late
    if status != 503 or not retry_after.isdigit():
        raise Broken(f"answered {status}, Retry-After {retry_after or 'missing'}, {text!r}")
    return f"{status}, Retry-After {retry_after}"
