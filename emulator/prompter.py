"""Hands out the script's lines in order and remembers which were never used."""

import random
from collections import Counter
from typing import Any

from emulator.script import AT_CONNECT, Fault, Reply, Script, Service, Timing, Utterance


class Prompter:
    """The script that is running. One per emulator; a new script may be set at any time."""

    def __init__(self, script: Script) -> None:
        self.load(script)

    def load(self, script: Script) -> None:
        """Begin this script, from its first line."""
        self.script = script
        self._hears = list(script.hears)
        self._replies = list(script.replies)
        self._unused_faults = list(script.faults)
        self._uses: Counter[tuple[Service, bool]] = Counter()
        self._random = random.Random(script.timing.seed)  # noqa: S311 - repeatable on purpose

    @property
    def timing(self) -> Timing:
        """How long the stages take."""
        return self.script.timing

    def next_utterance(self) -> Utterance | None:
        """What the next claim would give."""
        return self._hears[0] if self._hears else self.script.fallback

    def claim_utterance(self) -> Utterance | None:
        """Take the next line; the fallback is never used up."""
        return self._hears.pop(0) if self._hears else self.script.fallback

    def claim_reply(self) -> Reply | None:
        """Take the next reply; None means that the user's words come back."""
        return self._replies.pop(0) if self._replies else self.script.replies_always

    def fault(self, service: Service, *, connecting: bool) -> Fault | None:
        """Count one handshake or one session, and say what strikes it."""
        self._uses[service, connecting] += 1
        use = self._uses[service, connecting]
        for fault in self.script.faults:
            due = fault.nth is None or fault.nth == use
            if fault.service == service and (fault.kind in AT_CONNECT) == connecting and due:
                self._unused_faults = [unused for unused in self._unused_faults if unused is not fault]
                return fault
        return None

    def delay_s(self, delay_ms: int) -> float:
        """A stage's delay with its jitter."""
        jitter_ms = self.timing.jitter_ms
        return (delay_ms + (self._random.uniform(0, jitter_ms) if jitter_ms else 0)) / 1000

    def left(self) -> dict[str, list[Any]]:
        """The lines that were never used."""
        return {
            "hears": [line.model_dump(mode="json") for line in self._hears],
            "replies": [line.model_dump(mode="json") for line in self._replies],
            "faults": [fault.model_dump(mode="json") for fault in self._unused_faults],
        }
