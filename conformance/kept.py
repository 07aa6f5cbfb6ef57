"""A call that its server keeps when it is cut, and its client's return: what the checks of that have in common."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from conformance.bench import Bench
from conformance.call import Call
from conformance.verdict import Broken, NotOffered
from conformance.wire import Down

NEW: Final = {"turn": 0, "frame": 0}


def resume_of(call: Call) -> dict[str, Any]:
    """What BotReady says of resuming."""
    said = call.frames[0].payload.get("resume")
    return said if isinstance(said, dict) else {}


def stands(call: Call) -> dict[str, Any]:
    """After which frame it goes on, by its BotReady."""
    return {key: resume_of(call).get(key) for key in NEW}


def position(frames: Sequence[Down]) -> tuple[int, int]:
    """Counted as a client counts; the first frame is BotReady."""
    turn = frame = 0
    for down in frames[1:]:
        turn, frame = (turn + 1, 1) if down.name == "SentenceRecognized" else (turn, frame + 1)
    return turn, frame


async def _offered(bench: Bench) -> bool:
    async with bench.dial(query={"resume": "true"}) as call:
        return "resume" in call.frames[0].payload


@asynccontextmanager
async def kept(bench: Bench, **query: str) -> AsyncIterator[tuple[Call, str]]:
    """A call that is kept, and its conversation.

    Raises:
        NotOffered: the server keeps none.
    """
    await bench.needs("UserText")
    if not await bench.once("resume", lambda: _offered(bench)):
        raise NotOffered("the server does not know resume")
    sid = f"conformance-{uuid.uuid4().hex}"
    async with bench.dial(query={"sid": sid, "resume": "true", **query}) as call:
        yield call, sid


@asynccontextmanager
async def back(bench: Bench, sid: str, turn: int, frame: int, name: str) -> AsyncIterator[Call]:
    """Come back to the call of this name, or without one."""
    wish = f"{turn}:{frame}:{name}" if name else f"{turn}:{frame}"
    async with bench.dial(query={"sid": sid, "resume": wish}) as call:
        yield call


def goes_on(call: Call, turn: int, frame: int) -> None:
    """See that it is the call that was cut.

    Raises:
        Broken: it is not.
    """
    if stands(call) != {"turn": turn, "frame": frame}:
        raise Broken(f"asked to go on after {turn}:{frame}", call.frames[0])


def name_of(call: Call) -> str:
    """Of this call, as its BotReady has it."""
    return str(resume_of(call).get("call", ""))


def is_new(call: Call, reason: str) -> None:
    """See that it is a new call, because the other cannot go on for this reason.

    Raises:
        Broken: it is not.
    """
    if stands(call) != NEW or resume_of(call).get("refused") != reason:
        raise Broken(f"not a new call for the reason {reason!r}", call.frames[0])
