"""Deadlines of an exchange with a service, which may move while someone waits."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

from backend.deadline import Deadline
from backend.errors import ProviderError, ProviderTimeout, Stage

T = TypeVar("T")

_answers: ContextVar[list[ProviderError] | None] = ContextVar("answers", default=None)


class Overdue(ProviderTimeout):
    """What was expected did not come by its deadline. The exchange itself may be well, and go on."""


class Patience:
    """How long the next message may take. One task waits; any other may move the deadline meanwhile."""

    def __init__(self, stage: Stage) -> None:
        self._stage: Stage = stage
        self._what = ""
        self._within_s = 0.0
        self._deadline = Deadline()
        self._interruption: Exception | None = None

    def expect(self, what: str, within_s: float) -> None:
        """Set the deadline: this has to come within that time from now."""
        self._what, self._within_s = what, within_s
        self._deadline.move(asyncio.get_running_loop().time() + within_s)

    def relax(self) -> None:
        """Wait without a deadline from now on."""
        self._deadline.move(None)

    @property
    def is_overdue(self) -> bool:
        """Whether the deadline has passed. It may not have after a wait that timed out: it may have just been moved."""
        at = self._deadline.at
        return at is not None and asyncio.get_running_loop().time() >= at

    def interrupt(self, error: Exception) -> None:
        """Have the waiting task, and every later one, raise this."""
        self._interruption = error
        self._deadline.move(asyncio.get_running_loop().time())

    async def wait(self, message: Awaitable[T]) -> T:
        """Wait for it until the deadline.

        Raises:
            Overdue: what was expected did not come in time.
            Exception: the one that `interrupt` was given.
        """
        try:
            with self._deadline:
                return await message
        except TimeoutError as exc:
            if self._interruption is not None:
                raise self._interruption from None
            raise Overdue(self._stage, f"{self._what} did not come within {self._within_s:g} s") from exc


async def bounded(stage: Stage, what: str, within_s: float, work: Awaitable[T]) -> T:
    """Do it, with all its tries, within that time.

    Raises:
        ProviderTimeout: it takes longer. Where a try was answered with an error meanwhile, that one is raised instead:
            it says more.
    """
    patience, answers = Patience(stage), list[ProviderError]()
    patience.expect(what, within_s)
    token = _answers.set(answers)
    try:
        return await patience.wait(work)
    except ProviderTimeout:
        if answers:
            raise answers[-1] from None
        raise
    finally:
        _answers.reset(token)


def note_answer(error: ProviderError) -> None:
    """A try on a kept connection has failed: remember the service's own error, for `bounded` to raise."""
    if error.vendor_code:
        _note(error)


def _note(error: ProviderError) -> None:
    if (answers := _answers.get()) is not None:
        answers.append(error)


async def retried(attempt: Callable[[], Awaitable[T]], backoff_s: float) -> T:
    """Do it, and once more where it failed with an error that is worth another try.

    A timeout is final: whoever waits has waited long enough.
    """
    try:
        return await attempt()
    except ProviderTimeout:
        raise
    except ProviderError as error:
        if not error.retryable:
            raise
        _note(error)
    await asyncio.sleep(backoff_s)
    return await attempt()
