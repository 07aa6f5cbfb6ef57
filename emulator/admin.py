"""The paths that tests and benchmarks steer the emulator by; only this machine may use them."""

import ipaddress

from aiohttp import web
from pydantic import ValidationError

from emulator.house import House
from emulator.script import Script, explain


def routes(house: House) -> list[web.RouteDef]:
    """`/admin/script`, `/admin/stats` and `/admin/invoice`."""

    async def put_script(request: web.Request) -> web.Response:
        try:
            script = Script.model_validate_json(await request.read())
        except ValidationError as exc:
            return web.json_response({"error": explain(exc)}, status=400)
        house.prompter.load(script)
        return web.json_response(house.prompter.left())

    async def get_script(_: web.Request) -> web.Response:
        return web.json_response(house.prompter.left())

    async def get_stats(_: web.Request) -> web.Response:
        return web.json_response(house.stats.as_json())

    async def delete_stats(_: web.Request) -> web.Response:
        house.stats.reset()
        return web.json_response({})

    async def get_invoice(_: web.Request) -> web.Response:
        return web.json_response(house.invoice.as_json())

    async def delete_invoice(_: web.Request) -> web.Response:
        house.invoice.reset()
        return web.json_response({})

    return [
        web.put("/admin/script", put_script),
        web.get("/admin/script", get_script),
        web.get("/admin/stats", get_stats),
        web.delete("/admin/stats", delete_stats),
        web.get("/admin/invoice", get_invoice),
        web.delete("/admin/invoice", delete_invoice),
    ]


def may_use(request: web.Request) -> bool:
    """Whether the request comes from this machine."""
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
