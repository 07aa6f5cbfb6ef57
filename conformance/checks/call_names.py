"""Group `resume`: whoever comes back names the call, and comes to no other."""

import re
import secrets

from conformance.bench import Bench
from conformance.kept import back, goes_on, is_new, kept, name_of, position
from conformance.verdict import Broken, check


@check("resume.call-is-named", "5")
async def call_is_named(bench: Bench) -> str:
    """BotReady names the call, in 8 to 64 of A-Z a-z 0-9 - _: another name for each call of a conversation, and the
    same one for as long as a call lasts.
    """
    async with kept(bench) as (call, sid):
        if not re.fullmatch(r"[A-Za-z0-9_-]{8,64}", name := name_of(call)):
            raise Broken("no name", call.frames[0])
        await bench.turn(call)
        call.cut()
    turn, frame = position(call.frames)
    async with back(bench, sid, turn, frame, name) as again:
        goes_on(again, turn, frame)
        if name_of(again) != name:
            raise Broken(f"it was named {name} before the cut", again.frames[0])
    async with bench.dial(query={"sid": sid, "resume": "true"}) as later:
        if name_of(later) == name:
            raise Broken("a later call of the conversation has the same name", later.frames[0])
    return name


@check("resume.not-another-call", "5")
async def not_another_call(bench: Bench) -> None:
    """A place in a call that has ended leads to no later call of the conversation, though that has such a frame, and
    whether or not it names its call: BotReady says 0 and 0 and `unknown`, and nothing of the later call comes.
    """
    for named in (True, False):
        async with kept(bench) as (call, sid):
            await bench.begin_turn(call)
            call.cut()
        async with bench.dial(query={"sid": sid, "resume": "true"}) as later:
            await bench.turn(later)
            async with back(bench, sid, 1, 1, name_of(call) if named else "") as late:
                is_new(late, "unknown")
                if came := await late.fenced():
                    raise Broken("it was sent of the later call", came[0])
                await bench.turn(late)


@check("resume.no-other-name", "5")
async def no_other_name(bench: Bench) -> None:
    """With another name than the call's nobody goes on with it: BotReady says 0 and 0 and `unknown`."""
    async with kept(bench) as (call, sid):
        await bench.begin_turn(call)
        call.cut()
    async with back(bench, sid, 1, 1, secrets.token_urlsafe(12)) as again:
        is_new(again, "unknown")
        await bench.turn(again)


@check("resume.only-call", "5")
async def only_call(bench: Bench) -> None:
    """Where a conversation has had but one call, its client need not name it."""
    async with kept(bench) as (call, sid):
        await bench.turn(call)
        call.cut()
    turn, frame = position(call.frames)
    async with back(bench, sid, turn, frame, "") as again:
        goes_on(again, turn, frame)
