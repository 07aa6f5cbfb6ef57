"""The server's own certificate: fits its key, and is good for some time yet."""

import ssl
import time
from collections.abc import Iterator
from typing import Final

from backend.connections.certificate import tls
from backend.doctor.findings import Finding, doubtful, fine, skipped, wrong
from backend.doctor.patient import Patient
from backend.errors import ConfigError

_SOON_DAYS: Final = 14
_DAY_S: Final = 86_400.0
_RENEW: Final = "renew it, and start the server again"


def certificate(patient: Patient) -> Iterator[Finding]:
    """`TLS_CERT` and `TLS_KEY`, as a client would find them."""
    try:
        context = tls(patient.settings.tls)
    except ConfigError as exc:
        text, _, remedy = str(exc).partition(": ")
        yield wrong("tls", text, remedy or "look at TLS_CERT and TLS_KEY")
        return
    if context is None:
        yield skipped("tls", "no certificate is set: a proxy does it, or there is none")
        return
    try:
        days = (_ends_s(context, patient.settings.tls.certificate) - time.time()) / _DAY_S
    except ssl.SSLError as exc:
        yield wrong(
            "tls", f"the certificate would be refused ({getattr(exc, 'verify_message', '') or exc.reason})", _RENEW
        )
        return
    if days < _SOON_DAYS:
        yield doubtful("tls", f"the certificate ends in {days:.0f} days", _RENEW)
    else:
        yield fine("tls", f"the certificate fits its key, and is good for {days:.0f} days")


def _ends_s(server: ssl.SSLContext, path: str) -> float:
    """When it ends, from a handshake in memory that trusts nothing but the certificate itself."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(path)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(back, there)
    answers = server.wrap_bio(there, back, server_side=True)
    for side in (asks, answers, asks):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found = asks.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(found["notAfter"])))
