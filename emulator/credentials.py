"""Who may use a service, by the headers of the vendor's two consoles."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from backend.protocol.json_text import json_bytes
from emulator.script import Script

AUTHENTICATION_FAILED = 45000010
NOT_GRANTED = 45000030


@dataclass(frozen=True, slots=True)
class Refusal:
    """An upgrade that is answered with an HTTP error."""

    status: int
    code: int
    message: str

    def response(self, request_id: str, log_id: str) -> web.Response:
        """As the vendor's gateway answers."""
        body = {"header": {"reqid": request_id, "code": self.code, "message": self.message}}
        headers = {"X-Api-Status-Code": str(self.code), "X-Api-Message": self.message, "X-Tt-Logid": log_id}
        return web.Response(status=self.status, body=json_bytes(body), content_type="application/json", headers=headers)


def speech_refusal(headers: Mapping[str, str], resources: frozenset[str], script: Script) -> Refusal | None:
    """Check a speech service's handshake: one of the two credential styles, and a resource of this service."""
    if refusal := _key_refusal(headers, script):
        return refusal
    resource = headers.get("X-Api-Resource-Id", "")
    if resource not in resources:
        return Refusal(403, NOT_GRANTED, f"[resource_id={resource}] requested resource not granted")
    return None


def _key_refusal(headers: Mapping[str, str], script: Script) -> Refusal | None:
    if key := headers.get("X-Api-Key", ""):
        return None if _accepted(key, script) else Refusal(401, AUTHENTICATION_FAILED, "Invalid X-Api-Key")
    app = headers.get("X-Api-App-Key") or headers.get("X-Api-App-Id", "")
    token = headers.get("X-Api-Access-Key", "")
    if app and token and _accepted(token, script):
        return None
    return Refusal(401, AUTHENTICATION_FAILED, "load grant: requested grant not found")


def _accepted(key: str, script: Script) -> bool:
    return not script.keys or key in script.keys
