"""Who may call, and who may administer."""

from typing import Any

import pytest

from backend.access.door import Door, plain
from backend.access.keys import EVERYBODY, Grant
from backend.access.settings import AccessSettings
from backend.settings import load

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
    assert guarded.may_administer(plain(with_token("operator's") | HERE))


@pytest.mark.parametrize(
    "name",
    ["ACCESS_TOKEN", "TOKEN_SECRET", "ADMIN_TOKEN", "TRUSTED_PROXIES", "PUBLIC_URL", "CALL_URL"],
)
def test_where_others_may_come_through_a_proxy_that_says_nothing_being_here_proves_nothing(name: str) -> None:
    """As nginx sends it by default: `Host` of the server itself, and no header that tells of the visitor."""
    values = {
        "ACCESS_TOKEN": "everybodys-token",
        "TOKEN_SECRET": "a-secret-of-32-characters-or-more",
        "ADMIN_TOKEN": "operators-own-token",
        "TRUSTED_PROXIES": "127.0.0.1",
        "PUBLIC_URL": "https://call.example.com",
        "CALL_URL": "/api/live_voice_call/chat",
    }
    told = Door(load({name: values[name]}).access)

    assert not told.may_administer(plain({"Host": "127.0.0.1:8080"}))
    assert not told.may_administer(plain({**HERE, "Origin": "http://localhost:8080"}))


@pytest.mark.parametrize("allowed", ["https://app.example", "*"])
def test_a_page_that_may_call_is_not_the_operators(allowed: str) -> None:
    lenient = door(origins=(allowed,))

    assert lenient.admits_origin(plain({**HERE, "Origin": "https://app.example"}))
    assert not lenient.may_administer(plain({**HERE, "Origin": "https://app.example"}))
    assert not lenient.may_administer(plain({**HERE, "Origin": "null"}))
    assert lenient.may_administer(plain({**HERE, "Origin": "http://127.0.0.1:5173"}))


def test_who_guesses_the_operators_token_is_refused_for_a_while_though_callers_need_none() -> None:
    guarded = door(admin_token="operator's", handshakes_per_s=0.01, handshake_burst=2)

    verdicts = [guarded.judge(plain(with_token(guess), "203.0.113.9")) for guess in ("a", "b", "c", "operator's")]

    assert verdicts == [EVERYBODY, EVERYBODY, "hurried", "hurried"]
    assert guarded.judge(plain({}, "203.0.113.8")) == EVERYBODY


def test_guesses_at_the_call_port_are_counted_too() -> None:
    guarded = door(admin_token="operator's", handshakes_per_s=0.01, handshake_burst=2)
    wrong, none = plain({**HERE, "Authorization": "Bearer x"}), plain(HERE)

    assert [guarded.judge_call(wrong, None) for _ in range(3)] == [EVERYBODY, EVERYBODY, "hurried"]
    assert guarded.judge_call(none, None) == EVERYBODY


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("localhost:8080", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("192.168.1.9", True),
        ("call.example.com", True),
        ("app.example:444", True),
        ("ws.example", True),
        ("evil.example", False),
        ("call.example.com.evil.example", False),
        ("", False),
    ],
)
def test_where_no_token_is_wanted_the_page_is_asked_under_names_of_its_own(host: str, admitted: bool) -> None:
    named = {"PUBLIC_URL": "https://call.example.com", "CALL_URL": "wss://ws.example/x"}
    told = Door(load({**named, "ALLOWED_ORIGINS": "https://app.example"}).access)

    assert told.admits_to_api(plain({"Host": host}), shared=False) is admitted
    assert told.admits_to_api(plain({"Host": host}), shared=True) is admitted
    assert door(access_token="t").admits_to_api(plain({"Host": host}), shared=False)


@pytest.mark.parametrize(
    ("headers", "admitted"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example"}, True),
    ],
)
def test_another_sites_page_has_nothing_fetched_from_here(headers: dict[str, str], admitted: bool) -> None:
    lenient = door(origins=("https://app.example",))

    assert lenient.admits_to_api(plain({**HERE, **headers}), shared=False) is admitted
    assert lenient.admits_to_api(plain({**HERE, **headers}), shared=True)


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


def test_who_comes_back_to_a_call_that_is_counted_is_not_counted_twice() -> None:
    guarded = door(calls_per_address=1)
    guarded.crowd.enter("203.0.113.9")

    assert guarded.judge_call(plain(HERE, "203.0.113.9"), "sid-1", lambda _: True) == EVERYBODY


def test_an_address_has_so_many_calls() -> None:
    guarded = door(calls_per_address=1)
    guarded.crowd.enter("203.0.113.9")

    assert guarded.judge_call(plain(HERE, "203.0.113.9"), None) == "crowded"
    assert isinstance(guarded.judge_call(plain(HERE, "203.0.113.8"), None), Grant)
