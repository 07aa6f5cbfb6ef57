"""Who can reach the server, and whether a browser will give them the microphone."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from backend.access.origins import is_loopback
from backend.doctor.findings import Finding, doubtful, fine, wrong
from backend.doctor.patient import Patient
from backend.errors import ConfigError
from backend.process.exposure import refuse_open

_PROXY = (
    "put a proxy with a certificate in front (docs/scaling.md), and set CALL_URL to what it passes on to the call port"
)


def microphone(patient: Patient) -> Iterator[Finding]:
    """Browsers give it to https pages and to localhost only."""
    settings = patient.settings
    target = urlsplit(settings.call_url)
    beyond = not (is_loopback(settings.web_address.host) and is_loopback(settings.call_address.host))
    if target.scheme == "ws" and not is_loopback(target.hostname or ""):
        text = "CALL_URL is ws://: an https page may not call it, and a page without https gets no microphone"
        yield wrong("microphone", text, "write wss://, and have a proxy with a certificate answer there")
    elif settings.call_url:
        yield fine(
            "microphone", f"the page calls {settings.call_url}; that the page itself is https is the proxy's part"
        )
    elif settings.tls.certificate:
        yield fine("microphone", "the page is https, by the server's own certificate")
    elif beyond:
        text = "other devices reach the page by http, and get no microphone"
        yield doubtful("microphone", text, _PROXY)
    else:
        port = settings.web_address.port
        yield fine("microphone", f"on this machine, at http://localhost:{port}; other devices would need https")


def access(patient: Patient) -> Iterator[Finding]:
    """Where strangers can come, they need a token; and the server is told who is behind a proxy."""
    settings = patient.settings
    try:
        refuse_open(settings)
    except ConfigError as exc:
        text, _, remedy = str(exc).partition(": ")
        yield wrong("access", text, remedy)
        return
    if "*" in settings.access.origins:
        remedy = "name the pages that may call, with commas"
        yield doubtful("access", "ALLOWED_ORIGINS=* lets every page on the web call with its visitors' tokens", remedy)
    if settings.call_url and not settings.access.trusted_proxies:
        text = "CALL_URL tells of a proxy, but nobody's X-Forwarded-For is believed: all callers count as one address"
        yield doubtful("access", text, "set TRUSTED_PROXIES to the proxy's address")
    yield fine(
        "access", "callers present a token" if settings.access.token_wanted else "for this machine alone, no token"
    )
