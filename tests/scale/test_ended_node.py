"""A server is told to end, as for a new version: its turns are finished, and nothing of a conversation is lost."""

import pytest

from tests.scale.callers import CALLS, SLOW, caller_of, together
from tests.scale.cluster import NODES, Cluster

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(NODES < 3, reason="takes a cluster of its own: make scale-test"),
]


async def test_who_is_sent_away_loses_nothing(group: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    callers = [caller_of(group, number) for number in range(1, CALLS + 1)]
    await together(caller.dial() for caller in callers)
    homes = {caller.sid: group.node_of(caller.sid) for caller in callers}
    leaving = max(group.nodes, key=lambda node: list(homes.values()).count(node))
    moved = [caller for caller in callers if homes[caller.sid] is leaving]

    await group.script(SLOW)
    await together(caller.begin("one") for caller in callers)
    leaving.process.terminate()
    await together(caller.line.until("TTSDone") for caller in callers)
    await together(caller.notice() for caller in moved)
    await group.script({})
    await together(caller.ask("two") for caller in callers)

    asked = await group.asked()
    for caller in callers:
        [request] = [each for each in asked if caller.words("two") in each]
        assert caller.words("one") in request, "the turn that was finished last is lost"
    assert all(group.node_of(caller.sid) is not leaving for caller in moved)
    assert [caller.cuts for caller in callers] == [int(caller in moved) for caller in callers]
    await together(caller.hang_up() for caller in callers)
    assert await leaving.process.wait() == 0
    with capsys.disabled():
        print(f"\n{len(callers)} calls in mid-turn; one server told to end, {len(moved)} calls moved, no turn lost")
