"""Where the page is told to call, for servers behind a proxy."""

from urllib.parse import urlsplit

from backend.config.env import Env
from backend.errors import ConfigError


def call_url(env: Env) -> str:
    """`CALL_URL`: a WebSocket's address, or a path at the page's own; empty for the call port beside the page.

    Raises:
        ConfigError: it is neither.
    """
    text = env.text("CALL_URL")
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    is_path = text.startswith("/") and not text.startswith("//")
    if text and not is_path and not (parts.scheme in {"ws", "wss"} and parts.hostname):
        raise ConfigError("CALL_URL is wss://HOST/api/live_voice_call/chat, or a path at the page's own address")
    return text
