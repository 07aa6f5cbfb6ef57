"""Who is let in, who is refused and how, and what those who are in notice of it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from backend.errors import ProviderTimeout
from backend.loop_lag import WINDOW, LoopLag
from tests.support.caller import dialled, names
from tests.support.fakes import FakeModel, FakeRecognizer, Hears
from tests.support.switchboard import Switchboard, answering
from tests.telemetry.observed import Notebook

LIMIT_MS = 60.0


def late(by_ms: float) -> LoopLag:
    lag = LoopLag(LIMIT_MS)
    run_late(lag, by_ms)
    return lag


def run_late(lag: LoopLag, by_ms: float) -> None:
    for _ in range(WINDOW):
        lag.note(by_ms)


@asynccontextmanager
async def late_with_a_call(lag: LoopLag, **wishes: Any) -> AsyncIterator[Switchboard]:
    """A server that has somebody to protect, and runs late."""
    async with answering(Switchboard(lag=lag, **wishes)) as board, dialled(board.url):
        run_late(lag, 80)
        yield board


async def refusal(url: str) -> Response:
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, open_timeout=5)
    return refused.value.response


async def test_while_the_loop_runs_late_a_newcomer_is_told_to_come_back() -> None:
    async with late_with_a_call(LoopLag(LIMIT_MS)) as board:
        response = await refusal(board.url)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.body == b"Busy: the server has more to do than it can\n"


async def test_the_first_caller_is_never_refused_for_lateness_for_there_is_nobody_to_protect() -> None:
    async with answering(Switchboard(lag=late(80))) as board, dialled(board.url) as caller:
        assert caller.sid


async def test_who_is_in_stays_in_and_is_answered_while_newcomers_are_refused() -> None:
    lag = LoopLag(LIMIT_MS)
    board = Switchboard(FakeRecognizer(Hears("你好")), FakeModel([["好。"]]), lag=lag)
    async with answering(board), dialled(board.url) as caller:
        run_late(lag, 80)
        assert (await refusal(board.url)).status_code == 503
        assert names(await caller.turn())[-1] == "TTSDone"


async def test_newcomers_are_let_in_again_when_the_loop_has_calmed_down() -> None:
    lag = LoopLag(LIMIT_MS)
    async with late_with_a_call(lag) as board:
        run_late(lag, 5)
        async with dialled(board.url) as caller:
            assert caller.sid


async def test_a_refused_client_knows_within_100_ms() -> None:
    async with late_with_a_call(LoopLag(LIMIT_MS)) as board:
        took_s = []
        for _ in range(5):
            began = time.monotonic()
            await refusal(board.url)
            took_s.append(time.monotonic() - began)

    assert min(took_s) < 0.1


async def test_the_verdict_the_readings_and_the_observer_say_what_the_door_says() -> None:
    notebook, lag = Notebook(), LoopLag(LIMIT_MS)
    async with late_with_a_call(lag, observer=notebook) as board:
        assert board.reception is not None
        await refusal(board.url)
        assert board.reception.verdict("") is HTTPStatus.SERVICE_UNAVAILABLE
        assert not board.reception.readings().accepting
        assert board.reception.readings().loop_lag_ms == 80
        run_late(lag, 5)
        assert board.reception.verdict("") is HTTPStatus.SWITCHING_PROTOCOLS
        assert board.reception.readings().accepting

    assert notebook.refused == ["lagging"]


async def test_every_refusal_has_its_reason() -> None:
    notebook = Notebook()
    async with answering(Switchboard(max_calls=1, access_token="t", observer=notebook)) as board:
        token = {"Authorization": "Bearer t"}
        assert (await refusal(board.url.replace("/chat", "/other"))).status_code == 404
        assert (await refusal(board.url)).headers["WWW-Authenticate"] == "Bearer"
        async with dialled(board.url, headers=token):
            with pytest.raises(InvalidStatus, match="503"):
                await connect(board.url, additional_headers=token)
        assert board.reception is not None
        await board.reception.drain(5)
        with pytest.raises(InvalidStatus, match="503"):
            await connect(board.url, additional_headers=token)

    assert notebook.refused == ["not_found", "unauthorized", "full", "draining"]


async def test_a_stranger_does_not_learn_how_busy_the_server_is() -> None:
    async with answering(Switchboard(lag=late(80), access_token="t")) as board:
        assert (await refusal(board.url)).status_code == 401


async def test_a_call_is_observed_from_its_beginning_to_its_end() -> None:
    notebook = Notebook()
    board = Switchboard(FakeRecognizer(Hears("你好")), FakeModel([["好。"], ["嗯。"]]), observer=notebook)
    async with answering(board):
        async with dialled(board.url) as caller:
            await caller.turn()
            assert (notebook.began, notebook.ended) == ([caller.sid], 0)
        assert board.reception is not None
        await board.reception.drain(5)

    assert notebook.ended == 1
    assert [(report.turn, report.marks.outcome) for report in notebook.turns] == [(1, "answered")]


async def test_every_byte_of_a_call_is_counted_both_ways() -> None:
    board = Switchboard(FakeRecognizer(Hears("你好")), FakeModel([["好。"]]))
    async with answering(board), dialled(board.url) as caller:
        assert board.reception is not None
        before = board.reception.readings()
        await caller.turn()
        after = board.reception.readings()

    assert after.up_bytes - before.up_bytes == 3 * (8 + 3200)
    assert after.down_bytes > before.down_bytes


async def test_how_a_turn_ended_is_told() -> None:
    notebook = Notebook()
    model = FakeModel([["我想想。"], [ProviderTimeout("llm", "too slow")], ["再想想。"]], hold=True)
    board = Switchboard(model=model, observer=notebook)
    async with answering(board):
        async with dialled(board.url) as caller:
            await caller.send("UserText", {"text": "一"})
            await caller.until("TTSSentenceStart")
            await caller.send("UserText", {"text": "二"})
            await caller.until("BotError")
            await caller.until("TTSDone")
            await caller.send("UserText", {"text": "三"})
            await caller.until("TTSSentenceStart")
        assert board.reception is not None
        await board.reception.drain(5)

    assert [(report.turn, report.marks.outcome, report.marks.failure) for report in notebook.turns] == [
        (1, "interrupted", ""),
        (2, "failed", "LLMTimeout"),
        (3, "hung_up", ""),
    ]
