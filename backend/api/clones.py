"""`/api/voices/clones`: a voice made from a recording; and the recording, for the vendor to fetch."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.multipart import MultipartReader

from backend.api.admin import granted, may_administer, require_admin
from backend.api.answers import Refusal, checked, read_json
from backend.api.voices import shown
from backend.voices import sample
from backend.voices.bodies import NewClone
from backend.voices.cloning import SAMPLES_PATH, CloneError, Cloning
from backend.voices.sample import Sample, SampleError

_FIELD_BYTES: Final = 4096
_FIELDS: Final = 16
_UPLOADS: Final = 4
_BUSY_S: Final = 5


class CloneRoutes:
    """Answers for clones."""

    def __init__(self, cloning: Cloning) -> None:
        self._cloning = cloning
        self._uploads = 0

    def routes(self) -> list[web.RouteDef]:
        """The paths. They come before those of the library."""
        return [
            web.get("/api/voices/clones", self._state),
            web.post("/api/voices/clones", self._begin),
            web.get(SAMPLES_PATH + r"{name:[A-Za-z0-9_-]{43}\.(?:wav|mp3|m4a)}", self._recording),
        ]

    async def _state(self, request: web.Request) -> web.Response:
        """What can be done here; and to those who may do it, how far their voices are."""
        granted(request)
        may = may_administer(request)
        rows = await self._cloning.all() if may else []
        body = {
            "possible": self._cloning.is_possible,
            "uploads": self._cloning.takes_uploads,
            "allowed": may,
            "bounds": {"bytes": sample.MOST_BYTES, "least_s": sample.LEAST_S, "most_s": sample.MOST_S},
            "voices": [shown(row) for row in rows],
        }
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def _begin(self, request: web.Request) -> web.Response:
        """202 with the voice as it begins; how it goes on is to be asked of it."""
        require_admin(request)
        fields, recording = await self._read(request)
        asked = checked(NewClone, fields)
        if (asked.url is None) == (recording is None):
            raise Refusal(HTTPStatus.BAD_REQUEST, "give either a recording or its url", field="url")
        try:
            row = await self._cloning.begin(asked.wish(), recording or asked.url or "")
        except (CloneError, SampleError) as exc:
            raise Refusal(HTTPStatus.CONFLICT, str(exc), exc.problem) from exc
        headers = {"Location": f"/api/voices/{row.id}"}
        return web.json_response(shown(row), status=HTTPStatus.ACCEPTED, headers=headers)

    async def _recording(self, request: web.Request) -> web.Response:
        """Whoever knows its name may have it, as long as it is there."""
        found = self._cloning.sample(request.match_info["name"])
        if found is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "not here, or no longer")
        return web.Response(body=found.data, content_type=found.content_type, headers={"Cache-Control": "no-store"})

    async def _read(self, request: web.Request) -> tuple[dict[str, Any], Sample | None]:
        if request.content_type != "multipart/form-data":
            return await read_json(request), None
        if self._uploads >= _UPLOADS:
            words = "other recordings are being sent; please try again"
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, words, retry_after_s=_BUSY_S)
        self._uploads += 1
        try:
            return await _form(await request.multipart())
        except (ValueError, HttpProcessingError) as exc:
            raise Refusal(HTTPStatus.BAD_REQUEST, "the form cannot be read") from exc
        finally:
            self._uploads -= 1


async def _form(reader: MultipartReader) -> tuple[dict[str, Any], Sample | None]:
    fields: dict[str, Any] = {}
    recording: Sample | None = None
    async for part in reader:
        if not isinstance(part, BodyPartReader) or not part.name or len(fields) >= _FIELDS:
            raise Refusal(HTTPStatus.BAD_REQUEST, "the form has parts that do not belong there")
        if part.name == "sample":
            recording = await _checked(await _read_part(part, sample.MOST_BYTES))
        else:
            fields[part.name] = (await _read_part(part, _FIELD_BYTES)).decode("utf-8")
    return fields, recording


async def _checked(data: bytes) -> Sample:
    try:
        return await asyncio.to_thread(sample.checked, data)
    except SampleError as exc:
        raise Refusal(HTTPStatus.BAD_REQUEST, str(exc), exc.problem, "sample") from exc


async def _read_part(part: BodyPartReader, most: int) -> bytes:
    """The part; no more than its bound is ever held."""
    data = bytearray()
    while chunk := await part.read_chunk():
        data += chunk
        if len(data) > most:
            words = f"{part.name}: larger than {most} bytes"
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words, "too_large", part.name or "")
    return bytes(data)
