"""One connection to DashScope's speech services: tasks one after another, and no message of one in another."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from backend.errors import ProtocolError, ProviderError, Stage
from backend.providers.dashscope import wire
from backend.providers.dashscope.config import SocketConfig
from backend.providers.dashscope.failures import Failures
from backend.providers.dashscope.wire import Event, Run
from backend.providers.sockets import ServiceSocket, SocketLimits, dial

log = logging.getLogger(__name__)

RESOURCE: Final = ""
"""A handshake names no product: every connection serves every model."""


class TaskConnection:
    """An open socket; one task at a time.

    Attributes:
        has_idled: it lay unused for a while, and may have died meanwhile.
        is_poisoned: something failed here, or came that should not have come: it never serves again.
    """

    def __init__(self, socket: ServiceSocket, failures: Failures) -> None:
        self.resource_id = RESOURCE
        self.has_idled = False
        self.is_poisoned = False
        self._socket = socket
        self._failures = failures
        self._reading = asyncio.Lock()
        self._task_id = ""

    @property
    def is_usable(self) -> bool:
        """Whether another task may be started here."""
        return self._socket.is_open and not self.is_poisoned

    async def start(self, run: Run) -> str:
        """run-task, and its answer; gives the task's id, which was never used before."""
        self._task_id = uuid4().hex
        await self.send(wire.run_task(self._task_id, run))
        event = await self.next()
        if isinstance(event, bytes) or event.name != wire.STARTED:
            raise self._poisoned_by(self._failures.unavailable("the task did not begin with task-started", self.log_id))
        return self._task_id

    @property
    def log_id(self) -> str:
        """What the service's support desk may look the last task up by."""
        return self._task_id

    async def send(self, message: str | bytes) -> None:
        """Write one message."""
        try:
            await self._socket.send(message)
        except ProviderError as error:
            raise self._poisoned_by(error) from error.__cause__

    async def next(self) -> Event | bytes:
        """The task's next event or piece of sound.

        Raises:
            ProviderError: the task or the connection failed; or something came that belongs to neither.
        """
        async with self._reading:  # whoever reads for a task that is left waits for its last reader
            try:
                return self._read(await self._socket.receive())
            except ProviderError as error:
                raise self._poisoned_by(error) from error.__cause__

    async def settle(self, within_s: float, overheard: Callable[[Event], None]) -> None:
        """Read until task-finished; when something else ends the task, or nothing, the connection is poisoned."""
        try:
            async with asyncio.timeout(within_s):
                is_over = False
                while not is_over:
                    if isinstance(event := await self.next(), Event):
                        overheard(event)
                        is_over = event.name == wire.FINISHED
        except (TimeoutError, ProviderError) as exc:
            self.is_poisoned = True
            log.info("task.not_settled", extra={"log_id": self.log_id, "reason": str(exc) or "no answer"})

    async def watch(self) -> None:
        """Read while no task runs; ends when the connection is lost or can be trusted no longer, and never raises."""
        try:
            await self.next()
            self.is_poisoned = True
        except ProviderError as error:
            log.info("task.connection_lost", extra={"log_id": self.log_id, "reason": str(error)})

    async def close(self) -> None:
        """Close the socket."""
        self.is_poisoned = True
        await self._socket.close()

    def _read(self, message: bytes | str) -> Event | bytes:
        if isinstance(message, bytes):
            return message
        try:
            event = wire.read(message)
        except ProtocolError as exc:
            reason = "the service sent what is no message of its protocol"
            raise self._failures.unavailable(reason, self.log_id) from exc
        if event.name == wire.FAILED:
            raise self._failures.of_event(event)
        if event.task_id not in ("", self._task_id):
            raise self._failures.unavailable("the service sent an event of a task that is not ours", self.log_id)
        return event

    def _poisoned_by(self, error: ProviderError) -> ProviderError:
        self.is_poisoned = True
        error.log_id = error.log_id or self.log_id
        return error


async def connect(stage: Stage, config: SocketConfig) -> TaskConnection:
    """Open a connection; the first task may be started at once."""
    failures = Failures(stage, config.api_key)
    limits = SocketLimits(
        config.connect_timeout_s, config.send_timeout_s, config.ping_interval_s, config.ping_timeout_s
    )
    greeting = {"Authorization": f"Bearer {config.api_key}"}
    return TaskConnection(await dial(stage, config.url, greeting, limits, failures.of_response), failures)
