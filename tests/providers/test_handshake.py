"""How the speech services are greeted, and what their refusals mean to us."""

import json

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Response

from backend.errors import ContentRefused, ProviderError, ProviderRefused, ProviderUnavailable
from backend.protocol.header import MessageType
from backend.protocol.speech import SpeechFrame
from backend.providers.volcengine.config import SpeechCredentials
from backend.providers.volcengine.handshake import Failures, headers
from tests.providers.golden import golden

KEY = "sk-very-secret"
failures = Failures("asr", SpeechCredentials(api_key=KEY))


def told(error: ProviderError) -> tuple[type[ProviderError], str]:
    return type(error), error.vendor_code


def test_the_new_consoles_key_goes_alone() -> None:
    sent = headers(SpeechCredentials(app_id="42", access_token="tok", api_key=KEY), "res")

    assert sent["X-Api-Key"] == KEY
    assert not {"X-Api-App-Key", "X-Api-Access-Key"} & set(sent)


def test_the_older_pair_goes_together() -> None:
    sent = headers(SpeechCredentials(app_id="42", access_token="tok"), "res")

    assert (sent["X-Api-App-Key"], sent["X-Api-Access-Key"]) == ("42", "tok")
    assert "X-Api-Key" not in sent


def test_each_handshake_has_ids_of_its_own() -> None:
    one, two = (headers(SpeechCredentials(api_key=KEY), "res") for _ in range(2))

    assert (one["X-Api-Resource-Id"], one["X-Api-Sequence"]) == ("res", "-1")
    assert len({each[name] for each in (one, two) for name in ("X-Api-Connect-Id", "X-Api-Request-Id")}) == 4


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (45000001, "bad value", ProviderRefused),
        (45000010, "grant not found", ProviderRefused),
        (45000030, "requested resource not granted", ProviderRefused),
        (45000081, "waiting next packet timeout", ProviderUnavailable),
        (45000292, "quota exceeded for types: concurrency", ProviderUnavailable),
        (45000000, "quota exceeded for types: concurrency", ProviderUnavailable),
        (55000031, "server busy", ProviderUnavailable),
        (55000000, "resource ID is mismatched with speaker related resource", ProviderRefused),
        (55000000, "rpc error: SensitiveContentDetected.Violence", ContentRefused),
        (0, "", ProviderUnavailable),
    ],
)
def test_a_code_says_whether_another_try_makes_sense(code: int, message: str, kind: type[ProviderError]) -> None:
    assert told(failures.of_code(code, message)) == (kind, str(code))


def test_a_golden_error_frame_is_told_with_code_text_and_log_id() -> None:
    error = failures.of_frame(golden("asr.server.error.45000000.sequence_mismatch.live_capture"), log_id="L1")

    assert told(error) == (ProviderRefused, "45000000")
    assert "mismatch sequence in request" in str(error)
    assert str(error).endswith("(code 45000000, log id L1)")


def test_golden_failure_events_are_told_with_their_status() -> None:
    assert told(failures.of_event(golden("tts.server.session_failed"))) == (ProviderRefused, "45000000")
    assert told(failures.of_event(golden("tts.server.connection_failed"))) == (ProviderRefused, "45000000")


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"[]", b'"text"', b'{"error": 5}'])
def test_an_error_frame_with_an_odd_payload_is_still_an_error(payload: bytes) -> None:
    frame = SpeechFrame(MessageType.ERROR, payload, error_code=55000031)

    assert told(failures.of_frame(frame)) == (ProviderUnavailable, "55000031")


def response(status: int, body: bytes = b"", **named: str) -> Response:
    given = Headers({name.replace("_", "-"): value for name, value in named.items()})
    return Response(status, "whatever", given, body)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            response(401, json.dumps({"header": {"code": 45000010, "message": "no"}}).encode()),
            ProviderRefused,
            "45000010",
        ),
        (response(403, b"", X_Api_Status_Code="45000030", X_Api_Message="no"), ProviderRefused, "45000030"),
        (response(403, json.dumps({"code": 45000292}).encode()), ProviderUnavailable, "45000292"),
        (response(400, b"not opened"), ProviderRefused, "HTTP 400"),
        (response(302, b""), ProviderRefused, "HTTP 302"),
        (response(429), ProviderUnavailable, "HTTP 429"),
        (response(503, b"<html>"), ProviderUnavailable, "HTTP 503"),
    ],
    ids=lambda value: str(getattr(value, "status_code", value)),
)
def test_a_refused_upgrade_is_told_by_code_or_status(answer: Response, kind: type[ProviderError], code: str) -> None:
    assert told(failures.of_response(answer)) == (kind, code)


def test_a_refused_upgrade_keeps_its_log_id() -> None:
    assert failures.of_response(response(503, b"", X_Tt_Logid="L2")).log_id == "L2"


def test_no_error_repeats_our_secret() -> None:
    body = json.dumps({"header": {"code": 45000010, "message": f"Invalid X-Api-Key {KEY}"}}).encode()
    errors = [
        failures.of_code(45000010, f"bad {KEY}"),
        failures.of_text(f'{{"code": 45000010, "message": "{KEY}"}}'),
        failures.of_text(KEY),
        failures.of_response(response(401, body)),
        failures.of_response(response(401, b"", X_Api_Message=KEY)),
    ]

    assert not [error for error in errors if KEY in str(error) or KEY in repr(error)]


def test_a_reason_is_one_short_line() -> None:
    reason = failures.of_code(55000000, "a\n\tb\x00" + "c" * 1000).reason

    assert reason.startswith("the service answered: a b c")
    assert len(reason) < 250
