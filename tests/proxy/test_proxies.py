"""The proxies of deploy/proxy, before a real server. Without them the tests are skipped and say so; `CI=true` fails."""

import asyncio
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from backend.protocol.events import CALL_PATH
from tests.support.certificate import certificate
from tests.test_handler import environment, free_port, said_until, started

PROXY = Path(__file__).resolve().parents[2] / "deploy" / "proxy"
TOKEN = "a-token-of-24-characters"
ADMIN = "the-operators-own-token"


def find(program: str) -> str:
    path = shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if path is None:
        reason = f"{program} is not installed here (on Debian: apt-get install {program})"
        if os.environ.get("CI") and program == "nginx":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def edited(folder: Path, values: dict[str, str], https: int) -> Path:
    """The example with this machine's ports and paths."""
    cert, key = certificate(folder)
    text = (PROXY / "nginx.conf").read_text("utf-8")
    for old, new in {
        "/etc/letsencrypt/live/call.example.com/fullchain.pem": str(cert),
        "/etc/letsencrypt/live/call.example.com/privkey.pem": str(key),
        "call.example.com": "localhost",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
        "127.0.0.1:8888": f"127.0.0.1:{values['CALL_PORT']}",
        "127.0.0.1:8080": f"127.0.0.1:{values['WEB_PORT']}",
        "/run/nginx.pid": f"{folder}/nginx.pid",
        "/dev/stdout": f"{folder}/access.log",
        "http {\n": "http {\n"
        + "".join(
            f"    {name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ),
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "nginx.conf"
    path.write_text(text, "utf-8")
    return path


@asynccontextmanager
async def proxied(folder: Path) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """The port of nginx before a server that wants a token, and who to trust."""
    find("nginx")
    values = environment(
        ACCESS_TOKEN=TOKEN, ADMIN_TOKEN=ADMIN, TRUSTED_PROXIES="127.0.0.1", MAX_CALLS_PER_IP="1", CALL_URL=CALL_PATH
    )
    https = free_port()
    edited(folder, values, https)
    async with started(values) as process:
        await said_until(process, "press the call button")
        async with running(folder, https):
            yield https, ssl.create_default_context(cafile=str(folder / "cert.pem"))


@asynccontextmanager
async def running(folder: Path, https: int) -> AsyncIterator[None]:
    """nginx by the example that was edited there; what it says of errors is in `errors.log`."""
    orders = "daemon off; user root;" if os.geteuid() == 0 else "daemon off;"
    command = (find("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", orders)
    with (folder / "errors.log").open("wb") as errors:
        proxy = await asyncio.create_subprocess_exec(*command, stderr=errors)
    try:
        await _answers(https)
        yield
    finally:
        proxy.terminate()
        await proxy.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


async def test_calls_and_page_go_through_nginx_and_only_callers_get_in(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (port, trusting):
        token = {"Authorization": f"Bearer {TOKEN}"}
        call = f"wss://localhost:{port}{CALL_PATH}?sid=a-secret-sid"
        with pytest.raises(InvalidStatus, match="401"):
            await connect(call, ssl=trusting)
        with pytest.raises(InvalidStatus, match="403"):
            await connect(call, ssl=trusting, additional_headers={**token, "Origin": "https://evil.example"})
        origin = {"Origin": f"https://localhost:{port}"}
        async with connect(call, ssl=trusting, additional_headers={**token, **origin}) as socket:
            assert b"BotReady" in await socket.recv(decode=False)
            with pytest.raises(InvalidStatus, match="429"):  # the address counts, and what a client says of it does not
                await connect(call, ssl=trusting, additional_headers={**token, "X-Forwarded-For": "203.0.113.7"})
        async with aiohttp.ClientSession(f"https://localhost:{port}") as http:
            async with http.get("/api/config", ssl=trusting) as response:
                assert (await response.json())["call"]["url"] == CALL_PATH
                assert "default-src 'none'" in response.headers["Content-Security-Policy"]
                assert response.headers.getall("Strict-Transport-Security") == ["max-age=31536000"]
            for headers, status in (({}, 403), (token, 403), ({"Authorization": f"Bearer {ADMIN}"}, 200)):
                async with http.get("/metrics", ssl=trusting, headers=headers) as response:
                    assert response.status == status
    log = (tmp_path / "access.log").read_text()
    assert CALL_PATH in log
    assert not re.search(f"a-secret-sid|{TOKEN}|{ADMIN}", log)


async def test_what_nginx_says_of_a_server_that_is_down_has_no_secret(tmp_path: Path) -> None:
    find("nginx")
    https = free_port()
    edited(tmp_path, environment(), https)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    secret = {"Authorization": f"Bearer {TOKEN}", "Referer": f"https://localhost/?{TOKEN}"}
    async with running(tmp_path, https), aiohttp.ClientSession(f"https://localhost:{https}") as http:
        for path in (f"{CALL_PATH}?sid=a-secret-sid", "/api/voices/samples/a-secret-name.wav", "/api/config"):
            async with http.get(path, ssl=trusting, headers=secret) as response:
                assert response.status == 502
    log, errors = (tmp_path / "access.log").read_text(), (tmp_path / "errors.log").read_text()
    assert "/api/voices/samples/-" in log
    assert "/api/config" in log
    assert not re.search(f"a-secret-|{TOKEN}", log + errors)


def test_the_caddyfile_is_one(tmp_path: Path) -> None:
    caddy = find("caddy")
    ended = subprocess.run(
        [caddy, "validate", "--adapter", "caddyfile", "--config", str(PROXY / "Caddyfile")],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
    )
    assert ended.returncode == 0, ended.stderr
