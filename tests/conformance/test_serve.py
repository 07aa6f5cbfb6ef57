"""The kit as a server: a client that keeps the rules passes, and each wrong one is found out."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from conformance import serve, wire
from conformance.rules import RULES, Findings, Microphone
from conformance.serve import Scene
from conformance.verdict import Result, Verdict
from conformance.wire import take_apart

SCENE = Scene(ready_after_s=0.05, listen_s=0.3, silence_s=3.0, leave_s=0.5)
STEP_S = 0.02
Client = Callable[[ClientConnection], Awaitable[None]]


async def interviewed(
    client: Client, *, path: str = "", scene: Scene = SCENE, offers: Sequence[str] = ()
) -> dict[str, Result]:
    """What the kit says about this client."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    judging = asyncio.create_task(serve.interview("127.0.0.1", 0, scene, address.set_result))
    url = await address
    try:
        offered = [Subprotocol(offer) for offer in offers] or None
        async with connect(url + path, subprotocols=offered, compression=None, proxy=None, close_timeout=1) as socket:
            await client(socket)
    except (ConnectionClosed, InvalidStatus):
        pass
    async with asyncio.timeout(10):
        return {result.name: result for result in await judging}


async def typing(socket: ClientConnection, *odd: bytes | str) -> None:
    """A good client that types, and sends something odd first."""
    await told(socket, "BotReady")
    for message in odd:
        await socket.send(message)
    for _ in range(3):
        await socket.send(wire.event("UserText", {"text": "你好"}))
        await told(socket, "TTSDone")
    await socket.wait_closed()


async def told(socket: ClientConnection, name: str) -> None:
    while take_apart(await socket.recv(), 0.0, bare=False).name != name:
        pass


async def speaking(socket: ClientConnection, rate_hz: int = 16_000) -> None:
    """A client with a microphone that never stops, at a steady pace."""

    async def microphone() -> None:
        clock = asyncio.get_running_loop()
        began, sent = clock.time(), 0
        while True:
            sent += 1
            await socket.send(wire.audio(b"\x10\x00" * int(rate_hz * STEP_S)))
            await asyncio.sleep(max(0.0, began + sent * STEP_S - clock.time()))

    await told(socket, "BotReady")
    task = asyncio.create_task(microphone())
    await socket.wait_closed()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_client_that_types_keeps_every_rule() -> None:
    results = await interviewed(
        typing, path="?sid=abc&delivery=stream&sample_rate=16000&speech_rate=1.25&emotion=sad&events=TurnMetrics&mine=1"
    )

    assert [result for result in results.values() if result.verdict is Verdict.FAILED] == []
    assert set(results) == set(RULES)
    assert results["client.audio-is-pcm"].verdict is Verdict.NOT_TRIED
    assert results["client.survives-a-failed-turn"].verdict is Verdict.PASSED
    assert results["client.takes-its-leave"].verdict is Verdict.PASSED


async def test_a_browser_that_offers_its_token_is_answered_and_judged() -> None:
    """As the page does it; a browser drops a connection whose server takes none of its offers."""
    answered: list[str | None] = []

    async def browser(socket: ClientConnection) -> None:
        answered.append(socket.subprotocol)
        await typing(socket)

    results = await interviewed(browser, offers=["lvc", "token.YWJj"])
    assert answered == ["lvc"]
    assert not [each for each in results.values() if each.verdict is Verdict.FAILED]


async def test_who_offers_nothing_that_is_known_is_answered_none() -> None:
    answered: list[str | None] = []

    async def other(socket: ClientConnection) -> None:
        answered.append(socket.subprotocol)
        await typing(socket)

    await interviewed(other, offers=["chat"])
    assert answered == [None]


async def test_a_client_that_speaks_keeps_every_rule() -> None:
    results = await interviewed(speaking)

    assert [result for result in results.values() if result.verdict is Verdict.FAILED] == []
    assert results["client.audio-at-16-khz"].verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("odd", "rule"),
    [
        ("hello", "client.binary"),
        (b"\x11", "client.header"),
        (b"\x21" + wire.event("BotInterrupt")[1:], "client.header"),
        (b"\x11\x90" + wire.event("BotInterrupt")[2:], "client.type"),
        (b"\x11\x12" + wire.event("BotInterrupt")[2:], "client.flags"),
        (b"\x11\x10\x10\x01" + wire.event("BotInterrupt")[4:], "client.reserved"),
        (wire.audio(b"no gzip", compression=wire.GZIP), "client.compression"),
        (wire.audio(wire.zipped(bytes(2 << 20)), compression=wire.GZIP), "client.compression"),
        (wire.frame(wire.REQUEST, b"{", serialization=wire.JSON), "client.json"),
        (wire.frame(wire.REQUEST, b"[]", serialization=wire.JSON), "client.event"),
        (wire.event("TTSDone"), "client.event"),
        (wire.event("BotUpdateConfig", {"sample_rate": 44_100}), "client.payload"),
        (wire.event("BotUpdateConfig", {"speech_rate": 3, "volume": None}), "client.payload"),
        (wire.event("BotUpdateConfig", {"emotion": "two words"}), "client.payload"),
        (wire.event("UserText", {"text": ""}), "client.payload"),
        (wire.event("PlaybackPosition", {"turn": 1}), "client.payload"),
        (wire.audio(b"RIFF" + bytes(40)), "client.audio-is-pcm"),
        (wire.audio(b"\x1a\x45\xdf\xa3" + bytes(40)), "client.audio-is-pcm"),
        (wire.event("BotUpdateConfig", {"x": "x" * (1 << 20)}), "client.message-size"),
    ],
)
async def test_a_wrong_message_breaks_its_rule_and_no_other(odd: bytes | str, rule: str) -> None:
    results = await interviewed(lambda socket: typing(socket, odd))

    assert [name for name, result in results.items() if result.verdict is Verdict.FAILED] == [rule]


@pytest.mark.parametrize(
    "query",
    [
        "?sid=",
        "?sid=a.b",
        "?delivery=fast",
        "?sample_rate=44100",
        "?barge_in=perhaps",
        "?volume=loud",
        "?resume=soon",
        "?resume=1:2:short",
    ],
)
async def test_a_wrong_address_is_found_out(query: str) -> None:
    results = await interviewed(typing, path=query)

    assert results["client.query"].verdict is Verdict.FAILED


async def test_who_calls_at_another_path_is_found_out() -> None:
    results = await interviewed(typing, path="/more")

    assert results["client.path"].verdict is Verdict.FAILED


async def test_who_hangs_up_when_a_turn_fails_is_found_out() -> None:
    async def gives_up(socket: ClientConnection) -> None:
        await told(socket, "BotReady")
        await socket.send(wire.event("UserText", {"text": "one"}))
        await told(socket, "TTSDone")
        await socket.send(wire.event("UserText", {"text": "two"}))
        await told(socket, "BotError")

    results = await interviewed(gives_up)

    assert results["client.survives-a-failed-turn"].verdict is Verdict.FAILED


async def test_who_says_nothing_is_found_out() -> None:
    results = await interviewed(
        lambda socket: socket.wait_closed(), scene=Scene(ready_after_s=0, listen_s=0.1, silence_s=0.1, leave_s=0.5)
    )

    assert results["client.speaks"].verdict is Verdict.FAILED


async def test_who_cannot_wait_is_found_out() -> None:
    async def at_once(socket: ClientConnection) -> None:
        await socket.send(wire.audio(bytes(40_000)))
        await typing(socket)

    results = await interviewed(at_once)

    assert results["client.waits-for-ready"].verdict is Verdict.FAILED


async def test_who_talks_on_after_the_close_is_found_out() -> None:
    """On a bare TCP connection: no library would do it."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    scene = Scene(ready_after_s=0, listen_s=0.1, silence_s=0.05, leave_s=1.0)
    judging = asyncio.create_task(serve.interview("127.0.0.1", 0, scene, address.set_result))
    port = int((await address).split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    while not judging.done():
        writer.write(b"\x82\x84\x00\x00\x00\x00" + b"\x11\x20\x00\x00")
        await asyncio.wait({judging}, timeout=0.05)
    writer.close()
    del reader

    results = {result.name: result for result in judging.result()}
    assert results["client.silent-after-close"].verdict is Verdict.FAILED
    assert results["client.takes-its-leave"].verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("rate_hz", "verdict"),
    [(16_000, Verdict.PASSED), (48_000, Verdict.FAILED), (44_100, Verdict.FAILED), (8_000, Verdict.FAILED)],
)
def test_audio_at_another_rate_is_found_out(rate_hz: int, verdict: Verdict) -> None:
    findings = Findings()
    microphone = Microphone(findings, measured_s=1.0)
    for step in range(100):
        microphone.hear(bytes(2 * rate_hz // 50), step / 50)
    microphone.judge()

    assert {result.name: result.verdict for result in findings.results()}["client.audio-at-16-khz"] is verdict


def test_a_file_that_is_sent_at_once_has_no_rate_but_a_bound() -> None:
    findings = Findings()
    microphone = Microphone(findings, measured_s=1.0)
    for _ in range(31):
        microphone.hear(bytes(32_000), 0.0)
    microphone.judge()
    verdicts = {result.name: result.verdict for result in findings.results()}

    assert verdicts["client.audio-at-16-khz"] is Verdict.NOT_TRIED
    assert verdicts["client.audio-pace"] is Verdict.FAILED


async def test_from_the_command_line_it_tells_where_it_is_and_exits_with_the_verdict(tmp_path: Path) -> None:
    kit = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "conformance",
            "--serve",
            "--port",
            "0",
            "--json",
            "--junit",
            str(tmp_path / "out.xml"),
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert kit.stderr is not None
    url = (await kit.stderr.readline()).decode().split()[-1]
    async with connect(url, compression=None, proxy=None) as socket:
        await typing(socket, b"\x11")
    out, _ = await kit.communicate()

    assert kit.returncode == 1
    assert [each["name"] for each in json.loads(out)["checks"] if each["verdict"] == "FAILED"] == ["client.header"]
    assert ET.parse(tmp_path / "out.xml").getroot().get("failures") == "1"
