"""Group `resume`: conversations by their `sid`."""

import uuid
from urllib.parse import quote

from conformance.bench import Bench
from conformance.call import Call
from conformance.verdict import Broken, NotTried, check

MALFORMED = ("", " ", "a b", "a/b", "a.b", "é", "a" * 65, "../x", "a\nb")


def _fresh() -> str:
    return f"conformance-{uuid.uuid4().hex}"


def _session(call: Call) -> object:
    return call.frames[0].payload.get("session")


@check("resume.well-formed-sid", "2")
async def well_formed_sid(bench: Bench) -> str:
    """A well-formed sid that is not known begins a conversation under that very name."""
    sid = _fresh()
    async with bench.dial(sid=sid) as call:
        if _session(call) != sid:
            raise Broken(f"asked for {sid}", call.frames[0])
    return sid


@check("resume.every-character", "2")
async def every_character(bench: Bench) -> None:
    """A sid may hold all of A-Z a-z 0-9 - _."""
    for sid in ("ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789", "abcdefghijklmnopqrstuvwxyz_", "-", "_"):
        async with bench.dial(sid=sid) as call:
            if _session(call) != sid:
                raise Broken(f"asked for {sid}", call.frames[0])


@check("resume.longest-sid", "2")
async def longest_sid(bench: Bench) -> None:
    """A sid may be 1 character long, and 64."""
    for sid in ("x", uuid.uuid4().hex * 2):
        async with bench.dial(sid=sid) as call:
            if _session(call) != sid:
                raise Broken(f"asked for {sid}", call.frames[0])


@check("resume.same-name-again", "2")
async def same_name_again(bench: Bench) -> None:
    """Who comes back with the sid of BotReady gets the same conversation's name."""
    async with bench.dial() as call:
        sid = str(_session(call))
    async with bench.dial(sid=sid) as call:
        if _session(call) != sid:
            raise Broken(f"came back as {sid}", call.frames[0])
        await bench.turn(call)


@check("resume.bad-session", "4")
async def bad_session(bench: Bench) -> str:
    """A malformed sid (empty, 65 characters, a space, a dot, a slash, a letter with an accent) is answered with
    BadSession.
    """
    for sid in MALFORMED:
        async with bench.dial(ready=False, sid=sid) as call:
            first = await call.next()
            if first.code != "BadSession":
                raise Broken(f"sid={quote(sid)[:70]}", first)
    return f"{len(MALFORMED)} of them"


@check("resume.bad-session-hangs-up", "4")
async def bad_session_hangs_up(bench: Bench) -> None:
    """After BadSession comes close 1008, and no BotReady before or between."""
    async with bench.dial(ready=False, sid="not a sid") as call:
        code = await call.closed()
        if code != 1008:
            raise Broken(f"closed with {code}")
        if ready := [down for down in call.frames if down.name == "BotReady"]:
            raise Broken("it was welcomed all the same", ready[0])


@check("resume.what-was-said", "2")
async def what_was_said(bench: Bench) -> str:
    """What was said before is what the model sees: the same words cost more prompt tokens in a conversation taken up
    again.
    """
    await bench.needs("UserText", "events")
    sid = _fresh()
    first, second = [await _prompt_tokens(bench, sid) for _ in range(2)]
    if second <= first:
        raise Broken(f"{first} prompt tokens in the first call, {second} in the second")
    return f"{first} → {second} prompt tokens"


@check("resume.strangers-start-empty", "2")
async def strangers_start_empty(bench: Bench) -> str:
    """Another sid knows nothing of it: the same words cost the same prompt tokens in each new conversation."""
    await bench.needs("UserText", "events")
    one, other = [await _prompt_tokens(bench, _fresh()) for _ in range(2)]
    if one != other:
        raise Broken(f"{one} prompt tokens in one new conversation, {other} in the other")
    return f"{one} prompt tokens each"


async def _prompt_tokens(bench: Bench, sid: str) -> int:
    """Of one turn, always of the same words."""
    async with bench.dial(sid=sid, events="TurnMetrics") as call:
        metrics = [down for down in await bench.turn(call) if down.name == "TurnMetrics"]
    usage = metrics[0].payload.get("usage") if metrics else None
    count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    if not isinstance(count, int):
        raise NotTried("the server does not count prompt tokens")
    return count
