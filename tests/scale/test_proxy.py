"""What nginx does with a handshake and with the page, by the file that is shipped, before servers that are not real."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from tests.scale.cluster import CALL_PATH, TEMPLATE, Proxy, filled, nginx_values, proxy
from tests.store.servers import free_port


@dataclass
class Place:
    """A server that answers everything with its status, and remembers what it was asked."""

    status: int = 200
    port: int = 0
    asked: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return web.Response(status=self.status, text=str(self.port))

    @property
    def sids(self) -> list[str]:
        """By which conversation each call goes: the one that it names, or the one that is proposed."""
        return [
            parse_qs(request.rel_url.query_string).get("sid", [""])[-1] or request.headers["X-Request-ID"]
            for request in self.asked
        ]


@dataclass
class Street:
    proxy: Proxy
    places: list[Place]
    http: aiohttp.ClientSession

    def port_of(self, query: str) -> int:
        """Of the server whose last call had this query, letter by letter."""
        return next(place.port for place in self.places if place.asked and place.asked[-1].query_string == query)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.http.get(f"{self.proxy.page}{path}", headers=headers) as response:
            return response.status, await response.text()


@asynccontextmanager
async def street(folder: Path, statuses: list[int]) -> AsyncIterator[Street]:
    async with AsyncExitStack() as stack:
        places = [Place(status) for status in statuses]
        for place in places:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", place.answer)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            place.port = runner.addresses[0][1]
        ports = [place.port for place in places]
        running = await stack.enter_async_context(proxy(folder, ports, ports))
        for place in places:
            place.asked.clear()
        yield Street(running, places, await stack.enter_async_context(aiohttp.ClientSession()))


async def test_a_conversation_keeps_its_server_and_who_has_none_is_given_an_id(tmp_path: Path, nginx: str) -> None:
    assert nginx
    async with street(tmp_path, [200, 200, 200]) as row:
        for number in range(12):
            homes = {await row.get(f"{CALL_PATH}?delivery=stream&sid=conversation-{number}") for _ in range(3)}
            assert len(homes) == 1
        assert all(len(place.asked) >= 3 for place in row.places), "they are spread"
        for place in row.places:
            place.asked.clear()
        await asyncio.gather(*(row.get(f"{CALL_PATH}{query}") for query in ("", "?delivery=stream") * 8))
        given = [sid for place in row.places for sid in place.sids]
        assert len(set(given)) == 16
        assert all(len(sid) == 32 for sid in given)
        for sid, home in [(sid, place.port) for place in row.places for sid in place.sids]:
            assert await row.get(f"{CALL_PATH}?sid={sid}") == (200, str(home))
        assert await row.get(f"{CALL_PATH}?sid=") == (200, str(row.port_of("sid=")))
        await row.get(f"{CALL_PATH}?delivery=stream", **{"X-Request-ID": "of-the-clients-own"})
        assert row.port_of("delivery=stream"), "the address is as the client wrote it"
        assert "of-the-clients-own" not in [sid for place in row.places for sid in place.sids]


async def test_a_server_that_is_full_passes_a_newcomer_on_and_the_last_ones_no_is_the_answer(
    tmp_path: Path, nginx: str
) -> None:
    assert nginx
    async with street(tmp_path, [503, 200]) as row:
        answers = [await row.get(f"{CALL_PATH}?sid=conversation-{number}") for number in range(8)]
        assert answers == [(200, str(row.places[1].port))] * 8
        row.places[1].status = 503
        status, _ = await row.get(f"{CALL_PATH}?sid=conversation-9")
        assert status == HTTPStatus.SERVICE_UNAVAILABLE
        async with row.http.get(f"{row.proxy.page}{CALL_PATH}") as response:  # now that nobody is left to be asked
            assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
            assert response.headers["Retry-After"] == "5"
            assert (await response.text()).startswith("Busy")


async def test_a_recording_that_one_server_keeps_is_found_wherever_it_is(tmp_path: Path, nginx: str) -> None:
    assert nginx
    async with street(tmp_path, [404, 404, 200]) as row:
        answers = [await row.get("/api/voices/samples/name.wav") for _ in range(4)]
        assert answers == [(200, str(row.places[2].port))] * 4
        row.places[2].status = 404
        assert (await row.get("/api/voices/samples/name.wav"))[0] == HTTPStatus.NOT_FOUND


async def test_it_says_who_calls_hides_what_is_the_operators_and_logs_no_conversations_id(
    tmp_path: Path, nginx: str
) -> None:
    assert nginx
    async with street(tmp_path, [200]) as row:
        assert (await row.get("/metrics"))[0] == HTTPStatus.NOT_FOUND
        await row.get("/api/config?sid=secret-of-mine", **{"X-Forwarded-For": "192.0.2.1"})
        [request] = row.places[0].asked
        assert request.headers["X-Forwarded-For"] == "127.0.0.1"
        assert request.headers["Host"] == f"127.0.0.1:{row.proxy.port}"
        await row.proxy.program.says("/api/config")  # it writes its log after the answer
        assert "secret-of-mine" not in row.proxy.program.said()


async def test_what_it_says_of_servers_that_are_down_has_no_secret(tmp_path: Path, nginx: str) -> None:
    assert nginx
    gone = free_port()
    async with proxy(tmp_path, [gone], [gone]) as running, aiohttp.ClientSession(running.page) as http:
        for path in ("/api/voices/samples/secret-name.wav", f"{CALL_PATH}?sid=secret-of-mine"):
            async with http.get(path, headers={"Authorization": "Bearer secret-token"}) as response:
                assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
        await running.program.says(CALL_PATH)
        assert '"/api/voices/samples/-"' in running.program.said()
        assert "secret-" not in running.program.said()


def test_the_file_has_no_name_that_nobody_fills_in(tmp_path: Path) -> None:
    text = filled(TEMPLATE.read_text("utf-8"), nginx_values(tmp_path, 1, [2], [3]))
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert "${" not in code
