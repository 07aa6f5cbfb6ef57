"""What a token opens: the server's own static one, or a short-lived signed one (JWT, HMAC-SHA256)."""

import hashlib
import hmac
import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

MAX_TOKEN_CHARS: Final = 4096
ALGORITHM: Final = "HS256"
_LEEWAY_S: Final = 5


@dataclass(frozen=True, slots=True)
class Grant:
    """What its holder may do.

    Attributes:
        owner: stands for whoever holds the token, and does not give the token away; empty where none is wanted.
        sid: the one conversation that the token is for; None for any.
        admin: whether what only the operator may see is open, too.
    """

    owner: str = ""
    sid: str | None = None
    admin: bool = False

    def opens(self, sid: str | None) -> bool:
        """Whether a call for this conversation, or for a new one, is within the grant."""
        return self.sid is None or sid is None or sid == self.sid


EVERYBODY: Final = Grant()


class Keys:
    """Tells what a token is worth; every comparison takes the same time, whatever is compared.

    Args:
        access_token: one for everybody; empty for none.
        secrets: of signed tokens; any of them proves one.
        admin_token: opens what only the operator may see; empty for none.
        max_s: a signed token that is good for longer is refused.
    """

    def __init__(
        self, access_token: str = "", secrets: Sequence[str] = (), admin_token: str = "", max_s: float = 86_400
    ) -> None:
        self._access_token = access_token
        self._secrets = tuple(secrets)
        self._admin_token = admin_token
        self._max_s = max_s

    @property
    def wanted(self) -> bool:
        """Whether a caller has to present a token."""
        return bool(self._access_token or self._secrets)

    def grant(self, token: str) -> Grant | None:
        """What the token opens for a caller; None for nothing."""
        if len(token) > MAX_TOKEN_CHARS:
            return None
        if _same(token, self._admin_token):
            return Grant(_digest("token", token), admin=True)
        if not self.wanted:
            return EVERYBODY
        if _same(token, self._access_token):
            return Grant(_digest("token", token))
        return self._signed(token)

    def is_guess(self, token: str) -> bool:
        """Whether a token is none of those that there are, though without one this caller might come in."""
        return bool(token and self._admin_token) and self.grant(token) in {None, EVERYBODY}

    def is_admin(self, token: str) -> bool:
        """Whether the token opens what only the operator may see."""
        grant = self.grant(token)
        return grant is not None and grant.admin

    def _signed(self, token: str) -> Grant | None:
        if not self._secrets or token.count(".") != 2:
            return None
        claims = next((found for secret in self._secrets if (found := _claims(token, secret)) is not None), None)
        if claims is None or claims["exp"] - time.time() > self._max_s + _LEEWAY_S:
            return None
        subject, sid = claims.get("sub"), claims.get("sid")
        if sid is not None and not isinstance(sid, str):
            return None
        owner = _digest("subject", subject) if subject else _digest("token", token)
        return Grant(owner, sid, claims.get("admin") is True)


def _claims(token: str, secret: str) -> dict[str, Any] | None:
    jwt = importlib.import_module("jwt")  # 20 MB with the cryptography that it finds, for those alone who sign tokens
    try:
        claims: dict[str, Any] = jwt.decode(
            token, secret, algorithms=[ALGORITHM], options={"require": ["exp"]}, leeway=_LEEWAY_S
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return claims


def _same(token: str, secret: str) -> bool:
    alike = hmac.compare_digest(token.encode(errors="replace"), secret.encode())
    return alike and bool(secret)


def _digest(kind: str, text: str) -> str:
    """For a column of the database: who reads it learns no token."""
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16, person=kind.encode()).hexdigest()
