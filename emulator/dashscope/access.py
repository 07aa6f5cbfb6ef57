"""Who may use DashScope, and how it says no over HTTP."""

import uuid
from collections.abc import Mapping

from aiohttp import web

from emulator.house import House
from emulator.script import Fault, Kind, Script, Service

_CODES = {401: "InvalidApiKey", 403: "AccessDenied", 404: "ModelNotFound", 429: "Throttling.RateQuota"}
_BAD_KEY = "Invalid API-key provided."


class HttpRefusal(Exception):  # noqa: N818 - it is what the service says
    """The request, or the handshake, is answered with an HTTP error."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or _CODES.get(status, "InternalError")

    def response(self) -> web.Response:
        """The native API's error object."""
        body = {"code": self.code, "message": self.message, "request_id": new_request_id()}
        return web.json_response(body, status=self.status)


def new_request_id() -> str:
    """An id of the vendor's shape."""
    return str(uuid.uuid4())


def has_key(headers: Mapping[str, str], script: Script) -> bool:
    """Whether the request shows a key that is accepted: `Bearer` in any case, or the bare key."""
    scheme, _, key = headers.get("Authorization", "").strip().rpartition(" ")
    return (
        key.lower() not in ("", "bearer")
        and scheme.lower() in ("", "bearer")
        and (not script.keys or key in script.keys)
    )


async def admit(house: House, service: Service, request: web.Request) -> Fault | None:
    """Let a request in, or not, as the script and the key have it; with the fault that it then has all the same.

    Raises:
        HttpRefusal: it is refused.
        ConnectionResetError: it was never answered, and the client has gone.
    """
    fault: Fault | None = house.prompter.fault(service, connecting=True)
    if fault is not None and fault.kind is Kind.CONNECT_STALL:
        house.stats.struck(fault)
        await house.until_gone(request)
        raise ConnectionResetError
    if fault is not None and fault.kind is Kind.REFUSE:
        house.stats.struck(fault)
        raise HttpRefusal(fault.status, fault.message, str(fault.code or ""))
    if not has_key(request.headers, house.script):
        raise HttpRefusal(401, _BAD_KEY)
    return fault
