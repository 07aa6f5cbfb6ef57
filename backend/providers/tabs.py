"""What a session of a speech service has used so far, for whoever pays."""

from backend.expenses import payer
from backend.ports import BYTES_PER_MS


class HeardTab:
    """Of one recognition: the sound that went up, silence and repetitions included.

    Args:
        model: the name in the price table.
        step_ms: what the vendor rounds a session up to.
    """

    def __init__(self, model: str, step_ms: int = 1) -> None:
        self._payer = payer.get()
        self._model = model
        self._step_ms = step_ms
        self._sent_bytes = 0
        self._billed_ms = 0

    def sent(self, size: int) -> None:
        """So many more bytes of PCM went up."""
        self._sent_bytes += size
        due_ms = -(-(self._sent_bytes // BYTES_PER_MS) // self._step_ms) * self._step_ms
        if due_ms > self._billed_ms:
            self._payer.heard(self._model, due_ms - self._billed_ms)
            self._billed_ms = due_ms


class SpokenTab:
    """Of one synthesis: what the service counts, corrected as soon as it tells better.

    Args:
        model: the name in the price table.
    """

    def __init__(self, model: str) -> None:
        self._payer = payer.get()
        self._model = model
        self._billed = 0

    def counts(self, characters: int) -> None:
        """The characters of the whole reply by now."""
        if characters != self._billed:
            self._payer.spoke(self._model, characters - self._billed)
            self._billed = characters
