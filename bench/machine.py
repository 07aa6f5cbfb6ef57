"""What machine this is, as far as it matters to the figures; no names and no paths."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

_CPUINFO: Final = Path("/proc/cpuinfo")


def describe() -> str:
    """One line."""
    cpu = cpu_model(_CPUINFO.read_text() if _CPUINFO.exists() else "") or platform.machine()
    memory_gb = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} × {cpu}, {memory_gb:.0f} GB, {platform.system()} {kernel(platform.release())}, "
        f"Python {platform.python_version()}, websockets {version('websockets')}{_priority()}"
    )


def _priority() -> str:
    """Whether this process, and with it all that it starts, goes before everything else on the machine."""
    if not hasattr(os, "sched_getscheduler"):
        return ""
    return ", at real-time priority" if os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR) else ""


def cpu_model(cpuinfo: str) -> str:
    """From what Linux says in `/proc/cpuinfo`, empty where it says none."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.replace("(R)", "").replace("(TM)", "").split())
    return ""


def kernel(release: str) -> str:
    """The version alone: what vendors append to it may be a name."""
    return release.partition("-")[0].partition("+")[0]
