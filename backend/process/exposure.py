"""A server that others can reach starts only with a lock on its door."""

from typing import Final

from backend.access.origins import is_loopback
from backend.access.settings import MAKE_ONE, AccessSettings
from backend.errors import ConfigError
from backend.settings import Settings

MIN_TOKEN_CHARS: Final = 16


def refuse_open(settings: Settings) -> None:
    """Stop a start that would let strangers in.

    Raises:
        ConfigError: it listens beyond this machine, and wants no token; or one can be guessed, wherever it listens, for
            the network may come in through a proxy.
    """
    _refuse_short(settings.access)
    if settings.needs_emulator and not is_loopback(settings.emulator.address.host):
        raise ConfigError(
            f"EMULATOR_HOST={settings.emulator.address.host} would let the network in, and the emulator knows no "
            "tokens: leave it on 127.0.0.1"
        )
    places = {"CALL_HOST": settings.call_address.host, "WEB_HOST": settings.web_address.host}
    name = next((name for name, host in places.items() if not is_loopback(host)), None)
    if name is None:
        return
    if not settings.access.token_wanted:
        raise ConfigError(
            f"{name}={places[name]} lets the network in, and nobody would need a token: set ACCESS_TOKEN or "
            f"TOKEN_SECRET ({MAKE_ONE}), or listen on 127.0.0.1"
        )


def _refuse_short(access: AccessSettings) -> None:
    for which, token in (("ACCESS_TOKEN", access.access_token), ("ADMIN_TOKEN", access.admin_token)):
        if token and len(token) < MIN_TOKEN_CHARS:
            raise ConfigError(f"{which} can be guessed: it needs {MIN_TOKEN_CHARS} characters or more ({MAKE_ONE})")
