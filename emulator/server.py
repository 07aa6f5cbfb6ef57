"""All services on one port: the vendors' paths, `/healthz` and `/admin/…`."""

from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from emulator import admin, ark, doubao_asr, doubao_tts
from emulator.dashscope import chat, enrolment, hot_words, inference
from emulator.door import Premises
from emulator.house import House

_SHUTDOWN_S: Final = 2.0
_MAX_BODY_BYTES: Final = 8 * 1024 * 1024


def application(house: House) -> web.Application:
    """The emulator's routes over this house."""
    app = web.Application(middlewares=[_gate(house)], client_max_size=_MAX_BODY_BYTES)
    app.add_routes([web.get(policy.value, partial(doubao_asr.serve, house)) for policy in doubao_asr.Policy])
    speech_paths = (doubao_tts.BIDIRECTIONAL, doubao_tts.UNIDIRECTIONAL)
    app.add_routes([web.get(path, partial(doubao_tts.serve, house)) for path in speech_paths])
    app.add_routes([web.post(path, partial(ark.serve, house)) for path in ark.PATHS])
    app.add_routes([web.get(path, partial(inference.serve, house)) for path in inference.PATHS])
    app.add_routes([web.post(enrolment.PATH, partial(enrolment.serve, house))])
    app.add_routes([web.post(hot_words.PATH, partial(hot_words.serve, house))])
    app.add_routes([web.post(chat.PATH, partial(chat.serve, house))])
    app.add_routes([web.get("/healthz", partial(_health, house)), *admin.routes(house)])
    app.on_shutdown.append(partial(_close, house))
    return app


async def listen(house: House, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Serve from now on; gives the runner, to be cleaned up, and the real port.

    Raises:
        OSError: the port is taken, or the host is not of this machine.
    """
    premises = Premises(application(house), access_log=None, shutdown_timeout=_SHUTDOWN_S)
    try:
        return premises, await premises.open(house.stats.door, host, port)
    except OSError:
        await premises.cleanup()
        raise


def _gate(house: House) -> Middleware:
    """Strangers keep out of the admin paths, and no service is asked before the engines are loaded."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/admin/") and not admin.may_use(request):
            raise web.HTTPForbidden
        house.stats.door.asked(request)
        if house.engines is None and not request.path.startswith("/admin/"):
            return web.json_response({"status": "loading", "engine": house.engine}, status=503)
        try:
            return await handler(request)
        except ConnectionError:  # the client has left; aiohttp would log it as a fault of ours
            return web.Response()

    return gate


async def _health(house: House, _: web.Request) -> web.Response:
    chat = house.loaded.chat.label
    labels = {"asr": _label(house, house.loaded.recognition), "llm": chat, "tts": _label(house, house.loaded.synthesis)}
    return web.json_response({"status": "ok", "engine": house.engine, "chat": chat, "labels": labels})


def _label(house: House, engine: object) -> str:
    """How an engine names itself, where it does."""
    return str(getattr(engine, "label", house.engine))


async def _close(house: House, _: web.Application) -> None:
    await house.close()
