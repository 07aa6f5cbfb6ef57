"""How often and how many, by address."""

from backend.access import bounds
from backend.access.addresses import UNKNOWN, Addresses
from backend.access.bounds import Crowd, Place, Rate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_in_then_a_steady_rate() -> None:
    clock = Clock()
    rate = Rate(2, 3, clock)

    assert [rate.take("a") for _ in range(4)] == [True, True, True, False]
    clock.now += 0.5
    assert [rate.take("a"), rate.take("a")] == [True, False]
    assert rate.take("b"), "others are not held up"


def test_looking_takes_nothing() -> None:
    rate = Rate(1, 1, Clock())

    assert [rate.spent("a"), rate.spent("a")] == [False, False]
    rate.take("a")
    assert rate.spent("a")


def test_however_many_addresses_come_the_memory_is_bounded() -> None:
    rate = Rate(1, 1, Clock())
    for number in range(2 * bounds.ADDRESSES):
        rate.take(str(number))

    assert len(rate._buckets) == bounds.ADDRESSES


def test_a_crowd_is_counted_by_address_and_forgotten_when_it_has_gone() -> None:
    crowd = Crowd(2)
    crowd.enter("a")
    crowd.enter("a")
    assert (crowd.is_full("a"), crowd.is_full("b")) == (True, False)

    crowd.leave("a")
    assert not crowd.is_full("a")
    crowd.leave("a")
    assert crowd._in == {}


def test_nobodys_word_for_its_address_is_taken() -> None:
    assert Addresses().client("203.0.113.9", ["10.0.0.1"]) == "203.0.113.9"


def test_a_trusted_proxy_is_believed_and_what_its_client_wrote_before_is_not() -> None:
    addresses = Addresses(["127.0.0.1/32", "10.0.0.0/8"])

    assert addresses.client("127.0.0.1", ["1.1.1.1, 203.0.113.9"]) == "203.0.113.9"
    assert addresses.client("127.0.0.1", ["1.1.1.1, 203.0.113.9, 10.1.2.3"]) == "203.0.113.9"
    assert addresses.client("127.0.0.1", ["1.1.1.1", "203.0.113.9"]) == "203.0.113.9"
    assert addresses.client("127.0.0.1", []) == "127.0.0.1"
    assert addresses.client("127.0.0.1", ["10.0.0.7"]) == "10.0.0.7"
    assert addresses.client("127.0.0.1", ["<script>"]) == UNKNOWN


def test_an_ipv6_customer_is_one_address() -> None:
    addresses = Addresses()

    assert addresses.client("2001:db8::1", []) == addresses.client("2001:db8::ffff:2", [])
    assert addresses.client("::ffff:203.0.113.9", []) == "203.0.113.9"
    assert addresses.client("fe80::1%eth0", []) == "fe80::/64"


def test_who_went_too_far_waits_and_owes_no_more_than_a_bucket() -> None:
    clock = Clock()
    rate = Rate(10, 20, clock)
    for _ in range(10):
        rate.fine("a", 30)

    assert not rate.take("a")
    clock.now += 1.9
    assert not rate.take("a")
    clock.now += 0.3
    assert rate.take("a")


def test_a_place_is_left_once() -> None:
    crowd = Crowd(9)
    crowd.enter("a")
    place = Place(crowd, "a")
    assert crowd._in == {"a": 2}
    place.leave()
    place.leave()
    assert crowd._in == {"a": 1}
