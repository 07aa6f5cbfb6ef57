"""Where a caller's access token stands in a request."""

import base64
import binascii
from collections.abc import Iterable
from typing import Final

_OFFER_PREFIX: Final = "token."


def bearer(authorization: str) -> str:
    """The token of an `Authorization` header, or nothing."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def offered(subprotocols: Iterable[str]) -> str:
    """The token among the `Sec-WebSocket-Protocol` headers, as `token.BASE64URL`: all that a browser can send."""
    for header in subprotocols:
        for offer in header.split(","):
            if (name := offer.strip()).startswith(_OFFER_PREFIX):
                return _from_base64url(name.removeprefix(_OFFER_PREFIX))
    return ""


def _from_base64url(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
