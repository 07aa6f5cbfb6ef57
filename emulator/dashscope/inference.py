"""The WebSocket on which DashScope hears and speaks: one task after another, each with an id of its own.

Source: docs "realtime-websocket-overview", "cosyvoice-websocket-api"; the fact sheet's lifecycle and timeouts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

from aiohttp import web

from emulator.dashscope import recognition, synthesis
from emulator.dashscope.access import new_request_id
from emulator.dashscope.link import Link, accept
from emulator.dashscope.tasks import Task
from emulator.dashscope.wire import INVALID_PARAMETER, Command, TaskFailure
from emulator.house import House
from emulator.script import Service

PATHS: Final = ("/api-ws/v1/inference", "/api-ws/v1/inference/")


async def serve(house: House, request: web.Request) -> web.StreamResponse:
    """One connection."""
    link = await accept(house, request)
    if isinstance(link, web.StreamResponse):
        return link
    async with link:
        await Connection(house, link).run()
    return link.response


class Connection:
    """Reads for whichever task is running."""

    def __init__(self, house: House, link: Link) -> None:
        self._house = house
        self._link = link
        self._task: Task | None = None
        self._running: asyncio.Task[None] | None = None
        self._message: Command | bytes | None = None
        self._service: Service = "asr"
        self._task_id = ""
        self._active_at = 0.0
        self._timer: asyncio.Timeout | None = None

    async def run(self) -> None:
        """Serve until the client leaves."""
        async with asyncio.TaskGroup() as tasks:
            while await self._telling(self._next) and self._message is not None:
                self._note(self._message)
                if not await self._telling(partial(self._take, self._message, tasks)):
                    break
            if self._running is not None:
                self._running.cancel()

    async def _telling(self, work: Callable[[], Awaitable[None]]) -> bool:
        return await self._link.telling(self._service, self._task_id, work)

    def _note(self, message: Command | bytes) -> None:
        """Know, before anything can fail, whose failure it would be."""
        if isinstance(message, Command) and message.action == "run-task" and self._task is None:
            self._task_id = message.task_id
            self._service = "tts" if message.payload.get("task") == "tts" else "asr"

    async def _take(self, message: Command | bytes, tasks: asyncio.TaskGroup) -> None:
        if isinstance(message, bytes):
            await self._current().audio(message)
        elif message.action == "run-task":
            self._begin(message, tasks)
        else:
            await self._in_task(message)

    def _begin(self, command: Command, tasks: asyncio.TaskGroup) -> None:
        if self._task is not None:
            raise TaskFailure(INVALID_PARAMETER, "the last task is not finished")
        if not command.task_id:
            raise TaskFailure(INVALID_PARAMETER, "Missing required parameter 'header.task_id'!")
        if not command.payload.get("model"):
            reason = "Missing required parameter 'payload.model'! Please follow the protocol!"
            raise TaskFailure(INVALID_PARAMETER, reason)
        self._task = self._made(command)
        self._running = tasks.create_task(self._run(self._task))

    def _made(self, command: Command) -> Task:
        match command.payload.get("task"), command.payload.get("function"):
            case ("asr", "recognition"):
                return recognition.begin(self._house, self._link, command)
            case ("tts", "SpeechSynthesizer"):
                return synthesis.begin(self._house, self._link, command)
            case _:
                raise TaskFailure(INVALID_PARAMETER, "task or function is not supported")

    async def _run(self, task: Task) -> None:
        await self._telling(partial(self._serve, task))

    async def _serve(self, task: Task) -> None:
        payload = await task.run()
        self._task = None
        self._active_at = _now()
        if self._timer is not None and not self._timer.expired():
            self._timer.reschedule(self._expires_at)
        told = {"request_uuid": new_request_id()} if task.service == "tts" else {}
        await self._link.event("task-finished", task.task_id, payload, **told)

    async def _in_task(self, command: Command) -> None:
        task = self._current()
        if command.task_id != task.task_id:
            raise TaskFailure(INVALID_PARAMETER, f"unknown task_id: {command.task_id}")
        match command.action:
            case "continue-task":
                await task.more(command)
            case "finish-task":
                await task.finish(command)
            case _:
                raise TaskFailure(INVALID_PARAMETER, f"unknown action: {command.action}")

    def _current(self) -> Task:
        if self._task is None or not self._task.started:
            raise TaskFailure(INVALID_PARAMETER, "the task has not started")
        return self._task

    async def _next(self) -> None:
        """Wait for the next message; None stands for the end, also of a connection that has idled for too long.

        Raises:
            TaskFailure: nothing came for too long during a task.
        """
        self._active_at = _now()
        while True:
            if self._task is not None and self._task.busy:
                self._active_at = _now()
            if self._expires_at <= _now():
                self._check_gap()
                self._message = None
                return
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._expires_at) as self._timer:
                    self._message = await self._link.receive()
                    return

    @property
    def _gap_ms(self) -> int:
        limits = self._house.script.limits
        idle_ms = self._link.idle_close.ms if self._link.idle_close else limits.task_idle_ms
        return idle_ms if self._task is None else limits.task_gap_ms

    @property
    def _expires_at(self) -> float:
        return self._active_at + self._gap_ms / 1000

    def _check_gap(self) -> None:
        if self._task is not None:
            raise TaskFailure("CLIENT_ERROR", f"request timeout after {self._gap_ms / 1000:g} seconds.")
        if self._link.idle_close is not None:
            self._house.stats.struck(self._link.idle_close)


def _now() -> float:
    return asyncio.get_running_loop().time()
