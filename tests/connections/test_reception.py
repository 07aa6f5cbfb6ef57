"""Who is let in, who is refused and how, and what those who are in notice of it."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.typing import Subprotocol

from backend.access.door import Door
from backend.access.settings import AccessSettings
from backend.connections.kept_line import KeptLine
from backend.errors import ProviderTimeout
from backend.process.loop_lag import WINDOW, LoopLag
from backend.process.loop_load import LoopLoad
from backend.token import sign
from tests.support.caller import dialled, dialling, names
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


async def test_a_busy_loop_takes_no_more_calls_than_it_has_unless_it_has_none() -> None:
    load, notebook = LoopLoad(0.75), Notebook()
    load.note(0.8, 1)
    async with answering(Switchboard(load=load, observer=notebook)) as board, dialled(board.url):
        assert (await refusal(board.url)).headers["Retry-After"] == "5"
        for _ in range(8):
            load.note(0.3, 1)
        async with dialled(board.url) as caller:
            assert caller.sid

    assert notebook.refused == ["loaded"]


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


async def test_the_readings_and_the_observer_say_what_the_door_says() -> None:
    notebook, lag = Notebook(), LoopLag(LIMIT_MS)
    async with late_with_a_call(lag, observer=notebook) as board:
        assert board.reception is not None
        await refusal(board.url)
        assert not board.reception.readings().accepting
        assert board.reception.readings().loop_lag_ms == 80
        run_late(lag, 5)
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


SECRET = "a-secret-of-32-characters-or-more"


def guarded(**access: Any) -> Switchboard:
    return Switchboard(door=Door(AccessSettings(**access)))


async def refused(url: str, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as found:
        await connect(url, additional_headers=headers)
    return found.value.response.status_code


async def test_a_page_of_another_origin_is_refused_before_anything_is_asked_of_it() -> None:
    async with answering(guarded()) as board:
        assert await refused(board.url, Origin="https://evil.example") == 403
        assert await refused(board.url, Origin="null") == 403
        async with dialled(board.url, headers={"Origin": "http://localhost:8080"}) as caller:
            assert caller.sid


async def test_a_token_in_the_address_is_none() -> None:
    async with answering(guarded(access_token="t")) as board:
        for name in ("token", "access_token", "Authorization", "sid"):
            assert await refused(f"{board.url}?{name}=t") == 401


async def test_a_signed_token_opens_by_header_and_by_subprotocol_and_for_its_conversation_alone() -> None:
    token = sign(SECRET, seconds=60, sid="sid-1")
    offer = "token." + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    async with answering(guarded(token_secrets=(SECRET,))) as board:
        async with dialled(board.url, headers={"Authorization": f"Bearer {token}"}, sid="sid-1") as caller:
            assert caller.sid == "sid-1"
        async with connect(f"{board.url}?sid=sid-1", subprotocols=[Subprotocol("lvc"), Subprotocol(offer)]) as socket:
            assert socket.subprotocol == "lvc"
        assert await refused(f"{board.url}?sid=sid-2", Authorization=f"Bearer {token}") == 401
        assert await refused(f"{board.url}?sid=sid-1&sid=sid-2", Authorization=f"Bearer {token}") == 401
        expired = sign(SECRET, seconds=-60, sid="sid-1")
        assert await refused(f"{board.url}?sid=sid-1", Authorization=f"Bearer {expired}") == 401


async def test_a_token_for_one_conversation_begins_that_one_where_none_is_asked_for() -> None:
    token = sign(SECRET, seconds=60, sid="sid-1")
    async with (
        answering(guarded(token_secrets=(SECRET,))) as board,
        dialled(board.url, headers={"Authorization": f"Bearer {token}"}) as caller,
    ):
        assert caller.sid == "sid-1"


async def test_an_address_has_so_many_calls_and_more_when_they_have_ended() -> None:
    async with answering(guarded(calls_per_address=1)) as board:
        async with dialled(board.url):
            assert await refused(board.url) == 429
            assert board.reception is not None
        for _ in range(100):
            if board.reception._door.crowd._in == {}:
                break
            await asyncio.sleep(0.01)
        async with dialled(board.url) as caller:
            assert caller.sid


def lines(board: Switchboard) -> dict[str, KeptLine]:
    assert board.reception is not None
    return board.reception._resumption._lines


def is_cut(board: Switchboard) -> bool:
    return lines(board)["sid-1"]._connection is None


async def reached(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def crowd_of(board: Switchboard) -> dict[str, int]:
    assert board.reception is not None
    return board.reception._door.crowd._in


async def test_a_call_that_waits_for_its_client_keeps_its_place_and_who_comes_back_takes_no_second() -> None:
    async with answering(guarded(calls_per_address=1)) as board:
        async with dialled(board.url, sid="sid-1", resume="true") as caller:
            mine = f"0:0:{lines(board)['sid-1'].call}"
            caller.socket.transport.abort()
            await caller.socket.wait_closed()
            await reached(lambda: is_cut(board))
            assert crowd_of(board) == {"127.0.0.1": 1}
            assert await refused(board.url) == 429
            assert await refused(f"{board.url}?sid=sid-1&resume=0:0:another-calls-name") == 429
            async with dialled(board.url, sid="sid-1", resume=mine) as again:
                assert again.sid == "sid-1"
                await reached(lambda: crowd_of(board) == {"127.0.0.1": 1})
                assert await refused(board.url) == 429
        await reached(lambda: crowd_of(board) == {})


@pytest.mark.parametrize(
    ("query", "proposed", "sid"),
    [("", "from-the-proxy", "from-the-proxy"), ("?sid=own", "from-the-proxy", "own"), ("", "no/sid", None)],
)
async def test_a_conversation_that_nobody_names_is_called_as_the_proxy_proposes(
    query: str, proposed: str, sid: str | None
) -> None:
    board = guarded(sid_header="X-Request-ID")
    async with answering(board), dialled(board.url + query, headers={"X-Request-ID": proposed}) as caller:
        assert caller.sid == (sid or caller.sid)
        assert caller.sid != "no/sid"


async def test_what_a_token_is_for_goes_before_what_a_proxy_proposes() -> None:
    token = sign(SECRET, seconds=60, sid="the-tokens-own")
    async with answering(guarded(token_secrets=(SECRET,), sid_header="X-Request-ID")) as board:
        headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "from-the-proxy"}
        async with dialled(board.url, headers=headers) as caller:
            assert caller.sid == "the-tokens-own"


async def test_without_the_setting_no_header_names_a_conversation() -> None:
    board = guarded()
    async with answering(board), dialled(board.url, headers={"X-Request-ID": "from-somebody"}) as caller:
        assert caller.sid != "from-somebody"


async def test_a_handshake_that_becomes_no_call_takes_no_place_for_long() -> None:
    async with answering(guarded(calls_per_address=1)) as board:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(board.url).port)
        writer.write(b"GET /api/live_voice_call/chat HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 4" in await reader.readline()
        writer.close()
        await reached(lambda: crowd_of(board) == {})
        async with dialled(board.url) as caller:
            assert caller.sid


async def test_an_address_that_comes_too_often_is_told_to_wait() -> None:
    board = guarded(access_token="t", handshakes_per_s=0.01, handshake_burst=1)
    async with answering(board), dialled(board.url, headers={"Authorization": "Bearer t"}):
        response = await refusal(board.url)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "5"


async def test_without_a_token_this_machines_users_may_come_as_often_as_they_like() -> None:
    async with answering(guarded(handshakes_per_s=0.01, handshake_burst=1)) as board:
        for _ in range(5):
            async with dialled(board.url) as caller:
                assert caller.sid


async def test_no_token_and_no_guess_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with answering(guarded(access_token="the-good-token")) as board:
        await refused(f"{board.url}?token=the-queried-token", Authorization="Bearer the-guessed-token")
        async with dialled(board.url, headers={"Authorization": "Bearer the-good-token"}):
            pass
    ours = [record.getMessage() + str(vars(record)) for record in caplog.records if record.name.startswith("backend")]
    assert ours
    assert not [line for line in ours if "token" in line.replace("tests", "")], ours


async def test_a_turn_that_outlasts_the_drain_is_cut_off_and_its_caller_told() -> None:
    board = Switchboard(model=FakeModel([["我慢慢地想。"]], hold=True))
    async with answering(board), dialled(board.url) as caller:
        await caller.send("UserText", {"text": "在吗"})
        await caller.until("TTSSentenceStart")
        assert board.reception is not None
        await board.reception.drain(0.01)
        assert names(await caller.until("BotError"))[-2:] == ["TTSDone", "BotError"]
        assert await caller.closed() == (1012, "ShuttingDown")
        assert board.reception.calls == 0


@pytest.mark.parametrize(
    ("query", "number"),
    [({}, None), ({"framing": "bare"}, None), ({"turn_ids": "true"}, 0), ({"turn_ids": "1", "framing": "bare"}, 0)],
)
async def test_a_refused_sid_is_told_in_frames_as_the_client_asks_for_them(
    query: dict[str, Any], number: int | None
) -> None:
    async with answering(guarded()) as board, dialling(board.url, sid="no/sid", **query) as caller:
        error = await caller.event()
        assert (error.event, error.payload["error"]["code"], error.turn) == ("BotError", "BadSession", number)
        assert await caller.closed() == (1008, "BadSession")
