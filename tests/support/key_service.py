"""The account's API, which lends a temporary key for a signed request, on this machine."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


@asynccontextmanager
async def key_service(answer: Callable[[web.Request, Any], web.Response]) -> AsyncIterator[str]:
    """It answers a request, and its JSON, so; where it is."""

    async def serve(request: web.Request) -> web.Response:
        return answer(request, json.loads(await request.text()))

    app = web.Application()
    app.add_routes([web.post("/", serve)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def lends(key: str) -> web.Response:
    """An answer with a key that lives long."""
    result = {"ApiKey": key, "ExpiredTime": 4_000_000_000}
    return web.json_response({"ResponseMetadata": {"RequestId": "r"}, "Result": result})
