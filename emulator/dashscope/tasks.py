"""What every task on a connection of DashScope has in common."""

from typing import Any, ClassVar, Protocol

from emulator.dashscope.link import Link
from emulator.dashscope.wire import Command
from emulator.house import House
from emulator.script import Fault, Kind, Service


class Task(Protocol):
    """One recognition or synthesis.

    Attributes:
        started: task-started was sent; whatever comes before it is an error.
        busy: it has enough to do without the client saying anything more.
    """

    service: ClassVar[Service]
    task_id: str
    started: bool
    busy: bool

    async def run(self) -> dict[str, Any]:
        """Serve to the end; gives the payload of task-finished."""

    async def audio(self, data: bytes) -> None:
        """The client sends sound."""

    async def more(self, command: Command) -> None:
        """continue-task."""

    async def finish(self, command: Command) -> None:
        """finish-task."""


class Beginning:
    """A run-task, counted: its record, task-started, and what the script wants instead."""

    def __init__(self, house: House, link: Link, service: Service, command: Command) -> None:
        self.task_id = command.task_id
        self.record = link.begin(
            service, {"task": command.task_id, "headers": link.headers, "json": command.payload, "finished": False}
        )
        self.service = service
        self.told_id = self.task_id
        self._link = link
        self._fault: Fault | None = house.prompter.fault(service, connecting=False)

    async def start(self) -> None:
        """Send task-started."""
        await self.misbehave("start")
        await self._link.event("task-started", self.task_id, {})

    async def misbehave(self, at: str) -> Fault | None:
        """Do what the script says, if it is due now; gives the fault that struck."""
        if self._fault is None or self._fault.at != at:
            return None
        fault, self._fault = self._fault, None
        if fault.kind is Kind.WRONG_SESSION and self.service == "asr":
            self.told_id = f"not-{self.task_id}"
        await self._link.misbehave(fault, self.task_id)
        return fault
