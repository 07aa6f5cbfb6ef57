"""Voice cloning over HTTP: create, list, query, update and delete. The sample's address is kept, never fetched.

Source: docs "cosyvoice-clone-api"; the fact sheet's captured requests.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from emulator.dashscope.access import HttpRefusal, admit, new_request_id
from emulator.dashscope.speaking import MODELS
from emulator.dashscope.voice_book import ClonedVoice, now, shown
from emulator.house import House

PATH: Final = "/api/v1/services/audio/tts/customization"

_PREFIX: Final = re.compile(r"[A-Za-z0-9_]{1,10}")
_ADDRESS: Final = re.compile(r"https?://\S+")
_MOST_PER_PAGE: Final = 1000


async def serve(house: House, request: web.Request) -> web.Response:
    """One request."""
    return await answered(house, request, _done)


async def answered(
    house: House, request: web.Request, done: Callable[[House, dict[str, Any]], dict[str, Any]]
) -> web.Response:
    """One request, for whichever kind of thing an account makes: do it, or refuse."""
    stats = house.stats.services["customization"]
    socket = stats.request_on(house.stats.door.visit(request))
    try:
        await admit(house, "customization", request)
        body = await _json(request)
        stats.begin(socket, {"path": request.path, "json": body})
        output = done(house, body)
    except HttpRefusal as refusal:
        stats.refused += 1
        stats.errors.append(refusal.code)
        return refusal.response()
    except ConnectionResetError:
        return web.Response(status=503)
    finally:
        stats.open -= 1
    return web.json_response({"output": output, "usage": {"count": 1}, "request_id": new_request_id()})


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as exc:
        raise invalid("the request body is not JSON") from exc
    if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
        raise invalid("input is required")
    return body


def _done(house: House, body: dict[str, Any]) -> dict[str, Any]:
    if body.get("model") != "voice-enrollment":
        raise HttpRefusal(404, "Model not exist.")
    asked = body["input"]
    match asked.get("action"):
        case "create_voice":
            return {"voice_id": _created(house, asked).voice_id}
        case "list_voice":
            return {"voice_list": page(asked, [_row(voice) for voice in _listed(house, asked)])}
        case "query_voice":
            voice = _known(house, asked)
            return {**_dates(voice), "resource_link": voice.url, "target_model": voice.target_model}
        case "update_voice":
            voice = _known(house, asked)
            voice.url, voice.modified = _address(asked), now()
            return {}
        case "delete_voice":
            house.voices.remove(_known(house, asked).voice_id)
            return {}
        case other:
            raise invalid(f"unknown action: {other}")


def _created(house: House, asked: dict[str, Any]) -> ClonedVoice:
    model, prefix = asked.get("target_model"), asked.get("prefix")
    if model not in MODELS:
        raise invalid("target_model is invalid")
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise invalid("prefix is invalid")
    limits = house.script.limits
    return house.voices.add(
        model, prefix, _address(asked), limits.voice_deploy_ms / 1000, rejected=limits.voices_rejected
    )


def _listed(house: House, asked: dict[str, Any]) -> list[ClonedVoice]:
    prefix = asked.get("prefix")
    return house.voices.with_prefix(prefix if isinstance(prefix, str) else "")


def page(asked: dict[str, Any], rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The part of the rows that is asked for."""
    index, size = (_whole(asked, key, default) for key, default in (("page_index", 0), ("page_size", 10)))
    return rows[index * size : (index + 1) * size]


def _known(house: House, asked: dict[str, Any]) -> ClonedVoice:
    voice = house.voices.get(str(asked.get("voice_id")))
    if voice is None:
        raise HttpRefusal(400, "The voice does not exist.", "BadRequest.ResourceNotExist")
    return voice


def _address(asked: dict[str, Any]) -> str:
    url = asked.get("url")
    if not isinstance(url, str) or not _ADDRESS.fullmatch(url):
        raise invalid("url is invalid")
    return url


def _whole(asked: dict[str, Any], key: str, default: int) -> int:
    value = asked.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_PER_PAGE:
        raise invalid(f"{key} is invalid")
    return value


def _row(voice: ClonedVoice) -> dict[str, str]:
    return {"voice_id": voice.voice_id, **_dates(voice)}


def _dates(voice: ClonedVoice) -> dict[str, str]:
    return {"gmt_create": shown(voice.created), "gmt_modified": shown(voice.modified), "status": voice.status}


def invalid(reason: str) -> HttpRefusal:
    """What the service says of a request that makes no sense."""
    return HttpRefusal(400, reason, "InvalidParameter")
