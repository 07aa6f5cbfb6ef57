"""Runs the loads: our server and the relay by turns, so that what the machine does meanwhile meets both alike."""

import asyncio
import gc
import os
import time
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import psutil

from bench import figures, load, plan, processes
from bench.figures import Sample, Usage
from bench.load import Notes
from bench.plan import Plan
from bench.processes import Cores, Relay, Server
from bench.report import Results

_LAST_REPLY_S: Final = 3.0
_WARM_S: Final = 20.0


async def run(what: Plan, tell: Callable[[str], None]) -> Results:
    """The whole plan."""
    on = processes.cores()
    processes.pin(os.getpid(), on.others)
    gc.disable()  # a collection here would look like a pause of the server's
    results = Results()
    for repetition in range(1, what.repetitions + 1):
        tell(f"repetition {repetition} of {what.repetitions}")
        await _repeat(what, on, results, tell)
        gc.collect()
    return results


async def _repeat(what: Plan, on: Cores, results: Results, tell: Callable[[str], None]) -> None:
    async with processes.relay(on) as floor, processes.server(on) as server:
        results.idle_mb.append(await _warm(server))
        for calls in what.calls:
            results.relay.append(await _relay(floor, calls, what))
            tell(f"  relay   {_in_short(results.relay[-1])}")
            results.ours.append(await _server(server, calls, what))
            tell(f"  server  {_in_short(results.ours[-1])}")


async def _warm(server: Server) -> float:
    """One turn, so that everything is loaded; gives what the server then holds in memory, in MB."""
    await _admin(server, "PUT", "script", plan.script(1))
    async with load.conversations(server.call_url, 1, 0) as notes:
        give_up_at = time.monotonic() + _WARM_S
        while not notes.replies and time.monotonic() < give_up_at:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    if not notes.replies:
        raise RuntimeError(f"the server did not answer a first call within {_WARM_S:g} s")
    return _rss_mb(server.process)


async def _server(server: Server, calls: int, what: Plan) -> Sample:
    turns = plan.turns_wanted(calls, what.settle_s + what.window_s + _LAST_REPLY_S)
    await _admin(server, "PUT", "script", plan.script(turns))
    await _admin(server, "DELETE", "stats")
    async with load.conversations(server.call_url, calls, what.settle_s) as notes:
        await asyncio.sleep(what.settle_s + 1)
        _forget_counts(notes)
        since_ns = time.monotonic_ns()
        usage = await _watch(server.process, server.emulator, what.window_s)
    stats = await _admin(server, "GET", "stats")
    return figures.conversation(calls, notes, stats["stamps"], usage, since_ns)


async def _relay(floor: Relay, calls: int, what: Plan) -> Sample:
    async with load.trickles(floor.url, calls) as notes:
        await asyncio.sleep(2)
        _forget_counts(notes)
        since_ns = time.monotonic_ns()
        usage = await _watch(floor.process, floor.upstream, what.relay_window_s)
    return figures.trickle(calls, notes, usage, since_ns)


async def _watch(process: psutil.Process, far_end: psutil.Process, window_s: float) -> Usage:
    """Let the window pass, and see what it cost."""
    parts = (process, far_end, psutil.Process())
    before, machine_before, began = [_cpu_s(part) for part in parts], _machine_s(), time.monotonic()
    await asyncio.sleep(window_s)
    spent = [_cpu_s(part) - was for part, was in zip(parts, before, strict=True)]
    took_s = time.monotonic() - began
    busy_s, stolen_s = (now - was for now, was in zip(_machine_s(), machine_before, strict=True))
    all_s = took_s * (os.cpu_count() or 1)
    others = max(0.0, busy_s - sum(spent)) / all_s
    return Usage(took_s, spent[0], _rss_mb(process), others, stolen_s / all_s, spent[1] / took_s)


def _forget_counts(notes: Notes) -> None:
    notes.bytes_up = notes.bytes_down = notes.lost = notes.errors = 0
    notes.late_ns.clear()


async def put_script(emulator_url: str, script: dict[str, Any]) -> None:
    """Tell an emulator what will happen."""
    async with (
        aiohttp.ClientSession() as http,
        http.put(f"{emulator_url}/admin/script", json=script, raise_for_status=True),
    ):
        pass


async def _admin(server: Server, method: str, path: str, body: Any = None) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, f"{server.emulator_url}/admin/{path}", json=body, raise_for_status=True) as response,
    ):
        return await response.json()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _machine_s() -> tuple[float, float]:
    """What all cores have worked so far, and what was stolen from them."""
    times = psutil.cpu_times()
    stolen = getattr(times, "steal", 0.0)
    unused = times.idle + getattr(times, "iowait", 0.0) + getattr(times, "guest", 0.0)  # `user` has `guest` in it
    return float(sum(times) - unused - stolen), float(stolen)


def _rss_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 1e6)


def _in_short(sample: Sample) -> str:
    delays = sample.recognised_ms + sample.sounded_ms
    p50, p99 = figures.percentile(delays, 50), figures.percentile(delays, 99)
    cost = f"{sample.cpu_per_call_minute:.3f} CPU-s per call-minute, {sample.usage.rss_mb:.0f} MB"
    usage = sample.usage
    others = f"machine {100 * usage.others_cpu:.0f} % at other work, {100 * usage.stolen_cpu:.0f} % stolen"
    return f"{sample.calls:3} calls  p50 {p50:5.2f} ms  p99 {p99:6.2f} ms  {cost}, {others}"
