"""What is measured side by side: how each is started, and what its callers speak."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from bench import processes
from bench.dialects import Dialect, Ours, Pipecat, Relayed
from bench.processes import ROOT, Cores, Running

PEERS: Final = ROOT / ".bench-peers"
"""The environment that `make bench-peers` makes, with pipecat in it."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One row.

    Attributes:
        answers: whether there is a conversation; the relay only hands on.
    """

    name: str
    start: Callable[[Cores], AbstractAsyncContextManager[Running]]
    dialect: Dialect
    answers: bool = True


def _ours(vad: str) -> Callable[[Cores], AbstractAsyncContextManager[Running]]:
    return lambda on: processes.server(on, {"VAD": vad})


def _reference(on: Cores) -> AbstractAsyncContextManager[Running]:
    return processes.beside_emulator(on, ("-m", "bench.reference"))


def _pipecat(vad: str) -> Callable[[Cores], AbstractAsyncContextManager[Running]]:
    python = str(PEERS / "bin" / "python")
    return lambda on: processes.beside_emulator(on, ("-m", "bench.pipecat_bot"), python=python, more=(vad,))


RELAY: Final = Contender("relay", processes.relay, Relayed(), answers=False)
OURS: Final = Contender("ours, VAD off", _ours("off"), Ours())
OURS_VAD: Final = Contender("ours, VAD on", _ours("silero"), Ours())
REFERENCE: Final = Contender("reference logic", _reference, Ours())
PIPECAT: Final = Contender("pipecat, VAD off", _pipecat("off"), Pipecat())
PIPECAT_VAD: Final = Contender("pipecat, VAD on", _pipecat("silero"), Pipecat())

ALL: Final = (RELAY, OURS, OURS_VAD, REFERENCE)
WITH_PEERS: Final = (PIPECAT, PIPECAT_VAD, OURS, OURS_VAD)
