"""The toy server keeps every rule, with extensions and without: what a mutant of it breaks is the mutant's doing."""

import pytest

from conformance.verdict import CannotRun, Verdict
from tests.conformance.judged import judged, named
from tests.conformance.toy import OFFERED, Toy, toy

NOT_OFFERED = {"audio_format", "sample_rate", "barge_in", "persona", "speech_rate", "volume", "emotion"}


async def test_the_toy_keeps_every_rule() -> None:
    async with toy() as server:
        results = await judged(server.url, stop=True)

    assert named(results, Verdict.FAILED) == {}
    assert {evidence.split()[-1] for evidence in named(results, Verdict.NOT_OFFERED).values()} == NOT_OFFERED


async def test_a_server_without_extensions_fails_nothing() -> None:
    async with toy(extensions=False) as server:
        results = await judged(server.url)

    assert named(results, Verdict.FAILED) == {}
    assert {evidence.split()[-1] for evidence in named(results, Verdict.NOT_OFFERED).values()} >= {"UserText", *OFFERED}
    assert {name.split(".")[0] for name in named(results, Verdict.NOT_OFFERED)} <= {
        "extensions",
        "resume",
        "events",
        "states",
    }


class Full(Toy):
    """A server that takes no call at all."""

    max_calls = 0


async def test_a_server_that_takes_no_call_cannot_be_judged() -> None:
    async with toy(server=Full) as server:
        with pytest.raises(CannotRun, match="too busy"):
            await judged(server.url, timeout_s=0.4)
