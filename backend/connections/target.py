"""What a handshake asks for: the path at which calls are taken, and the parameters of its query."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from backend.protocol.events import CALL_PATH

PATHS: Final = frozenset({CALL_PATH, "/"})


def parameters_of(target: str) -> Mapping[str, str] | None:
    """What the query of a request's target asks for; None where no calls are taken.

    Of a parameter that comes twice it is the last.
    """
    try:
        address = urlsplit(target)
    except ValueError:  # no address at all, such as `//[`
        return None
    return dict(parse_qsl(address.query, keep_blank_values=True)) if address.path in PATHS else None
