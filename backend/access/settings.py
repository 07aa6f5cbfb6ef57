"""What an operator says about who may come in."""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from backend.access.call_servers import read_call_servers
from backend.access.origins import ANY
from backend.config.env import Env
from backend.errors import ConfigError

MIN_SECRET_BYTES: Final = 32
"""HMAC-SHA256 is as strong as its key; RFC 7518 asks for as many bytes as the hash has."""
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A name that a header can have: RFC 9110, section 5.1."""
MAKE_ONE: Final = "`python -m backend.token --new-secret` makes one"


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Who may come in, and how often.

    Attributes:
        access_token: one for everybody; empty for none.
        token_secrets: the first signs tokens, any of them proves one; empty for none.
        admin_token: opens what only the operator may see; empty leaves that to this machine where `is_private`.
        token_max_s: a signed token that is good for longer is refused.
        origins: of pages that may call besides the server's own; `*` for all.
        trusted_proxies: whose `X-Forwarded-For` is believed.
        calls_per_address: connections of one address at once.
        handshakes_per_s, handshake_burst: of one address, in the long run and at once.
        sid_header: with which a proxy before several servers proposes the id of a new conversation; empty for none.
        public: `PUBLIC_URL` and `CALL_URL`, as far as they are set: addresses, or a path, under which others come.
        call_servers: where the page may call besides its own host, as its content security policy has them.
    """

    access_token: str = field(default="", repr=False)
    token_secrets: tuple[str, ...] = field(default=(), repr=False)
    admin_token: str = field(default="", repr=False)
    token_max_s: float = 86_400.0
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    calls_per_address: int = 50
    handshakes_per_s: float = 10.0
    handshake_burst: int = 100
    sid_header: str = ""
    public: tuple[str, ...] = ()
    call_servers: tuple[str, ...] = ()

    @property
    def token_wanted(self) -> bool:
        """Whether a caller has to present one."""
        return bool(self.access_token or self.token_secrets)

    @property
    def is_private(self) -> bool:
        """Whether nothing that is set says that others come, too: then who is on this machine is the operator."""
        return not (self.token_wanted or self.admin_token or self.trusted_proxies or self.public)


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Bounds of one socket.

    Attributes:
        waiting: sockets that have not finished their handshake, of all addresses.
        page_connections: to the page's server.
        handshake_s, handshake_bytes, headers: a handshake's time, size and number of headers.
        frames_per_s, frame_burst: WebSocket frames, those between messages included.
        fragments: frames that one message may come in.
        unread_bytes: answers that wait for a client that does not read, beyond what a call itself has sent.
    """

    waiting: int = 256
    page_connections: int = 512
    handshake_s: float = 10.0
    handshake_bytes: int = 32 * 1024
    headers: int = 64
    frames_per_s: float = 150.0
    frame_burst: int = 600
    fragments: int = 1024
    unread_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The paths of a certificate (with its chain) and its key; both empty for none."""

    certificate: str = ""
    key: str = ""


def read_tls(env: Env) -> TlsSettings:
    """Read them.

    Raises:
        ConfigError: one is there without the other.
    """
    certificate, key = env.text("TLS_CERT"), env.text("TLS_KEY")
    if bool(certificate) != bool(key):
        raise ConfigError("TLS_CERT and TLS_KEY belong together: the paths of two PEM files")
    return TlsSettings(certificate, key)


def read_socket(env: Env) -> SocketLimits:
    """Read the bounds of sockets."""
    return SocketLimits(
        waiting=env.whole("MAX_WAITING_HANDSHAKES", 256, least=8),
        page_connections=env.whole("MAX_PAGE_CONNECTIONS", 512, least=8),
        handshake_s=env.number("HANDSHAKE_TIMEOUT_S", 10, least=0.05, most=600),
        frames_per_s=env.number("MAX_FRAMES_PER_S", 150, least=1),
        frame_burst=env.whole("MAX_FRAME_BURST", 600, least=10),
    )


def read_access(env: Env) -> AccessSettings:
    """Read them.

    Raises:
        ConfigError: one is wrong; the message names it.
    """
    return AccessSettings(
        access_token=env.text("ACCESS_TOKEN"),
        token_secrets=read_secrets(env),
        admin_token=env.text("ADMIN_TOKEN"),
        token_max_s=env.number("TOKEN_MAX_SECONDS", 86_400, least=1),
        origins=tuple(_origin(text) for text in env.words("ALLOWED_ORIGINS")),
        trusted_proxies=tuple(_network(text) for text in env.words("TRUSTED_PROXIES")),
        calls_per_address=env.whole("MAX_CALLS_PER_IP", 50, least=1),
        handshakes_per_s=env.number("HANDSHAKES_PER_IP_S", 10, least=0.01),
        handshake_burst=env.whole("HANDSHAKE_BURST_PER_IP", 100, least=1),
        sid_header=_header(env),
        public=tuple(url for url in (env.text("PUBLIC_URL"), env.text("CALL_URL")) if url and not _is_here(url)),
        call_servers=read_call_servers(env),
    )


def _header(env: Env) -> str:
    name = env.text("SID_HEADER")
    if name and not _HEADER.fullmatch(name):
        raise ConfigError(f"SID_HEADER is the name of a header, such as X-Request-ID, not {name!r}")
    return name


def _is_here(url: str) -> bool:
    """An address of this machine's own lets nobody else in."""
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


def read_secrets(env: Env) -> tuple[str, ...]:
    """The secrets that sign tokens, newest first.

    Raises:
        ConfigError: one is too short to be one.
    """
    secrets = env.words("TOKEN_SECRET")
    if any(len(secret.encode()) < MIN_SECRET_BYTES for secret in secrets):
        raise ConfigError(f"TOKEN_SECRET has {MIN_SECRET_BYTES} characters or more; {MAKE_ONE}")
    return secrets


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if text != ANY and (not parts.scheme or not parts.hostname or parts.path.strip("/") or parts.query):
        raise ConfigError(f"ALLOWED_ORIGINS has origins such as https://call.example.com, not {text!r}")
    return text.rstrip("/").lower()


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as exc:
        raise ConfigError(f"TRUSTED_PROXIES has addresses or networks such as 10.0.0.0/8, not {text!r}") from exc
