"""The page and what it asks: files, `/healthz`, `/metrics`, `/api/…`."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from backend.access.door import Door
from backend.access.keys import Grant
from backend.api.admin import DOOR, STATUS, granted, refused, require_admin, visit
from backend.api.answers import Refusal
from backend.api.headers import CALL_PORT, call_servers, with_headers
from backend.cast import Cast
from backend.errors import RETRY_AFTER_S, CardError, ProviderError, StoreError
from backend.persona.card import Card
from backend.process.readiness import Verdict
from backend.protocol.events import CALL_PATH
from backend.telemetry.readings import Readings
from backend.version import VERSION
from backend.voices.cloning import SAMPLES_PATH

log = logging.getLogger(__name__)

DIST: Final = Path(__file__).resolve().parents[1] / "frontend" / "dist"
_API: Final = "/api/"
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Web:
    """The page's server.

    Args:
        cast: the personas.
        call_port: where calls are taken.
        call_url: where the page is to call instead, see `backend.config.call_url`.
        services: what each stage runs on, as `compose.labels` says it.
        readings: how the calls stand.
        door: judges who asks; without one everybody may call.
        readiness: whether further calls should be sent here.
        forget: deletes a conversation of somebody's, or nobody's; whether there was one.
        exposition: the metrics and their content type; None where there are none.
        more: further paths.
    """

    def __init__(
        self,
        cast: Cast,
        *,
        call_port: int,
        call_url: str = "",
        services: dict[str, dict[str, str]],
        readings: Callable[[], Readings],
        readiness: Callable[[], Verdict],
        forget: Callable[[str, str], Awaitable[bool]],
        exposition: Callable[[], tuple[bytes, str]] | None = None,
        door: Door | None = None,
        more: Sequence[web.RouteDef] = (),
        dist: Path = DIST,
    ) -> None:
        self._cast = cast
        self._call_port = call_port
        self._call_url = call_url
        self._services = services
        self._readings = readings
        self._door = door or Door()
        self._readiness = readiness
        self._forget = forget
        self._exposition = exposition
        self._more = more
        self._dist = dist

    def app(self) -> web.Application:
        """The application, to be run by an `AppRunner`."""
        app = web.Application(middlewares=[_guarded])
        app[DOOR] = self._door
        app[CALL_PORT] = self._call_port
        app.on_response_prepare.append(with_headers)
        app.add_routes(
            [
                web.get("/healthz", self._health),
                web.get("/readyz", self._ready),
                web.get("/metrics", self._metrics),
                web.get("/api/config", self._config),
                web.get("/api/admission", self._admission),
                web.get("/api/personas", self._personas),
                web.get("/api/personas/{persona}/avatar.svg", self._avatar),
                *self._more,
                web.delete("/api/conversations/{sid:[A-Za-z0-9_-]{1,64}}", self._delete_conversation),
                web.get("/{path:.*}", self._file),
            ]
        )
        return app

    async def _health(self, _request: web.Request) -> web.Response:
        """It is well as long as it answers; `accepting` says whether it would take a further call."""
        now = self._readings()
        return web.json_response(
            {
                "status": "ok",
                "version": VERSION,
                "calls": now.calls,
                "accepting": now.accepting,
                "loop_lag_ms": round(now.loop_lag_ms, 1),
            }
        )

    async def _ready(self, _request: web.Request) -> web.Response:
        """200 where further calls should be sent here, else 503 with the reason."""
        verdict = self._readiness()
        body = {"ready": not verdict.reason, "reason": verdict.reason or None, **verdict.facts}
        headers = {"Retry-After": str(RETRY_AFTER_S)} if verdict.reason else None
        return web.json_response(body, status=503 if verdict.reason else 200, headers=headers)

    async def _metrics(self, request: web.Request) -> web.Response:
        require_admin(request)
        if self._exposition is None:
            raise web.HTTPNotFound(text="metrics are switched off (METRICS)\n")
        body, content_type = self._exposition()
        return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    async def _config(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "version": VERSION,
                "call": {"url": self._call_url or None, "port": self._call_port, "path": CALL_PATH}
                | {"servers": list(call_servers(request))},
                "persona": _summary(self._cast.card()),
                "services": self._services,
                "offline_stand_in": "stand-in" in self._services["llm"]["label"],
            }
        )

    async def _admission(self, request: web.Request) -> web.Response:
        """Whether a call would be taken: 204, 401, 429 or 503. A browser cannot see how its handshake was refused."""
        judged = self._door.judge(visit(request))
        if isinstance(judged, Grant) and self._door.crowd.is_full(self._door.address(visit(request))):
            judged = "crowded"
        if isinstance(judged, Grant):
            status = HTTPStatus.NO_CONTENT if self._readings().accepting else HTTPStatus.SERVICE_UNAVAILABLE
        else:
            status = STATUS[judged]
        later = status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
        return web.Response(status=status, headers={"Retry-After": str(RETRY_AFTER_S)} if later else None)

    async def _delete_conversation(self, request: web.Request) -> web.Response:
        """Whoever began a conversation may delete it: 204, or 404 where there is none of theirs."""
        grant, sid = granted(request), request.match_info["sid"]
        known = grant.opens(sid) and await self._forget(sid, grant.owner)
        return web.Response(status=HTTPStatus.NO_CONTENT if known else HTTPStatus.NOT_FOUND)

    async def _personas(self, request: web.Request) -> web.Response:
        granted(request)
        cards = [_summary(card) for card in self._cast.shelf.all()]
        return web.json_response({"default": self._cast.card().id, "personas": cards})

    async def _avatar(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self._cast.shelf.avatar(request.match_info["persona"]))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """A file of the built page; anything that is none is the page itself for `/`, else 404."""
        relative = request.match_info["path"] or "index.html"
        path = self._inside(relative)
        if path is None:
            if relative == "index.html":
                return web.Response(status=503, text="The page is not built yet: run `make run`.\n")
            raise web.HTTPNotFound(text="not here\n")
        hashed = path.parent.name == "assets"
        caching = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return web.FileResponse(path, headers={"Cache-Control": caching})

    def _inside(self, relative: str) -> Path | None:
        """The file of that name, if it is one of the page's."""
        try:
            path = (self._dist / relative).resolve()
            return path if path.is_relative_to(self._dist.resolve()) and path.is_file() else None
        except (OSError, ValueError):  # no name that a file could have
            return None


def _summary(card: Card) -> dict[str, Any]:
    return {
        "id": card.id,
        "name": card.name,
        "name_latin": card.name_latin,
        "language": card.language,
        "tagline": asdict(card.tagline),
        "avatar": f"/api/personas/{card.id}/avatar.svg",
    }


@web.middleware
async def _guarded(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Our errors as plain answers; no stack trace leaves. What changes something is not for a stranger's page."""
    if visit(request).is_malformed:
        raise refused("malformed")
    if not _admitted(request):
        raise refused("origin")
    try:
        return await handler(request)
    except Refusal as exc:
        return exc.response()
    except CardError:
        return web.json_response({"error": "no such persona"}, status=404)
    except StoreError as exc:
        log.warning("web.store_failed", extra={"reason": str(exc)})
        body = {"error": "the database is not there; please try again"}
        return web.json_response(body, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    except ProviderError as exc:
        log.warning("web.provider_failed", extra={"code": exc.code, "vendor_code": exc.vendor_code})
        return web.json_response({"error": exc.code}, status=502)


def _admitted(request: web.Request) -> bool:
    door, asks = request.app[DOOR], visit(request)
    if request.path.startswith(_API) and not door.admits_to_api(asks, shared=request.path.startswith(SAMPLES_PATH)):
        return False
    return request.method in _READS or door.admits_origin(asks)
