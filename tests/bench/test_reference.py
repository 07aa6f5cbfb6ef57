"""The model of the reference's turn logic does what it is said to do."""

import asyncio
from unittest.mock import patch

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from bench import reference
from bench.dialects import Ours, Sound, Told
from bench.reference import ReferenceCall
from emulator.script import Script
from tests.support.emulator import running_emulator

LOUD, QUIET = b"\x00\x20" * 1600, bytes(3200)
SCRIPT = Script.model_validate(
    {
        "hears": [{"text": text, "after_ms": None, "partials": [text]} for text in ("一句。", "又一句。")],
        "replies": ["好。行。", "嗯。"],
    }
)


async def test_each_turn_shakes_hands_anew_and_answers_in_whole_sentences() -> None:
    async with running_emulator(SCRIPT) as vendor:

        async def answer(socket: ServerConnection) -> None:
            await ReferenceCall(socket, vendor.http_url).run()

        with patch.object(reference, "UNCHANGED_S", 0.05):
            async with serve(answer, "127.0.0.1", 0) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                first, second = await two_turns(f"ws://127.0.0.1:{port}")
        shaken = [vendor.house.stats.services[name].handshakes for name in ("asr", "tts", "chat")]

    whole = ["SentenceRecognized", "TTSSentenceStart", "sound", "TTSSentenceStart", "sound", "TTSDone"]
    assert first == ["BotReady", *whole]
    assert second == [*whole[:3], "TTSDone"]
    assert shaken[1:] == [2, 2]
    assert shaken[0] >= 2


async def within_a_moment(socket: ClientConnection) -> bytes | None:
    """What has come, or comes soon."""
    try:
        async with asyncio.timeout(0.02):
            message = await socket.recv()
    except TimeoutError:
        return None
    assert isinstance(message, bytes)
    return message


async def two_turns(url: str) -> list[list[str]]:
    dialect = Ours()
    heard: list[list[str]] = []
    async with connect(url, proxy=None) as socket:
        for _ in range(2):  # one packet a moment, as long as the turn lasts
            turn: list[str] = []
            heard.append(turn)
            sound = iter([LOUD] * 4)
            while not turn or turn[-1] != "TTSDone":
                await socket.send(dialect.audio(next(sound, QUIET)))
                while (message := await within_a_moment(socket)) is not None:
                    match dialect.read(message):
                        case Told(event):
                            turn.append(event)
                        case Sound():
                            turn.append("sound")
    return heard
