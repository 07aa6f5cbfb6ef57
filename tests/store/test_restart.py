"""A whole server that is ended and started again."""

import signal
from pathlib import Path

from tests.support.caller import dialled, names
from tests.test_handler import environment, said_until, started


async def test_a_friend_knows_you_after_the_server_was_started_again(tmp_path: Path) -> None:
    values = environment(DATABASE_URL=f"sqlite:///{tmp_path}/calls.db", LOG_LEVEL="info", VAD="off")
    url = f"ws://127.0.0.1:{values['CALL_PORT']}/api/live_voice_call/chat"
    async with started(values) as process:
        await said_until(process, "press the call button")
        async with dialled(url, sid="sid-1") as caller:
            await caller.send("UserText", {"text": "我叫小明"})
            assert names(await caller.until("TTSDone"))[-1] == "TTSDone"
        process.send_signal(signal.SIGTERM)
        await said_until(process, "Ending the calls")
        assert await process.wait() == 0
    assert await _conversation(tmp_path / "calls.db") >= 2
    async with started(values) as process:
        await said_until(process, "press the call button")
        async with dialled(url, sid="sid-1") as caller:
            await caller.send("UserText", {"text": "我叫什么"})
            await caller.until("TTSDone")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert await _conversation(tmp_path / "calls.db") >= 4


async def _conversation(file: Path) -> int:
    from backend.store.database import Database

    database = Database(f"sqlite+aiosqlite:///{file}")
    try:
        return len(await database.load("sid-1", 20))
    finally:
        await database.aclose()
