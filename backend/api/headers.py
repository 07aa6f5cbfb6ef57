"""What every answer to a browser says about how to treat it."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from backend.api.admin import DOOR

CALL_PORT: Final = web.AppKey("call_port", int)
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "media-src 'self' blob:; connect-src {}; worker-src 'self' blob:; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "live-voice-call",
}
_STAY_SECURE: Final = "max-age=31536000"


def call_servers(request: web.Request) -> Sequence[str]:
    """Where the page that asks may open a WebSocket, besides its own origin."""
    return request.app[DOOR].call_servers(request.headers.get("Host", ""), request.app[CALL_PORT])


async def with_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put them on an answer that is about to go."""
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = _POLICY.format(" ".join(("'self'", *call_servers(request))))
    if request.secure:
        response.headers["Strict-Transport-Security"] = _STAY_SECURE
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
