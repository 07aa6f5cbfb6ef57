"""Several servers, one database, nginx: a server dies in the middle of calls, and every caller goes on with another.

`SCALE_CALLS` is how many call, `SCALE_NODES` how many servers there are (`make scale-test`: 30 and 3).
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from backend.config.database_url import database_url
from backend.ports import Message
from backend.store.database import Database
from backend.token import sign
from tests.scale.callers import CALLS, SLOW, Persistent, caller_of, said, together
from tests.scale.cluster import PATIENCE_S, Cluster

pytestmark = pytest.mark.timeout(600)


async def test_a_killed_nodes_callers_go_on_with_another(group: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    callers = [caller_of(group, number) for number in range(1, CALLS + 1)]
    await together(caller.dial() for caller in callers)
    await together(caller.ask("one") for caller in callers)
    await _is_cut_and_hears_the_rest(group, callers[0])
    homes = {caller.sid: group.node_of(caller.sid) for caller in callers}
    await _kept(group, callers)

    doomed = max(group.nodes, key=lambda node: list(homes.values()).count(node))
    talking = callers[::2]
    await group.script(SLOW)
    await together(caller.begin("two") for caller in talking)
    for caller in callers:
        caller.at = "1:1"
    await doomed.kill()
    await together(caller.finish() for caller in talking)
    cut = [caller for caller in callers if homes[caller.sid] is doomed]
    await together(caller.notice() for caller in cut if caller not in talking)
    await group.script({})
    await together(caller.ask("three") for caller in callers)

    asked = await group.asked()
    for caller in callers:
        [request] = [each for each in asked if caller.words("three") in each]
        assert caller.words("one") in request, "the conversation does not go on"
        assert all(other.words("one") not in request for other in callers if other is not caller)
        if caller in talking and caller not in cut:
            assert caller.words("two") in request
    assert [caller.cuts for caller in callers] == [int(caller in cut) for caller in callers]
    assert all(group.node_of(caller.sid) is not doomed for caller in cut)
    assert all(caller.ready["resume"]["refused"] == "unknown" for caller in cut)
    await _nobody_else_gets_in(group, cut[0])
    await _a_token_for_one_conversation_opens_it(group)
    await together(caller.hang_up() for caller in callers)
    with capsys.disabled():
        print("\n" + _report(group, callers, cut, asked))


async def _is_cut_and_hears_the_rest(group: Cluster, caller: Persistent) -> None:
    """Who called without a `sid` was given one by nginx, and it leads to the server that has the rest of the reply."""
    await caller.begin("more")
    await caller.cut()
    caller.at = "2:1"  # the first frame of the second turn was the last to arrive
    await caller.dial()
    assert "refused" not in caller.ready["resume"]
    assert caller.words("more") in said(await caller.line.until("TTSDone"))
    assert group.node_of(caller.sid).sids().count(caller.sid) == 1, "it is the same call"


async def _nobody_else_gets_in(group: Cluster, caller: Persistent) -> None:
    """Another server knows whose conversation it is."""
    stranger = replace(caller_of(group, 99), sid=caller.sid)
    with pytest.raises(AssertionError, match="BadSession"):
        await stranger.dial()
    await stranger.hang_up()


async def _a_token_for_one_conversation_opens_it(group: Cluster) -> None:
    """Whether or not the address names it."""
    bound = sign(group.secret, seconds=600, sid="the-tokens-own")
    for sid in ("", "the-tokens-own"):
        caller = replace(caller_of(group, 98), token=bound, sid=sid)
        await caller.dial()
        assert caller.sid == "the-tokens-own"
        await caller.hang_up()


async def _kept(group: Cluster, callers: Iterable[Persistent]) -> None:
    """The first turns are in the database: a server that is killed loses what it had not written."""
    database = Database(database_url(group.database_url)[1])
    try:
        async with asyncio.timeout(PATIENCE_S):
            for caller in callers:
                while not await _has_said(database, caller.sid, caller.words("one")):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)  # another process writes it
    finally:
        await database.aclose()


async def _has_said(database: Database, sid: str, words: str) -> bool:
    return Message("user", words) in await database.load(sid, 20, await database.owner(sid))


def _report(group: Cluster, callers: list[Persistent], cut: list[Persistent], asked: list[str]) -> str:
    by_node = ", ".join(str(len(set(node.sids()))) for node in group.nodes)
    late_s = max((caller.back_s for caller in cut), default=0.0)
    mid_turn = [caller for caller in cut if caller in callers[::2]]
    kept = [caller for caller in mid_turn if any(caller.words("two") in each for each in asked)]
    return (
        f"{len(callers)} calls, {len(group.nodes)} servers (conversations that each has had: {by_node}); one killed, "
        f"{len(cut)} calls cut, {len(mid_turn)} of them in mid-turn; {len(cut)} came back with their sid, the last "
        f"after {late_s:.2f} s, and went on with their conversation; the turn under way was kept of {len(kept)}"
    )
