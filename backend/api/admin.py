"""Who asks the page's server: a visitor, a caller with a token, or the operator."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from backend.access.door import Door, Objection, Visit, peer_of
from backend.access.keys import Grant
from backend.errors import RETRY_AFTER_S

DOOR: Final = web.AppKey("door", Door)


def visit(request: web.Request) -> Visit:
    """What the request says of itself."""
    transport = request.transport
    peer = peer_of(transport.get_extra_info("peername") if transport is not None else None)
    return Visit(peer, lambda name: request.headers.getall(name, []))


def may_administer(request: web.Request) -> bool:
    """Whether it comes from the operator: with an admin's token, or from this machine where nothing else is set.

    Never by default from anywhere else: everything that costs money, shows what calls cost or changes what callers
    hear asks this first.
    """
    return request.app[DOOR].may_administer(visit(request))


def granted(request: web.Request) -> Grant:
    """What the caller may do.

    Raises:
        web.HTTPException: 401 without a token that is good, 429 after too many that were not.
    """
    judged = request.app[DOOR].judge(visit(request))
    if isinstance(judged, Grant):
        return judged
    raise refused(judged)


def require_admin(request: web.Request) -> None:
    """Let the operator pass.

    Raises:
        web.HTTPException: 403 for everybody else, with the remedy.
    """
    if not may_administer(request):
        raise web.HTTPForbidden(text="only with ADMIN_TOKEN as the bearer token (docs/security.md)\n")


def refused(objection: Objection) -> web.HTTPException:
    """The answer to it."""
    if objection == "malformed":
        return web.HTTPBadRequest(text="a header came twice that may come once\n")
    if objection == "origin":
        return web.HTTPForbidden(text="not for this page, or not under this name (ALLOWED_ORIGINS, PUBLIC_URL)\n")
    if objection == "unauthorized":
        return web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"}, text="an access token is needed\n")
    return web.HTTPTooManyRequests(headers={"Retry-After": str(RETRY_AFTER_S)}, text="too often\n")


STATUS: Final[dict[Objection, HTTPStatus]] = {
    "malformed": HTTPStatus.BAD_REQUEST,
    "origin": HTTPStatus.FORBIDDEN,
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "hurried": HTTPStatus.TOO_MANY_REQUESTS,
    "crowded": HTTPStatus.TOO_MANY_REQUESTS,
}
