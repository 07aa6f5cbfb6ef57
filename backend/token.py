"""`python -m backend.token`: makes a short-lived signed token, or a secret to sign tokens with.

The token alone is on standard output. `TOKEN_SECRET` comes from the environment or `.env`, never from the command line,
where every user of the machine could read it.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import jwt

from backend.access.keys import ALGORITHM
from backend.access.settings import MAKE_ONE, read_secrets
from backend.config.env import Env, environment
from backend.errors import ConfigError
from backend.protocol.events import is_sid

DEFAULT_S: Final = 3600
_SECRET_BYTES: Final = 48


def sign(secret: str, *, seconds: float, user: str = "", sid: str = "", admin: bool = False) -> str:
    """A token that is good from now on, for so long.

    Args:
        user: conversations belong to whoever has a token for the same user; empty for a user of its own.
        sid: the one conversation that it opens; empty for any.
        admin: whether it also opens what only the operator may see.
    """
    now = time.time()
    claims: dict[str, Any] = {"iat": int(now), "exp": int(now + seconds), "sub": user or secrets.token_hex(16)}
    if sid:
        claims["sid"] = sid
    if admin:
        claims["admin"] = True
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is asked for; the exit status."""
    asked = _parser().parse_args(arguments)
    if asked.new_secret:
        print(secrets.token_urlsafe(_SECRET_BYTES))
        return 0
    try:
        print(_token(asked))
    except ConfigError as exc:
        print(f"live voice call: {exc}", file=sys.stderr)
        return 1
    return 0


def _token(asked: argparse.Namespace) -> str:
    env = Env(environment())
    known = read_secrets(env)
    if not known:
        raise ConfigError(f"TOKEN_SECRET is not set; {MAKE_ONE}")
    most = env.number("TOKEN_MAX_SECONDS", 86_400, least=1)
    if not 0 < asked.seconds <= most:
        raise ConfigError(f"--seconds is 1 to {most:g}: the server refuses tokens that are good for longer")
    if asked.sid and not is_sid(asked.sid):
        raise ConfigError("--sid is 1 to 64 of A-Z a-z 0-9 - _")
    return sign(known[0], seconds=asked.seconds, user=asked.user, sid=asked.sid, admin=asked.admin)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.token", description="Make a short-lived access token.")
    parser.add_argument("--seconds", type=float, default=DEFAULT_S, help="how long it is good for (%(default)s)")
    parser.add_argument("--user", default="", help="whose it is: it opens what another of theirs began")
    parser.add_argument("--sid", default="", help="the one conversation that it opens")
    parser.add_argument("--admin", action="store_true", help="it also opens metrics and the like")
    parser.add_argument("--new-secret", action="store_true", help="print a fresh secret for TOKEN_SECRET instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
