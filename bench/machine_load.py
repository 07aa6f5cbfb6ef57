"""What processes and the machine spend while a load runs."""

import asyncio
import os
import time

import psutil

from bench.figures import Usage


async def watch(process: psutil.Process, far_end: psutil.Process, window_s: float) -> Usage:
    """Let the window pass, and see what it cost."""
    parts = (process, far_end, psutil.Process())
    before, machine_before, began = [cpu_s(part) for part in parts], _machine_s(), time.monotonic()
    await asyncio.sleep(window_s)
    spent = [cpu_s(part) - was for part, was in zip(parts, before, strict=True)]
    took_s = time.monotonic() - began
    busy_s, stolen_s = (now - was for now, was in zip(_machine_s(), machine_before, strict=True))
    all_s = took_s * (os.cpu_count() or 1)
    others = max(0.0, busy_s - sum(spent)) / all_s
    return Usage(took_s, spent[0], rss_mb(process), others, stolen_s / all_s, spent[1] / took_s, spent[2] / took_s)


def cpu_s(process: psutil.Process) -> float:
    """User and system time of all its threads."""
    times = process.cpu_times()
    return float(times.user + times.system)


def rss_mb(process: psutil.Process) -> float:
    """What it holds in memory."""
    return float(process.memory_info().rss / 1e6)


def _machine_s() -> tuple[float, float]:
    """What all cores have worked so far, and what was stolen from them."""
    times = psutil.cpu_times()
    stolen = getattr(times, "steal", 0.0)
    unused = times.idle + getattr(times, "iowait", 0.0) + getattr(times, "guest", 0.0)  # `user` has `guest` in it
    return float(sum(times) - unused - stolen), float(stolen)
