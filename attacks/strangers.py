"""Attacks on who is let in: origins, tokens, ids and paths."""

import base64
import json
import random
import time
import uuid
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import jwt
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from yarl import URL

from attacks.outcome import Deadline, Outcome
from attacks.target import Target, source

PATHS: Final = (
    "/../pyproject.toml", "/%2e%2e/pyproject.toml", "/..%2fpyproject.toml", "/%2e%2e%2f%2e%2e%2fpyproject.toml",
    "/assets/../../pyproject.toml", "/assets/%2e%2e/%2e%2e/package.json", "/..%5cpackage.json", "//etc/passwd", "/%2fetc/passwd",
    "/....//package.json", "/%252e%252e/package.json", "/%c0%ae%c0%ae/package.json", "/assets/%00", "/index.html%00.js",
    "/" + "../" * 40 + "etc/passwd", "/" + "%2e%2e/" * 40 + "etc/passwd", "/" + "a" * 5000, "/.env", "/src/main.tsx",
    "/api/personas/..%2f..%2f..%2fpyproject.toml/avatar.svg", "/api/personas/%2e%2e/avatar.svg",
    "/api/voices/..%2f..%2fpyproject.toml/sample", "/api/conversations/..%2f..", "/data/live-voice-call.db",
)  # fmt: skip
_LEAKS: Final = (b"[project]", b"root:", b'"devDependencies"', b"SQLite format", b"Traceback", b"TOKEN_SECRET")


async def cross_origin(target: Target, deadline: Deadline) -> Outcome:
    """Call from pages of other origins, with a token that is good."""
    origins = (
        "https://evil.example", "null", "", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "file://",
        "http://evil.example:8080", "http://localhost@evil.example", "chrome-extension://abc", "http://[::1].evil.example",
    )  # fmt: skip
    outcome, number = Outcome(note="handshakes of other pages; none may be let in"), 0
    while not deadline.passed:
        number += 1
        headers = {**target.headers(), "Origin": origins[number % len(origins)]}
        outcome.tried += 1
        outcome.harm += await _is_let_in(target.url, headers, number)
    return outcome


async def forgery(target: Target, deadline: Deadline) -> Outcome:
    """Present tokens that are expired, forged, of another server, for another conversation, or in the wrong place."""
    outcome, number = Outcome(note="wrong tokens; none may be let in"), 0
    for number, (url, headers) in enumerate(_forgeries(target)):
        if deadline.passed:
            break
        outcome.tried += 1
        outcome.harm += await _is_let_in(url, headers, number)
    return outcome


def _forgeries(target: Target) -> Iterator[tuple[str, dict[str, str]]]:
    chance, good = random.Random(7), target.token("ann")
    claims: dict[str, Any] = {"exp": time.time() + 600, "sub": "ann", "admin": True}
    none = jwt.encode(claims, "", algorithm="none")
    yield target.url + "?" + urlencode({"token": good, "access_token": good, "authorization": f"Bearer {good}"}), {}
    while True:
        bound = target.token("ann", sid="sid-of-ann")
        at = chance.randrange(len(good) - 1)
        changed = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        for token in (
            "", "Bearer", "null", none, none + "x", target.token("ann", seconds=-3600), target.token("ann", seconds=10**7),
            jwt.encode(claims, "k" * 40, algorithm="HS256"), jwt.encode(claims, target.secret, algorithm="HS384"), changed,
            good.rsplit(".", 1)[0] + ".", good[:-4], good * 20, jwt.encode({"sub": "ann"}, target.secret, algorithm="HS256"),
        ):  # fmt: skip
            yield target.url, {"Authorization": f"Bearer {token}"}
            offer = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
            yield target.url, {"Sec-WebSocket-Protocol": f"lvc, token.{offer}"}
        yield f"{target.url}?sid=sid-of-bob", {"Authorization": f"Bearer {bound}"}
        yield f"{target.url}?sid=sid-of-ann&sid=sid-of-bob", {"Authorization": f"Bearer {bound}"}


async def guessing(target: Target, deadline: Deadline) -> Outcome:
    """Take up, and delete, the conversation of somebody else: with her `sid`, a weak one, and guesses."""
    outcome, number = Outcome(note="tries at other callers' conversations; none may succeed"), 0
    async with aiohttp.ClientSession() as http:
        for weak in ("1", str(uuid.uuid4())):
            await _begin(target, weak)
        await _begin(target, known := str(uuid.uuid4()))
        while not deadline.passed:
            number += 1
            sid = (known, "1", str(uuid.uuid4()))[number % 3]
            outcome.tried += 2
            outcome.harm += sid != "1" and number % 3 != 2 and await _opens(target, sid, number)
            outcome.harm += sid == "1" and await _opens(target, sid, number)
            address = f"{target.page}/api/conversations/{sid}"
            async with http.delete(address, headers=target.headers("bob")) as response:
                outcome.harm += response.status == 204
    return outcome


async def traversal(target: Target, deadline: Deadline) -> Outcome:
    """Ask the page's server for files that are not the page's."""
    outcome, number = Outcome(note="paths out of the page's folder; none may lead anywhere"), 0
    async with aiohttp.ClientSession() as http:
        while not deadline.passed:
            path = PATHS[number % len(PATHS)]
            number += 1
            outcome.tried += 1
            async with http.get(URL(target.page + path, encoded=True), allow_redirects=False) as response:
                body = await response.read()
            outcome.harm += response.status >= 500 and response.status != 503
            outcome.harm += any(leak in body for leak in _LEAKS)
    return outcome


async def _begin(target: Target, sid: str) -> None:
    async with connect(
        f"{target.url}?sid={sid}", additional_headers=target.headers("ann"), local_addr=source(199)
    ) as socket:
        await socket.recv()


async def _opens(target: Target, sid: str, number: int) -> bool:
    headers = target.headers("bob")
    try:
        async with connect(f"{target.url}?sid={sid}", additional_headers=headers, local_addr=source(number)) as socket:
            told = json.loads(bytes(await socket.recv(decode=False))[8:])
            return bool(told["event"] == "BotReady")
    except (InvalidHandshake, ConnectionClosed, OSError, TimeoutError):
        return False


async def _is_let_in(url: str, headers: dict[str, str], number: int) -> bool:
    try:
        async with connect(url, additional_headers=headers, local_addr=source(number), open_timeout=5):
            return True
    except (InvalidHandshake, ConnectionClosed, OSError, TimeoutError, ValueError):
        return False
