"""`python -m emulator.engines.worker_main MODULE:MAKER`: one model, serving calls on its standard input and output."""

import importlib
import logging
import os
import signal
import sys
from typing import Any, BinaryIO

from emulator.engines.wire import SIZES, pack, unpack

log = logging.getLogger(__name__)


def main(maker: str) -> int:
    """Make the engine from the first frame's arguments, then answer each call until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the emulator ends its workers itself
    logging.basicConfig(level=logging.WARNING)
    calls, answers = _take_over_stdio()
    try:
        arguments, _ = _receive(calls)
        engine = _made(maker, arguments)
    except Exception as exc:
        log.exception("%s cannot be loaded", maker)
        answers.write(pack({"failed": _told(exc)}))
        answers.flush()
        return 1
    answers.write(pack({}))
    answers.flush()
    return _serve(engine, calls, answers)


def _serve(engine: Any, calls: BinaryIO, answers: BinaryIO) -> int:
    while True:
        try:
            (method, arguments), blob = _receive(calls)
        except EOFError:
            return 0
        try:
            head, sound = getattr(engine, method)(blob, **arguments)
            answers.write(pack({"result": head}, sound))
        except Exception as exc:
            log.exception("%s failed", method)
            answers.write(pack({"failed": _told(exc)}))
        answers.flush()


def _made(maker: str, arguments: dict[str, Any]) -> Any:
    module, _, name = maker.partition(":")
    return getattr(importlib.import_module(module), name)(**arguments)


def _take_over_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Keep both pipes for frames: a library that prints goes to standard error."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return calls, answers


def _receive(calls: BinaryIO) -> tuple[Any, bytes]:
    head_bytes, blob_bytes = SIZES.unpack(_exactly(calls, SIZES.size))
    return unpack(_exactly(calls, head_bytes + blob_bytes), head_bytes)


def _exactly(calls: BinaryIO, size: int) -> bytes:
    data = calls.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _told(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1]))
    except BrokenPipeError:
        os._exit(0)  # the emulator was killed: nobody is left to tell
