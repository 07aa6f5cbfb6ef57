"""Which voices the page offers for a persona, and what each sounds like."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from aiohttp import web

from backend.api.admin import granted
from backend.api.answers import Refusal
from backend.cast import Cast
from backend.persona.card import Voice
from backend.providers import emotions
from backend.store.voice_rows import VoiceRow
from backend.voices.library import VoiceLibrary
from backend.voices.speaking import Samples, TooManySamples


class SampleRoutes:
    """The page's voices. In its answers a voice's `id` is what `BotUpdateConfig` takes as `speaker`."""

    def __init__(self, cast: Cast, library: VoiceLibrary, samples: Samples) -> None:
        self._cast = cast
        self._library = library
        self._samples = samples

    def routes(self) -> list[web.RouteDef]:
        """The paths."""
        return [
            web.get("/api/personas/{persona}/voices", self._offered),
            web.get("/api/personas/{persona}/voices/{speaker}/sample", self._hers),
        ]

    async def spoken(self, request: web.Request, speaker: str, text: str) -> web.Response:
        """The sound of it, for whoever may call.

        Raises:
            Refusal: 429, too many were made of late.
            HTTPException: it may not call.
        """
        granted(request)
        try:
            sound = await self._samples.mp3(speaker, text)
        except TooManySamples as exc:
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, str(exc), retry_after_s=exc.wait_s) from exc
        return web.Response(body=sound, content_type="audio/mpeg", headers={"Cache-Control": "private, max-age=3600"})

    async def _offered(self, request: web.Request) -> web.Response:
        """Her own voices, then all others of the service in use; and how she speaks unless asked otherwise."""
        granted(request)
        card = self._cast.card(request.match_info["persona"])
        own = [voice for voice in self._cast.voices(card.id) if not self._library.is_off(voice.id)]
        ids = {voice.id for voice in own}
        others = [_offer(row) for row in self._library.offered() if row.voice not in ids]
        body = {"default": self._cast.usual_voice(card.id), "speech": asdict(card.speech)}
        return web.json_response(body | {"voices": [*(self._own(card.id, voice) for voice in own), *others]})

    async def _hers(self, request: web.Request) -> web.Response:
        """A line of the persona's in one of her voices."""
        card = self._cast.card(request.match_info["persona"])
        speaker = request.match_info["speaker"]
        if speaker not in {voice.id for voice in self._cast.voices(card.id)}:
            raise Refusal(HTTPStatus.NOT_FOUND, "there is no such voice for this persona")
        return await self.spoken(request, speaker, card.greeting or card.examples[0].answer)

    def _own(self, persona: str, voice: Voice) -> dict[str, Any]:
        """One of her card's; where the library has it, with the names that it has there."""
        row = self._library.known(voice.id)
        sample = f"/api/personas/{persona}/voices/{voice.id}/sample"
        if row is not None:
            return _offer(row) | {"own": True, "sample": sample}
        felt = emotions.offered(self._library.provider, self._library.model, voice.id)
        named = {"id": voice.id, "name": {"zh": voice.name, "en": voice.name}, "kind": "stock", "own": True}
        return named | {
            "language": voice.language,
            "gender": voice.gender,
            "emotions": list(felt),
            "sample": sample,
        }


def _offer(row: VoiceRow) -> dict[str, Any]:
    return {
        "id": row.voice,
        "name": {"zh": row.name_zh, "en": row.name_en},
        "language": row.language,
        "gender": row.gender,
        "kind": row.kind,
        "own": False,
        "emotions": list(emotions.offered(row.provider, row.model, row.voice)),
        "sample": f"/api/voices/{row.id}/sample",
    }
