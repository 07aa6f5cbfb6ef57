"""How the HTTP API says no, and how it reads what it is sent."""

from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web

from backend.shapes import MisshapenError, shaped
from backend.voices.bodies import fault

_Model = TypeVar("_Model")


class Refusal(Exception):  # noqa: N818 - it is what the server says
    """The request is answered with an error.

    Args:
        words: for people.
        code: a stable word; that of the status unless given.
        field: what of the body or the query is wrong; empty where it is something else.
    """

    def __init__(
        self, status: HTTPStatus, words: str, code: str = "", field: str = "", retry_after_s: int | None = None
    ) -> None:
        super().__init__(words)
        self._status = status
        self._body = {"error": words, "code": code or status.phrase.replace(" ", "")}
        self._body |= {"field": field} if field else {}
        self._headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}

    def response(self) -> web.Response:
        """As JSON."""
        return web.json_response(self._body, status=self._status, headers=self._headers)


def checked(model: type[_Model], value: Any) -> _Model:
    """The value as what it should be.

    Raises:
        Refusal: 400, with the first field that is wrong.
    """
    try:
        return shaped(model, value)
    except MisshapenError as exc:
        field, reason = fault(exc)
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{field}: {reason}", field=field) from exc


async def read_json(request: web.Request) -> Any:
    """The request's body.

    Raises:
        Refusal: 415, it does not say that it is JSON; 400, it is none.
    """
    if request.content_type != "application/json":
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body has to be application/json")
    try:
        return await request.json()
    except (ValueError, RecursionError) as exc:
        raise Refusal(HTTPStatus.BAD_REQUEST, "the body is not JSON") from exc
