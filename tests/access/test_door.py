"""Who may call, and who may administer."""

from typing import Any

import pytest

from backend.access.door import Door, plain
from backend.access.keys import Grant
from backend.access.settings import AccessSettings

HERE = {"Host": "localhost:8080"}


def door(**access: Any) -> Door:
    return Door(AccessSettings(**access))


def with_token(token: str, **headers: str) -> dict[str, str]:
    return {"Host": "call.example.com", "Authorization": f"Bearer {token}", **headers}


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("192.168.1.9", HERE),
        ("127.0.0.1", {"Host": "call.example.com"}),
        ("127.0.0.1", {}),
        *(("127.0.0.1", {**HERE, name: "x"}) for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")),
        ("127.0.0.1", {**HERE, "Origin": "https://evil.example"}),
        ("203.0.113.9", with_token("wrong")),
        ("203.0.113.9", with_token("everybody's")),
    ],
)
def test_nobody_else_may_administer(peer: str, headers: dict[str, str]) -> None:
    assert not door(access_token="everybody's", admin_token="operator's").may_administer(plain(headers, peer))
    assert not door().may_administer(plain(headers, peer))


def test_the_operator_may_from_this_machine_or_with_the_token() -> None:
    assert door().may_administer(plain(HERE))
    assert door().may_administer(plain({**HERE, "Origin": "http://localhost:8080"}))
    guarded = door(access_token="everybody's", admin_token="operator's")
    assert guarded.may_administer(plain(with_token("operator's"), "203.0.113.9"))
    assert guarded.may_administer(plain(HERE))


def test_an_address_that_comes_too_often_is_refused_whatever_it_presents() -> None:
    guarded = door(access_token="t", handshakes_per_s=0.01, handshake_burst=2)

    verdicts = [guarded.judge_call(plain(with_token("t"), "203.0.113.9"), None) for _ in range(3)]

    assert isinstance(verdicts[1], Grant)
    assert verdicts[2] == "hurried"
    assert isinstance(guarded.judge_call(plain(with_token("t"), "203.0.113.8"), None), Grant)


def test_who_guesses_tokens_at_the_page_is_refused_for_a_while() -> None:
    guarded = door(access_token="t", handshakes_per_s=0.01, handshake_burst=2)

    verdicts = [guarded.judge(plain(with_token(guess), "203.0.113.9")) for guess in ("a", "b", "c", "t")]

    assert verdicts == ["unauthorized", "unauthorized", "hurried", "hurried"]


def test_an_address_has_so_many_calls() -> None:
    guarded = door(calls_per_address=1)
    guarded.crowd.enter("203.0.113.9")

    assert guarded.judge_call(plain(HERE, "203.0.113.9"), None) == "crowded"
    assert isinstance(guarded.judge_call(plain(HERE, "203.0.113.8"), None), Grant)
