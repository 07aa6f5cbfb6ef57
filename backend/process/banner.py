"""What is said once the server has started."""

from collections.abc import Mapping

from backend.cast import Cast
from backend.protocol.events import CALL_PATH
from backend.settings import Settings
from backend.version import VERSION


def description(
    settings: Settings, cast: Cast, labels: Mapping[str, Mapping[str, str]], call_port: int, web_port: int
) -> str:
    """Who answers, what it runs on, and where to point the browser."""
    card = cast.card()
    name = f"{card.name} ({card.name_latin})" if card.name_latin else card.name
    ws = "wss" if settings.tls.certificate else "ws"
    return "\n".join(
        (
            f"live voice call {VERSION}",
            f"  friend  {name}",
            f"  ears    {labels['asr']['label']} [{labels['asr']['provider']}]",
            f"  mind    {labels['llm']['label']} [{labels['llm']['provider']}]",
            f"  voice   {labels['tts']['label']} [{labels['tts']['provider']}]",
            f"  calls   {ws}://{_shown(settings.call_address.host)}:{call_port}{CALL_PATH}",
            f"Open {page_url(settings, web_port)} and press the call button. Ctrl-C ends it.",
        )
    )


def page_url(settings: Settings, port: int) -> str:
    """Where a browser on this machine finds the page."""
    http = "https" if settings.tls.certificate else "http"
    return f"{http}://{_shown(settings.web_address.host)}:{port}"


def _shown(host: str) -> str:
    return "localhost" if host in {"127.0.0.1", "::1", "0.0.0.0"} else host
