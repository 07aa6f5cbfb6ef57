"""Lists of hot words over HTTP: create, list, query, update and delete. No engine heeds them, but a record says which.

Source: docs "vocabulary-http-api"; the fact sheet's captured requests.
"""

import re
import uuid
from typing import Any, Final

from aiohttp import web

from emulator.dashscope import enrolment
from emulator.dashscope.access import HttpRefusal
from emulator.dashscope.voice_book import HotWords, now, shown
from emulator.house import House

PATH: Final = "/api/v1/services/audio/asr/customization"
MOST_LISTS: Final = 10

_PREFIX: Final = re.compile(r"[a-z0-9]{1,10}")
_MOST_WORDS: Final = 500
_MOST_CHARS: Final = 15
_MOST_PARTS: Final = 7


async def serve(house: House, request: web.Request) -> web.Response:
    """One request."""
    return await enrolment.answered(house, request, _done)


def heeded(house: House, vocabulary_id: str, model: str) -> list[str]:
    """The words that a recognition with this list expects; a wrong list has no effect, and nobody is told."""
    known = house.vocabularies.get(vocabulary_id)
    return [word["text"] for word in known.words] if known is not None and known.target_model == model else []


def _done(house: House, body: dict[str, Any]) -> dict[str, Any]:
    if body.get("model") != "speech-biasing":
        raise HttpRefusal(404, "Model not exist.")
    asked = body["input"]
    match asked.get("action"):
        case "create_vocabulary":
            return {"vocabulary_id": _created(house, asked)}
        case "list_vocabulary":
            prefix = asked.get("prefix") or ""
            found = [each for each in house.vocabularies.values() if prefix in ("", each.prefix)]
            shown_ones = [{"vocabulary_id": each.vocabulary_id, **_dates(each)} for each in reversed(found)]
            return {"vocabulary_list": enrolment.page(asked, shown_ones)}
        case "query_vocabulary":
            known = _known(house, asked)
            return {"vocabulary": known.words, "target_model": known.target_model, **_dates(known)}
        case "update_vocabulary":
            known = _known(house, asked)
            known.words, known.modified = _words(asked), now()
            return {}
        case "delete_vocabulary":
            del house.vocabularies[_known(house, asked).vocabulary_id]
            return {}
        case other:
            raise enrolment.invalid(f"unknown action: {other}")


def _created(house: House, asked: dict[str, Any]) -> str:
    model, prefix = asked.get("target_model"), asked.get("prefix")
    if not isinstance(model, str) or not model:
        raise enrolment.invalid("target_model is invalid")
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise enrolment.invalid("prefix is invalid")
    if len(house.vocabularies) >= MOST_LISTS:
        raise HttpRefusal(429, "Too many vocabularies.", "Throttling.AllocationQuota")
    made = HotWords(f"vocab-{prefix}-{uuid.uuid4().hex}", prefix, model, _words(asked))
    house.vocabularies[made.vocabulary_id] = made
    return made.vocabulary_id


def _words(asked: dict[str, Any]) -> list[dict[str, Any]]:
    words = asked.get("vocabulary")
    if not isinstance(words, list) or len(words) > _MOST_WORDS or not all(map(_is_word, words)):
        raise enrolment.invalid("vocabulary is invalid")
    return words


def _is_word(word: object) -> bool:
    if not isinstance(word, dict) or not isinstance(text := word.get("text"), str) or not text.strip():
        return False
    fits = len(text.split()) <= _MOST_PARTS if text.isascii() else len(text) <= _MOST_CHARS
    return fits and word.get("weight") in range(1, 6)


def _known(house: House, asked: dict[str, Any]) -> HotWords:
    known = house.vocabularies.get(str(asked.get("vocabulary_id")))
    if known is None:
        raise HttpRefusal(400, "The vocabulary does not exist.", "BadRequest.ResourceNotExist")
    return known


def _dates(known: HotWords) -> dict[str, str]:
    return {"gmt_create": shown(known.created), "gmt_modified": shown(known.modified), "status": "OK"}
