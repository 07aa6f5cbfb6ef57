"""`/api/voices`: the library, to be read by everyone and changed by the operator."""

from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from backend.api.admin import granted, require_admin
from backend.api.answers import Refusal, checked, read_json
from backend.api.samples import SampleRoutes
from backend.providers import emotions
from backend.store.records import now_ms
from backend.store.voice_rows import VoiceRow
from backend.voices.bodies import NewVoice, VoiceChange, VoiceQuery
from backend.voices.cloning import CloneError, Cloning
from backend.voices.library import VoiceLibrary

_ID: Final = r"{id:[a-z]+\.[A-Za-z0-9_.-]{1,140}}"
_COLUMNS: Final = (
    *("id", "provider", "voice", "model", "language", "gender", "sample_text", "kind", "enabled", "status"),
    *("problem", "detail", "consent_ms", "created_ms", "changed_ms"),
)


class VoiceRoutes:
    """Answers for the library."""

    def __init__(self, library: VoiceLibrary, cloning: Cloning, samples: SampleRoutes) -> None:
        self._library = library
        self._cloning = cloning
        self._samples = samples

    def routes(self) -> list[web.RouteDef]:
        """The paths."""
        return [
            web.get("/api/voices", self._list),
            web.post("/api/voices", self._add),
            web.get(f"/api/voices/{_ID}", self._show),
            web.patch(f"/api/voices/{_ID}", self._change),
            web.delete(f"/api/voices/{_ID}", self._remove),
            web.get(f"/api/voices/{_ID}/sample", self._sample),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        granted(request)
        query = checked(VoiceQuery, dict(request.query))
        rows, total = await self._library.find(query.wish(), (query.page - 1) * query.size, query.size)
        page = {"page": query.page, "pages": -(-total // query.size), "size": query.size, "total": total}
        return web.json_response({"voices": [self._shown(row) for row in rows], **page})

    async def _show(self, request: web.Request) -> web.Response:
        granted(request)
        return web.json_response(self._shown(await self._row(request)))

    async def _add(self, request: web.Request) -> web.Response:
        require_admin(request)
        row = checked(NewVoice, await read_json(request)).row(now_ms())
        if not await self._library.add(row):
            raise Refusal(HTTPStatus.CONFLICT, f"there is a voice {row.id} already", field="voice")
        headers = {"Location": f"/api/voices/{row.id}"}
        return web.json_response(self._shown(row), status=HTTPStatus.CREATED, headers=headers)

    async def _change(self, request: web.Request) -> web.Response:
        require_admin(request)
        change = checked(VoiceChange, await read_json(request))
        row = await self._library.change(request.match_info["id"], change.columns())
        if row is None:
            raise _unknown()
        return web.json_response(self._shown(row))

    async def _remove(self, request: web.Request) -> web.Response:
        """A clone of DashScope's is deleted at the vendor first."""
        require_admin(request)
        row = await self._row(request)
        try:
            await self._cloning.remove(row)
        except CloneError as exc:
            raise Refusal(HTTPStatus.CONFLICT, str(exc), exc.problem) from exc
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _sample(self, request: web.Request) -> web.Response:
        """The voice's sample text, spoken by the service in use."""
        granted(request)
        row = await self._row(request)
        if not (row.enabled and self._library.is_usable(row)):
            raise Refusal(HTTPStatus.CONFLICT, "the service in use cannot speak this voice, or it is switched off")
        return await self._samples.spoken(request, row.voice, row.sample_text)

    async def _row(self, request: web.Request) -> VoiceRow:
        row = await self._library.get(request.match_info["id"])
        if row is None:
            raise _unknown()
        return row

    def _shown(self, row: VoiceRow) -> dict[str, Any]:
        return shown(row) | {"usable": row.enabled and self._library.is_usable(row)}


def shown(row: VoiceRow) -> dict[str, Any]:
    """A voice as JSON."""
    return {
        **{name: getattr(row, name) for name in _COLUMNS},
        "name": {"zh": row.name_zh, "en": row.name_en},
        "emotions": list(emotions.offered(row.provider, row.model, row.voice)),
        "sample": f"/api/voices/{row.id}/sample",
    }


def _unknown() -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, "there is no such voice")
