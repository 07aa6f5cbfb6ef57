"""What a token is worth."""

import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.access.keys import EVERYBODY, Grant, Keys
from backend.access.presented import bearer, offered
from backend.token import sign

OLD, NEW = "old-secret-" * 8, "new-secret-" * 8


def forged(secret: str = NEW, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"exp": time.time() + 60, **claims}, secret, algorithm=algorithm)


def test_where_no_token_is_wanted_everybody_may_call_and_nobody_may_administer() -> None:
    assert Keys().grant("") == EVERYBODY
    assert Keys().grant("anything") == EVERYBODY
    assert not Keys().is_admin("")


def test_the_static_token_opens_and_nothing_like_it_does() -> None:
    keys = Keys("open sesame")

    assert keys.grant("open sesame") is not None
    for wrong in ("", "open sesam", "open sesame ", "Open sesame", "打开", "\ud800"):
        assert keys.grant(wrong) is None, wrong


def test_the_owner_stands_for_the_token_and_does_not_give_it_away() -> None:
    grant = Keys("open sesame").grant("open sesame")

    assert grant is not None
    assert len(grant.owner) == 32
    assert "open" not in grant.owner
    assert grant.owner != getattr(Keys("another one").grant("another one"), "owner", None)


def test_a_signed_token_opens_until_it_expires() -> None:
    keys = Keys(secrets=[NEW])

    assert keys.grant(sign(NEW, seconds=60)) is not None
    assert keys.grant(sign(NEW, seconds=-60)) is None


def test_a_token_for_longer_than_the_server_allows_is_refused() -> None:
    assert Keys(secrets=[NEW], max_s=300).grant(sign(NEW, seconds=299)) is not None
    assert Keys(secrets=[NEW], max_s=300).grant(sign(NEW, seconds=3000)) is None


def test_after_a_new_secret_tokens_of_the_old_one_are_good_as_long_as_it_is_listed() -> None:
    token = sign(OLD, seconds=60)

    assert Keys(secrets=[NEW, OLD]).grant(token) is not None
    assert Keys(secrets=[NEW]).grant(token) is None


def test_two_tokens_of_one_user_have_one_owner_and_those_of_others_have_another() -> None:
    keys = Keys(secrets=[NEW, OLD])
    first, second, other, nobody = (
        keys.grant(sign(secret, seconds=60, user=user))
        for secret, user in ((NEW, "ann"), (OLD, "ann"), (NEW, "bob"), (NEW, ""))
    )

    assert first is not None
    assert first == second
    assert len({getattr(grant, "owner", None) for grant in (first, other, nobody)}) == 3


def test_a_token_that_names_no_user_is_an_owner_of_its_own() -> None:
    keys = Keys(secrets=[NEW])

    one, two = keys.grant(forged()), keys.grant(forged(jti="2"))

    assert one is not None
    assert two is not None
    assert one.owner != two.owner


def test_a_token_may_be_for_one_conversation_alone() -> None:
    grant = Keys(secrets=[NEW]).grant(sign(NEW, seconds=60, sid="sid-1"))

    assert grant is not None
    assert grant.opens("sid-1")
    assert grant.opens(None)
    assert not grant.opens("sid-2")


def test_only_an_admin_may_administer() -> None:
    keys = Keys("everybody's token", [NEW], admin_token="the operator's token")

    assert keys.is_admin("the operator's token")
    assert keys.is_admin(sign(NEW, seconds=60, admin=True))
    assert not keys.is_admin("everybody's token")
    assert not keys.is_admin(sign(NEW, seconds=60))
    assert not keys.is_admin(forged(admin="yes"))


FORGERIES = (
    *("another secret", "no algorithm", "another algorithm", "no expiry", "not yet", "made tomorrow", "sid as a list"),
    *("sub as a number", "a letter more", "no signature", "no token", "dots", "many dots", "the secret"),
)


@pytest.mark.parametrize(
    "token",
    [
        forged("another-secret-" * 4),
        jwt.encode({"exp": time.time() + 60}, "", algorithm="none"),
        forged(algorithm="HS512"),
        jwt.encode({"sub": "ann"}, NEW, algorithm="HS256"),
        forged(nbf=time.time() + 3600),
        forged(iat=time.time() + 3600),
        forged(sid=["sid-1"]),
        forged(sub=7),
        forged() + "A",
        ".".join(forged().split(".")[:2]) + ".",
        "a.b.c",
        "..",
        "." * 5000,
        NEW,
    ],
    ids=FORGERIES,
)
def test_forgeries_are_refused(token: str) -> None:
    assert Keys(secrets=[NEW]).grant(token) is None


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_token_with_any_bit_changed_is_refused(at: int, change: int) -> None:
    good = sign(NEW, seconds=3600, user="ann", sid="s")
    data = bytearray(good.encode())
    at %= len(data) - 1  # the last character of base64 has bits that mean nothing
    data[at] ^= change
    changed = data.decode("latin-1")

    assert Keys(secrets=[NEW]).grant(changed) is None


@given(st.text(), st.lists(st.text(max_size=50), max_size=3))
def test_whatever_is_presented_is_a_text(authorization: str, offers: list[str]) -> None:
    assert isinstance(bearer(authorization), str)
    assert isinstance(offered(offers), str)
    assert isinstance(Keys("t", [NEW], "a").grant(bearer(authorization)), Grant | None)
