"""The certificate that both ports show."""

import ssl
from pathlib import Path
from typing import Final

from backend.access.settings import SocketLimits, TlsSettings
from backend.errors import ConfigError

_HANDSHAKE_S: Final = 3.0


def tls_handshake_s(limits: SocketLimits) -> float:
    """How long a TLS handshake may take: no longer than the request after it may, and short, as nobody has to think."""
    return min(_HANDSHAKE_S, limits.handshake_s)


def tls(settings: TlsSettings) -> ssl.SSLContext | None:
    """The certificate and its key, ready to be shown; None where there are none.

    Raises:
        ConfigError: they cannot be read, or do not belong together.
    """
    if not settings.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for name, path in (("TLS_CERT", settings.certificate), ("TLS_KEY", settings.key)):
        if not Path(path).is_file():
            raise ConfigError(f"{name}={path} is no file")
    try:
        context.load_cert_chain(settings.certificate, settings.key, password="")
    except (ssl.SSLError, OSError, ValueError) as exc:
        raise ConfigError(
            f"TLS_CERT={settings.certificate} and TLS_KEY={settings.key} are no certificate with its key: two PEM "
            "files are wanted, the key without a password"
        ) from exc
    return context
