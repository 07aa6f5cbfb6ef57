"""The page's server: files, and what the page asks."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from backend.access.door import Door
from backend.access.settings import AccessSettings
from backend.api.headers import HEADERS
from backend.cast import Cast
from backend.errors import StoreError
from backend.persona.card import AVATARS
from backend.persona.shelf import CARDS, Shelf
from backend.process.readiness import Verdict
from backend.telemetry.readings import Readings
from backend.web import Web

SERVICES = {
    "asr": {"provider": "emulator", "label": "ears"},
    "llm": {"provider": "emulator", "label": "replies (offline stand-in)"},
    "tts": {"provider": "emulator", "label": "voice"},
}
READINGS = Readings(calls=3, max_calls=4, accepting=True, loop_lag_ms=1.25, up_bytes=0, down_bytes=0)
READY = Verdict("", {"calls": 3, "providers": {"asr": True}, "database": "up"})


async def _forget(sid: str, owner: str) -> bool:
    if sid == "unreachable":
        raise StoreError("the database is not there")
    return sid == "known" or (sid == "others" and owner == "somebody")


def page_of(
    dist: Path,
    exposition: Callable[[], tuple[bytes, str]] | None = None,
    readings: Readings = READINGS,
    readiness: Verdict = READY,
    **access: Any,
) -> Web:
    shelf = Shelf()
    cast = Cast(shelf, shelf.open("qiao_qingqing").id, "volcengine", "")
    return Web(
        cast,
        call_port=4711,
        services=SERVICES,
        readings=lambda: readings,
        door=Door(AccessSettings(**access)),
        readiness=lambda: readiness,
        forget=_forget,
        exposition=exposition,
        dist=dist,
    )


@asynccontextmanager
async def serving(dist: Path, *arguments: Any, **wishes: Any) -> AsyncIterator[aiohttp.ClientSession]:
    page = page_of(dist, *arguments, **wishes)
    runner = web.AppRunner(page.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
            yield http
    finally:
        await runner.cleanup()


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "dist" / "assets").mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text("<title>call</title>")
    (tmp_path / "dist" / "assets" / "app-1a2b.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "dist"


async def got(http: aiohttp.ClientSession, path: str) -> Any:
    async with http.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_the_page_is_served_with_a_strict_policy_and_fresh_each_time(dist: Path) -> None:
    async with serving(dist) as http, http.get("/") as response:
        assert await response.text() == "<title>call</title>"
        assert response.headers["Cache-Control"] == "no-cache"
        assert "script-src 'self';" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("host", "servers", "sources"),
    [
        ("call.example.com:8080", (), "ws://call.example.com:* wss://call.example.com:*"),
        ("10.0.0.5", (), "ws://10.0.0.5:* wss://10.0.0.5:*"),
        ("localhost:8080", (), "ws://localhost:* wss://localhost:* ws://127.0.0.1:* wss://127.0.0.1:*"),
        ("[2001:db8::1]:8080", (), "ws://*:4711 wss://*:4711"),
        ("call.example.com", ("wss://b.example",), "ws://call.example.com:* wss://call.example.com:* wss://b.example"),
        ("a;script-src *", ("wss://b.example",), "wss://b.example"),
        ("a b", (), ""),
    ],
)
async def test_the_page_may_call_its_own_host_and_what_settings_name_and_knows_it(
    dist: Path, host: str, servers: tuple[str, ...], sources: str
) -> None:
    async with serving(dist, call_servers=servers) as http:
        for path in ("/", "/api/config"):
            async with http.get(path, headers={"Host": host, "Authorization": "Bearer x"}) as response:
                policy = response.headers["Content-Security-Policy"]
                assert f"connect-src {' '.join(filter(None, (chr(39) + 'self' + chr(39), sources)))};" in policy
                assert policy.count(";") == 11
                if path == "/api/config" and response.status == 200:
                    assert (await response.json())["call"]["servers"] == sources.split()


@pytest.mark.parametrize("path", ["/", "/nothing", "/healthz", "/api/config", "/api/personas/nobody/avatar.svg"])
async def test_every_answer_has_the_headers_that_keep_a_browser_safe(dist: Path, path: str) -> None:
    async with serving(dist) as http, http.get(path) as response:
        assert HEADERS.items() <= dict(response.headers).items()
        assert "Strict-Transport-Security" not in response.headers, "which plain HTTP may not promise"
        if path.startswith("/api/"):
            assert response.headers["Cache-Control"] == "no-store"


async def test_a_file_with_a_hash_in_its_name_is_kept(dist: Path) -> None:
    async with serving(dist) as http, http.get("/assets/app-1a2b.js") as response:
        assert "immutable" in response.headers["Cache-Control"]


TRAVERSALS = (
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/assets/../../secret.txt",
    "/assets/%2e%2e/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "//secret.txt",
    "/%2fetc/passwd",
    "//etc/passwd",
    "/....//secret.txt",
    "/%252e%252e/secret.txt",
    "/assets/%00",
    "/link/secret.txt",
    "/" + "a" * 5000,
    "/" + "%c0%ae%c0%ae/" * 3 + "secret.txt",
    "/api/personas/..%2f..%2fcards%2fqiao_qingqing.yaml/avatar.svg",
    "/api/voices/..%2f..%2fsecret/sample",
    "/nothing.js",
)


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_nothing_outside_the_page_is_served(dist: Path, path: str) -> None:
    (dist / "link").symlink_to(dist.parent)
    async with serving(dist) as http, http.get(URL(str(http._base_url).rstrip("/") + path, encoded=True)) as response:
        assert response.status == 404
        assert "secret" not in await response.text()


async def test_a_page_that_is_not_built_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as http, http.get("/") as response:
        assert response.status == 503
        assert "make run" in await response.text()


async def test_the_page_learns_where_and_whom_it_calls(dist: Path) -> None:
    async with serving(dist) as http:
        config = await got(http, "/api/config")

    assert config["call"] == {
        "url": None,
        "port": 4711,
        "path": "/api/live_voice_call/chat",
        "servers": [f"{scheme}://{host}:*" for host in ("localhost", "127.0.0.1") for scheme in ("ws", "wss")],
    }
    assert config["persona"]["name"] == "乔青青"
    assert config["offline_stand_in"] is True


async def test_every_persona_has_a_picture(dist: Path) -> None:
    async with serving(dist) as http:
        personas = await got(http, "/api/personas")
        for persona in personas["personas"]:
            async with http.get(persona["avatar"]) as picture:
                assert picture.status == 200
                assert picture.content_type == "image/svg+xml"

    assert personas["default"] == "qiao_qingqing"


async def test_a_stranger_persona_is_not_found(dist: Path) -> None:
    async with serving(dist) as http, http.get("/api/personas/nobody/avatar.svg") as response:
        assert response.status == 404


async def test_health_counts_the_calls(dist: Path) -> None:
    async with serving(dist) as http:
        health = await got(http, "/healthz")

    assert (health["status"], health["calls"], health["accepting"], health["loop_lag_ms"]) == ("ok", 3, True, 1.2)


async def test_a_server_that_is_ready_says_so_and_what_it_knows(dist: Path) -> None:
    async with serving(dist) as http:
        told = await got(http, "/readyz")

    assert told == {"ready": True, "reason": None, "calls": 3, "providers": {"asr": True}, "database": "up"}


async def test_a_server_that_is_not_ready_says_why(dist: Path) -> None:
    async with serving(dist, readiness=Verdict("draining", {})) as http, http.get("/readyz") as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "5"
        assert await response.json() == {"ready": False, "reason": "draining"}


def test_a_card_of_ones_own_by_path_is_on_the_shelf(tmp_path: Path) -> None:
    text = (CARDS / "qiao_qingqing.yaml").read_text("utf-8").replace("id: qiao_qingqing", "id: mine", 1)
    (tmp_path / "mine.yaml").write_text(text, "utf-8")
    shutil.copy(AVATARS / "qiao_qingqing.svg", tmp_path / "qiao_qingqing.svg")
    shelf = Shelf()

    assert shelf.open(str(tmp_path / "mine.yaml")).id == "mine"
    assert shelf.has("mine")


@pytest.mark.parametrize(
    ("token", "accepting", "status"), [("", True, 401), ("known", True, 204), ("known", False, 503)]
)
async def test_a_page_learns_why_its_call_was_refused(dist: Path, token: str, accepting: bool, status: int) -> None:
    now = replace(READINGS, accepting=accepting)
    async with (
        serving(dist, readings=now, access_token="known") as http,
        http.get("/api/admission", headers={"Authorization": f"Bearer {token}"}) as response,
    ):
        assert response.status == status
        assert response.headers.get("Retry-After") == ("5" if status == 503 else None)


@pytest.mark.parametrize(
    ("sid", "token", "status"),
    [
        ("known", "known", 204),
        ("unknown", "known", 404),
        ("known", "", 401),
        ("others", "known", 404),
        ("unreachable", "known", 503),
        ("not%20an%20id", "known", 405),
    ],
)
async def test_a_conversation_is_deleted_by_whoever_may_call_and_knows_its_id(
    dist: Path, sid: str, token: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        serving(dist, access_token="known") as http,
        http.delete(f"/api/conversations/{sid}", headers=headers) as response,
    ):
        assert response.status == status
        assert ("Retry-After" in response.headers) == (status == 503)


async def test_where_a_token_is_wanted_strangers_learn_nothing_of_personas(dist: Path) -> None:
    async with serving(dist, access_token="known") as http:
        async with http.get("/api/personas") as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"
        async with http.get("/api/personas", headers={"Authorization": "Bearer known"}) as response:
            assert response.status == 200


async def test_a_strangers_page_changes_nothing(dist: Path) -> None:
    async with serving(dist) as http:
        for origin, status in (("https://evil.example", 403), ("null", 403), ("http://localhost:8080", 204)):
            async with http.delete("/api/conversations/known", headers={"Origin": origin}) as response:
                assert response.status == status, origin


async def test_metrics_are_the_operators(dist: Path) -> None:
    def exposition() -> tuple[bytes, str]:
        return b"x 1\n", "text/plain"

    admin = {"Authorization": "Bearer operator's"}
    elsewhere = {"Host": "call.example.com"}
    async with serving(dist, exposition=exposition, access_token="known", admin_token="operator's") as http:
        for headers, status in (
            ({}, 403),
            (elsewhere, 403),
            ({"X-Forwarded-For": "203.0.113.9"}, 403),
            ({**elsewhere, "Authorization": "Bearer known"}, 403),
            ({**elsewhere, **admin}, 200),
        ):
            async with http.get("/metrics", headers=headers) as response:
                assert response.status == status, headers
    async with serving(dist, exposition=exposition) as http, http.get("/metrics") as response:
        assert response.status == 200, "of a server that is for this machine alone"


async def test_who_guesses_tokens_is_told_to_wait(dist: Path) -> None:
    async with serving(dist, access_token="known", handshake_burst=2, handshakes_per_s=0.01) as http:
        seen = []
        for guess in ("a", "b", "c"):
            async with http.get("/api/admission", headers={"Authorization": f"Bearer {guess}"}) as response:
                seen.append((response.status, response.headers.get("Retry-After")))
    assert seen == [(401, None), (401, None), (429, "5")]


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example:8080"}]
)
async def test_no_stranger_name_and_no_strangers_page_reads_what_is_this_machines(
    dist: Path, headers: dict[str, str]
) -> None:
    async with serving(dist) as http:
        for path in ("/api/config", "/api/personas", "/api/admission"):
            async with http.get(path, headers=headers) as response:
                assert response.status == 403, path
            async with http.get(path, headers={"Sec-Fetch-Site": "same-origin"}) as response:
                assert response.status in {200, 204}, path
        async with http.get("/", headers=headers) as response:
            assert response.status == 200
    async with serving(dist, access_token="known") as http, http.get("/api/config", headers=headers) as response:
        assert response.status == 200, "where a token is wanted, that tells"


async def test_a_recordings_secret_name_is_enough_for_other_sites(dist: Path) -> None:
    cross = {"Sec-Fetch-Site": "cross-site"}
    async with serving(dist) as http, http.get(f"/api/voices/samples/{'a' * 43}.wav", headers=cross) as response:
        assert response.status == 404, "asked for, and not there"
