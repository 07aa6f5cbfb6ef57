"""All that a run leaves behind, searched for every secret that it was given, was lent or made itself."""

import asyncio
import re
import ssl
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from backend.process.redaction import _spellings
from backend.protocol.events import CALL_PATH
from backend.token import sign
from emulator.script import Script
from tests.support.caller import Caller
from tests.support.certificate import certificate
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.support.key_service import key_service, lends
from tests.test_handler import PATIENCE_S, environment, said_until, started

KEYS = {
    "ASR_ACCESS_TOKEN": "asr-Ue73kRxZq1Bn5W",
    "TTS_ACCESS_TOKEN": "tts-Pd62mGvYc8Lf0H",
    "VOLC_ACCESSKEY": "AKLTNz5hMj2kQwXc8vBt",
    "VOLC_SECRETKEY": "T1RnWVhKbGMyVmpjbVYwTFd0bGVRPT0=",
    "ACCESS_TOKEN": "caller-Hs6w2Ye9Pk4Dv7Nu",
    "TOKEN_SECRET": "signing-Bq3x8Rm5Tz1Lc6Wj9Kd4Gf7Vh2Ns0Pa",
    "ADMIN_TOKEN": "admin-Xo9c4Ub7Rt2Ie5Mz",
}
LENT = "temporary-Cw5j8Sx2Ly7Fa3Qe"
GUESS = "guess-Vk1p6Od9Gz3H"
FAULTS = [
    {"service": service, "kind": "refuse", "status": 401, "nth": None, "message": f"no such key: {key}"}
    for service, key in (("chat", LENT), ("tts", KEYS["TTS_ACCESS_TOKEN"]))
]
"""A vendor that tells which key it was."""


def lending(seen: list[str]) -> AbstractAsyncContextManager[str]:
    """Lends a key for the account's pair; every second request is refused in words that tell the secret."""

    def lend(request: web.Request, _body: Any) -> web.Response:
        authorization = request.headers["Authorization"]
        seen.extend(re.findall(r"Signature=(\w+)", authorization))
        if len(seen) % 2:
            error = {"Code": "InvalidSecretKey", "Message": f"{authorization} {KEYS['VOLC_SECRETKEY']}"}
            return web.json_response({"ResponseMetadata": {"RequestId": "r", "Error": error}}, status=403)
        return lends(LENT)

    return key_service(lend)


def settings_for(vendor: EmulatorHandle, keys_url: str, folder: Path) -> dict[str, str]:
    cert, key = certificate(folder)
    return environment(
        **KEYS,
        ASR_APP_ID="1234567890",
        TTS_APP_ID="1234567890",
        VOLC_ASR_URL=vendor.asr_url().rsplit("/", 1)[0],
        VOLC_TTS_URL=vendor.tts_url(),
        ARK_BASE_URL=vendor.ark_url,
        ARK_KEYS_URL=keys_url,
        TLS_CERT=str(cert),
        TLS_KEY=str(key),
        DATABASE_URL=f"sqlite:///{folder}/calls.db",
        RECORD_DIR=str(folder / "recordings"),
        RECORD_AUDIO="true",
        LOG_LEVEL="debug",
        LOG_FORMAT="json",
        VAD="off",
        MAX_LOOP_LAG_MS="0",
        MAX_LOOP_LOAD="0",
    )


def trusting(values: dict[str, str]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=values["TLS_CERT"])


async def use(values: dict[str, str], signed: str) -> str:
    """Calls by every way to present a token, spoken and typed; and every page. What came back."""
    url = f"wss://localhost:{values['CALL_PORT']}{CALL_PATH}"
    heard: list[object] = []
    for token in (KEYS["ACCESS_TOKEN"], signed, GUESS):
        for by_header in (True, False):
            headers = {"Authorization": f"Bearer {token}"} if by_header else {}
            offers = None if by_header else [Subprotocol("lvc"), Subprotocol(f"token.{token}")]
            address = f"{url}?sid=sid-1" if token == signed else url
            with suppress(InvalidStatus):
                async with connect(
                    address, ssl=trusting(values), additional_headers=headers, subprotocols=offers
                ) as socket:
                    heard += await talk(Caller(socket, bare=False))
    heard += await pages(values)
    return "\n".join(str(each) for each in heard)


async def talk(caller: Caller) -> list[object]:
    heard: list[object] = [*await caller.until("BotReady")]
    await caller.send("UserText", {"text": "在吗"})
    heard += await caller.until("TTSDone")
    await caller.speak()
    return [*heard, *await caller.until("TTSDone")]


async def pages(values: dict[str, str]) -> list[object]:
    told: list[object] = []
    connector = aiohttp.TCPConnector(ssl=trusting(values))
    async with aiohttp.ClientSession(f"https://localhost:{values['WEB_PORT']}", connector=connector) as http:
        for token in ("", KEYS["ACCESS_TOKEN"], KEYS["ADMIN_TOKEN"]):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            for path in ("/metrics", "/healthz", "/readyz", "/api/config", "/api/conversations"):
                async with http.get(path, headers=headers) as response:
                    told += [await response.text(), dict(response.headers)]
    return told


def kept(folder: Path, besides: Iterable[str]) -> str:
    """Every file of the run, byte for byte; but for those that hold secrets because they are to."""
    there = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    files = [path for path in there if path.is_file() and str(path) not in besides]
    return "\n".join(path.read_bytes().decode("latin-1") for path in files)


async def test_neither_words_nor_files_nor_figures_of_a_run_hold_a_secret(tmp_path: Path) -> None:
    signed = sign(KEYS["TOKEN_SECRET"], seconds=600, sid="sid-1")
    signatures: list[str] = []
    script = Script.model_validate({"hears_always": "你好", "replies_always": "好呀。"})
    async with running_emulator(script, may_leave_lines=True) as vendor, lending(signatures) as keys_url:
        values = settings_for(vendor, keys_url, tmp_path)
        async with started(values) as process:
            said = await said_until(process, "press the call button")
            seen = await use(values, signed)
            vendor.script(script.model_copy(update={"faults": Script.model_validate({"faults": FAULTS}).faults}))
            seen += await use(values, signed)
            process.terminate()
            assert process.stdout is not None
            async with asyncio.timeout(PATIENCE_S):
                said += (await process.stdout.read()).decode()
                assert await process.wait() == 0
        requests = vendor.stats()["chat"]["requests"]
    files = kept(tmp_path, (values["TLS_KEY"], values["TLS_CERT"]))
    key_lines = kept(tmp_path / "key.pem", ()).splitlines()[1:-1]

    assert requests, "the key that was lent opened the chat"
    assert len(signatures) >= 2, "and the pair was refused, too"
    assert all(word in said for word in ("turn.done", "InvalidSecretKey")), "it was a run at debug level"
    assert "Failed" in seen
    assert "lvc_turns_total" in seen
    assert "SQLite format 3" in files
    assert "SentenceRecognized" in files, "it was recorded"
    secrets = [*KEYS.values(), LENT, GUESS, signed, *signed.split(".")[1:], *signatures, *key_lines]
    everywhere = {"log": said, "answers": seen, "files": files}
    found = [(secret, place) for secret in secrets for place, text in everywhere.items() if holds(text, secret)]
    assert found == []


def holds(text: str, secret: str) -> bool:
    return any(spelling in text for spelling in _spellings(secret))
