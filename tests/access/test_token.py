"""`python -m backend.token`."""

import pytest

from backend.access.keys import Keys
from backend.token import main

SECRET = "a-secret-of-32-characters-or-more"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", f"{SECRET},{'old' * 12}")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out.strip()


def test_it_prints_a_token_that_the_first_secret_has_signed(capsys: pytest.CaptureFixture[str]) -> None:
    token = said(capsys, "--user", "ann", "--sid", "sid-1", "--admin")

    grant = Keys(secrets=[SECRET]).grant(token)
    assert grant is not None
    assert (grant.sid, grant.admin) == ("sid-1", True)


def test_a_secret_that_it_makes_is_long_enough_and_new_each_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN_SECRET")
    one, two = said(capsys, "--new-secret"), said(capsys, "--new-secret")

    assert len(one) == 64
    assert one != two


@pytest.mark.parametrize(
    ("arguments", "names"),
    [(["--seconds", "90000"], "--seconds"), (["--seconds", "0"], "--seconds"), (["--sid", "a b"], "--sid")],
)
def test_what_the_server_would_refuse_is_not_made(
    arguments: list[str], names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert names in said.err


def test_without_a_secret_it_says_how_to_get_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_SECRET", "")
    assert main([]) == 1
    assert "--new-secret" in capsys.readouterr().err
