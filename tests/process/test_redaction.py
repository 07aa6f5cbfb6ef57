"""What is secret leaves no log."""

import json
import logging
from typing import Literal

import pytest

from backend.process.logs import configure
from backend.process.redaction import Redactor, secrets_of

ENVIRONMENT = {
    "ARK_API_KEY": "ark-key-0123456789",
    "VOLC_SECRETKEY": "volc+secret/key==",
    "TOKEN_SECRET": "one-secret-of-many,another-secret-of-many",
    "OTEL_EXPORTER_OTLP_HEADERS": "api-key=collector-key-1,x=2",
    "DATABASE_URL": "mysql://user:pass%40word1@host/name",
    "TLS_KEY": "/etc/tls/key.pem",
    "LLM_MODEL": "a-model-of-some-name",
    "LLM_API_KEY": "none",
    "ADMIN_TOKEN": 'admin"token\\of é',
}


@pytest.mark.parametrize(
    "secret",
    ["ark-key-0123456789", "volc+secret/key==", "volc%2Bsecret%2Fkey%3D%3D", "one-secret-of-many",
     "another-secret-of-many", "collector-key-1", "pass@word1", "pass%40word1", "YXJrLWtleS0wMTIzNDU2Nzg5",
     'admin"token\\of é', 'admin\\"token\\\\of \\u00e9', 'admin\\"token\\\\of é'],
)  # fmt: skip
def test_every_secret_is_hidden_in_each_of_its_spellings(secret: str) -> None:
    said = Redactor(secrets_of(ENVIRONMENT)).clean(f"failed with <{secret}> at last")

    assert said == "failed with <***> at last"


@pytest.mark.parametrize("word", ["/etc/tls/key.pem", "a-model-of-some-name", "none", "mysql", "user", "api-key"])
def test_what_is_no_secret_is_said(word: str) -> None:
    redactor = Redactor(secrets_of({name: value for name, value in ENVIRONMENT.items() if "OTEL" not in name}))

    assert redactor.clean(f"see {word} there") == f"see {word} there"


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("Authorization: Bearer abc.DEF-123_x", "Authorization: Bearer ***"),
        ("Sec-WebSocket-Protocol: lvc, token.YWJjZGVm", "Sec-WebSocket-Protocol: lvc, token.***"),
        ("it was eyJhbGciOiJ9.eyJleHAiOjF9.c2lnbmF0dXJl there", "it was *** there"),
        ("HMAC-SHA256 Signature=0123456789abcdef0123", "HMAC-SHA256 Signature=***"),
        ("Signature=of a friend", "Signature=of a friend"),
        ("a token is needed", "a token is needed"),
    ],
)
def test_what_looks_like_a_token_is_hidden_whoever_it_belongs_to(said: str, hidden: str) -> None:
    assert Redactor().clean(said) == hidden


@pytest.mark.parametrize("shape", ["text", "json"])
def test_neither_messages_nor_fields_nor_tracebacks_have_one(
    shape: Literal["text", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        configure("debug", shape, ["the-secret"])
        try:
            int("the-secret")
        except ValueError:
            logging.getLogger("x").exception("said the-secret", extra={"field": "the-secret\nline of its own"})
    finally:
        root.handlers[:], root.level = before
    said = capsys.readouterr().err
    assert "the-secret" not in said
    assert said.count("***") >= 3
    assert not [line for line in said.splitlines() if line.startswith("line of its own")]
    if shape == "json":
        assert json.loads(said)["field"] == "***\nline of its own"
