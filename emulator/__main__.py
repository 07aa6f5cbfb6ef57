"""`python -m emulator`: the vendors on this machine, until it is told to end."""

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from backend.errors import ConfigError
from emulator import engines
from emulator.house import House
from emulator.script import Script, load
from emulator.server import listen

_SAID_WHY: Final = 78
_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve; gives the exit status: 0 when it was told to end, 1 when it could not begin and has said why.

    The status that a parent gets for the latter is another one, so that it need not say more.
    """
    options = _parser().parse_args(argv)
    try:
        asyncio.run(_run(options))
    except ConfigError as exc:
        print(f"emulator: {exc}", file=sys.stderr)
        return _SAID_WHY if options.exit_with_parent else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8899, help="0 takes any free one")
    parser.add_argument("--engine", choices=engines.NAMES, default=engines.ON_DEVICE)
    parser.add_argument("--script", type=Path, metavar="FILE.yaml", help="what the scripted engine does")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the models are (default: MODEL_CACHE)")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input does")
    return parser


async def _run(options: argparse.Namespace) -> None:
    house = House(options.engine, load(options.script) if options.script else Script())
    try:
        runner, port = await listen(house, options.host, options.port)
    except (OSError, OverflowError) as exc:
        remedy = "end the program that uses the port, or choose another with --port"
        raise ConfigError(f"cannot listen on {options.host}:{options.port} ({_reason(exc)}): {remedy}") from exc
    told_to_end = asyncio.Event()
    _watch(told_to_end, options.exit_with_parent)
    try:
        print(f"emulator: listening on http://{options.host}:{port}, engine {options.engine}", flush=True)
        if options.host not in _HERE:
            print("emulator: it knows no tokens: whoever reaches this address can use it", file=sys.stderr)
        await _first_of(_load(house, options.cache), told_to_end)
        await told_to_end.wait()
    finally:
        await runner.cleanup()


async def _load(house: House, cache: Path | None) -> None:
    house.engines = await engines.build(house.engine, house.prompter, cache, _say)


async def _first_of(work: Coroutine[None, None, None], end: asyncio.Event) -> None:
    """Do the work, or leave it when the end comes first."""
    doing, ending = asyncio.ensure_future(work), asyncio.ensure_future(end.wait())
    try:
        await asyncio.wait({doing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
    finally:
        doing.cancel()
        ending.cancel()
        await asyncio.wait({doing, ending})


def _watch(told_to_end: asyncio.Event, exit_with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, told_to_end.set)
    if exit_with_parent:
        threading.Thread(target=_until_parent_ends, args=(loop, told_to_end), daemon=True).start()


def _until_parent_ends(loop: asyncio.AbstractEventLoop, told_to_end: asyncio.Event) -> None:
    """Read standard input to its end, below Python's buffers: their lock would outlive this thread's interpreter."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(told_to_end.set)


def _say(line: str) -> None:
    print(f"emulator: {line}", file=sys.stderr, flush=True)


def _reason(exc: Exception) -> str:
    errno = exc.errno if isinstance(exc, OSError) else None
    return os.strerror(errno) if errno is not None and errno > 0 else str(exc)


if __name__ == "__main__":
    sys.exit(main())
