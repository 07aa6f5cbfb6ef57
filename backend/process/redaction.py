"""The last line of defence: what is secret leaves no log, wherever a library or an error has put it."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, unquote, urlsplit

HIDDEN: Final = "***"
_MIN_CHARS: Final = 6
"""Shorter values are words that logs have anyway."""
_NAMES: Final = re.compile(r"KEY$|TOKEN$|SECRET|PASSWORD|HEADERS$|ACCESSKEY")
_SHAPES: Final = re.compile(
    r"(?P<bearer>\b[Bb]earer\s+)[\w.~+/=-]{6,}"  # an Authorization header
    r"|(?P<offer>\btoken\.)[\w-]{6,}"  # a browser's token, as a subprotocol
    r"|(?P<sign>\bSignature=)[0-9a-f]{16,}"  # of a request to an account's API
    r"|\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]{4,}"  # a signed token
)


def secrets_of(values: Mapping[str, str]) -> tuple[str, ...]:
    """The values of an environment that nobody is to read, in the spellings that they may turn up in."""
    named = [value for name, value in values.items() if _NAMES.search(name) and name != "TLS_KEY"]
    parts = [part.strip() for value in named for part in re.split(r"[,=]", value)]
    passwords = [unquote(word) for name, value in values.items() if name.endswith("URL") and (word := _password(value))]
    secrets = {secret for secret in (*named, *parts, *passwords) if len(secret) >= _MIN_CHARS}
    spelt = {spelling for secret in secrets for spelling in _spellings(secret)}
    return tuple(sorted(spelt, key=len, reverse=True))


class Redactor:
    """Args: `secrets`, as `secrets_of` finds them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = "|".join(re.escape(secret) for secret in secrets)
        self._known = re.compile(known) if known else None

    def clean(self, text: str) -> str:
        """The text without secrets, those of the environment and whatever else looks like a token."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _SHAPES.sub(lambda found: (found["bearer"] or found["offer"] or found["sign"] or "") + HIDDEN, text)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def _spellings(secret: str) -> tuple[str, ...]:
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    in_json = json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]
    return secret, quote(secret, safe=""), encoded, encoded.replace("+", "-").replace("/", "_"), *in_json
