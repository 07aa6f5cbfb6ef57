"""Models in processes of their own, so that inference never holds up the event loop, and a crash is one failed turn."""

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from backend.errors import ConfigError, ProviderUnavailable, Stage
from emulator.engines.wire import SIZES, pack, unpack

ROOT: Final = Path(__file__).resolve().parents[2]
WAITING_CALLS: Final = 32
LOAD_S: Final = 180.0
CALL_S: Final = 60.0

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Job:
    number: int
    urgent: bool
    frame: bytes
    answer: asyncio.Future[tuple[Any, bytes]]


class Worker:
    """One process that holds one model and does one call at a time; the calls before it wait here, in a bounded line.

    Args:
        name: for messages and the log.
        stage: whose failure a failed call is.
        maker: `MODULE:CALLABLE`, called in the process with `arguments`; each call runs one of its result's methods, as
            `method(blob, **arguments) -> (JSON value, bytes)`.
    """

    def __init__(self, name: str, stage: Stage, maker: str, arguments: Mapping[str, Any]) -> None:
        self.name = name
        self._stage = stage
        self._maker = maker
        self._arguments = arguments
        self._numbers = count()
        self._waiting: list[_Job] = []
        self._work = asyncio.Event()
        self._process: Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._running = False

    @property
    def busy(self) -> bool:
        """Whether a call made now would wait."""
        return self._running or bool(self._waiting)

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Load the model.

        Raises:
            ConfigError: it cannot be loaded.
        """
        try:
            await self._spawn()
        except ProviderUnavailable as exc:
            raise ConfigError(f"cannot load the {self.name} engine: {exc}") from exc
        self._pump = asyncio.create_task(self._serve(), name=f"worker {self.name}")

    async def call(
        self, method: str, blob: bytes = b"", *, urgent: bool = False, **arguments: Any
    ) -> tuple[Any, bytes]:
        """Have the process run a method. A cancelled call leaves the line; one that runs is finished for nothing.

        Args:
            urgent: goes before the calls that are not.

        Raises:
            ProviderUnavailable: the method failed, the process ended, or too many calls wait.
        """
        if self._pump is None or self._pump.done():
            raise ProviderUnavailable(self._stage, f"the {self.name} engine has been closed")
        if len(self._waiting) >= WAITING_CALLS:
            raise ProviderUnavailable(self._stage, f"the {self.name} engine is overloaded ({WAITING_CALLS} calls wait)")
        answer: asyncio.Future[tuple[Any, bytes]] = asyncio.get_running_loop().create_future()
        job = _Job(next(self._numbers), urgent, pack((method, arguments), blob), answer)
        self._waiting.append(job)
        self._work.set()
        try:
            return await answer
        finally:
            with contextlib.suppress(ValueError):
                self._waiting.remove(job)

    async def aclose(self) -> None:
        """End the process; calls under way fail."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await self._end_process()
        for job in self._waiting:
            self._fail(job, "has been closed")

    async def _serve(self) -> None:
        while True:
            await self._work.wait()
            if not self._waiting:
                self._work.clear()
                continue
            job = min(self._waiting, key=lambda job: (not job.urgent, job.number))
            self._waiting.remove(job)
            self._running = True
            try:
                await self._run(job)
            finally:
                self._running = False
                if not job.answer.done():
                    self._fail(job, "has been closed")

    async def _run(self, job: _Job) -> None:
        try:
            if self._process is None:
                await self._spawn()
            answer = await asyncio.wait_for(self._ask(job.frame), CALL_S)
        except (TimeoutError, EOFError, OSError) as exc:
            log.warning("worker.ended", extra={"worker": self.name, "why": repr(exc)})
            await self._end_process()
            self._fail(job, "stopped working and is being restarted")
            await self._try_spawn()
        except ProviderUnavailable as exc:
            if not job.answer.done():
                job.answer.set_exception(exc)
        else:
            if not job.answer.done():
                job.answer.set_result(answer)

    async def _try_spawn(self) -> None:
        """Restart at once, so that the next turn need not wait for it. If that fails, the next call tries again."""
        try:
            await self._spawn()
        except ProviderUnavailable as exc:
            log.warning("worker.lost", extra={"worker": self.name, "why": str(exc)})

    async def _spawn(self) -> None:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"}
        arguments = ("-m", "emulator.engines.worker_main", self._maker)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=PIPE, stdout=PIPE, env=environment
        )
        try:
            await asyncio.wait_for(self._ask(pack(dict(self._arguments))), LOAD_S)
        except BaseException as exc:
            await self._end_process()
            if isinstance(exc, TimeoutError | EOFError | OSError):
                raise ProviderUnavailable(self._stage, f"its process ended or hung while loading ({exc!r})") from exc
            raise

    async def _ask(self, frame: bytes) -> tuple[Any, bytes]:
        process = self._process
        assert process is not None  # noqa: S101
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(frame)
        await process.stdin.drain()
        head_bytes, blob_bytes = SIZES.unpack(await process.stdout.readexactly(SIZES.size))
        head, blob = unpack(await process.stdout.readexactly(head_bytes + blob_bytes), head_bytes)
        if "failed" in head:
            raise ProviderUnavailable(self._stage, f"the {self.name} engine failed: {head['failed']}")
        return head.get("result"), blob

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()

    def _fail(self, job: _Job, what: str) -> None:
        if not job.answer.done():
            job.answer.set_exception(ProviderUnavailable(self._stage, f"the {self.name} engine {what}"))
