"""A whole server that is ended and started again."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

from backend.errors import StoreError
from backend.ports import Message
from backend.store.database import Database
from tests.support.caller import dialled
from tests.test_handler import environment, said_until, started


async def test_a_conversation_goes_on_after_the_server_was_started_again(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "calls.db"
    values = environment(DATABASE_URL=f"sqlite:///{file}", VAD="off")
    url = f"ws://127.0.0.1:{values['CALL_PORT']}/api/live_voice_call/chat"
    for start, words in enumerate(("我叫小明", "我叫什么")):
        async with started(values) as process:
            await said_until(process, "press the call button")
            async with dialled(url, sid="sid-1") as caller:
                await caller.send("UserText", {"text": words})
                await caller.until("TTSDone")
            await _kept(file, 2 * start + 2)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                assert await process.wait() == 0

    assert [text for role, text in await _kept(file, 4) if role == "user"] == ["我叫小明", "我叫什么"]


async def _kept(file: Path, many: int) -> list[tuple[str, str]]:
    """The conversation, once it has so many messages."""
    database = Database(f"sqlite+aiosqlite:///{file}")
    found: tuple[Message, ...] = ()
    async with asyncio.timeout(60):
        while len(found) < many:  # another process writes them
            await asyncio.sleep(0.05)
            with suppress(StoreError):  # as long as there is no file, or no table in it
                found = await database.load("sid-1", 20)
    await database.aclose()
    return [(message.role, message.text) for message in found]
