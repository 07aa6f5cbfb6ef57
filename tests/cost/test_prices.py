"""The price table: exact, dated, and laid over by the operator's own."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.cost.prices import load_prices
from backend.errors import ConfigError
from backend.expenses import Unit
from emulator import tariff


@pytest.mark.parametrize(
    ("model", "unit", "price"),
    [
        ("paraformer-realtime-v2", "audio_ms", "0.00000024"),
        ("volc.bigasr.sauc.duration", "audio_ms", "0.00000125"),
        ("qwen-flash", "input_tokens", "0.00000015"),
        ("qwen-flash-2025-07-28", "cached_tokens", "0.00000003"),
        ("doubao-seed-1-6-flash-250828", "output_tokens", "0.0000015"),
        ("cosyvoice-v2", "characters", "0.0002"),
        ("on-device", "characters", "0"),
    ],
)
def test_a_unit_costs_exactly_what_the_vendor_says(model: str, unit: Unit, price: str) -> None:
    assert load_prices().price(model, unit) == Decimal(price)


@pytest.mark.parametrize("model", ["qwen-plus-character", "gpt-x", "", "qwen-flash-", "llama3"])
def test_a_model_that_is_not_in_the_table_has_no_price(model: str) -> None:
    assert load_prices().price(model, "input_tokens") is None


def test_a_model_has_no_price_for_what_it_does_not_do() -> None:
    assert load_prices().price("cosyvoice-v2", "audio_ms") is None
    assert load_prices().price("qwen-flash", "characters") is None


def test_the_size_of_a_request_decides_its_tier() -> None:
    prices = load_prices()

    found = [prices.price("doubao-seed-1-6", "output_tokens", *size) for size in [(900, 200), (900, 201), (40_000, 9)]]

    assert found == [Decimal("0.000002"), Decimal("0.000008"), Decimal("0.000016")]


def test_the_operators_own_prices_replace_those_of_their_models_alone(tmp_path: Path) -> None:
    own = tmp_path / "prices.yaml"
    own.write_text(
        "prices:\n"
        "  - {models: [qwen-flash, llama3], million_tokens: {input: 0.1, output: 1}, as_of: 2026-01-01, source: mine}\n"
    )

    prices = load_prices(str(own))

    assert prices.price("qwen-flash", "cached_tokens") == Decimal("0.0000001"), "no price for cached ones: as any other"
    assert prices.price("llama3", "output_tokens") == Decimal("0.000001")
    assert prices.price("qwen-max", "input_tokens") == Decimal("0.0000024")


BROKEN = {
    "prices: [{models: [x], as_of: 2026-01-01, source: me}]": "has no price",
    "prices: [{models: [x], second: -1, as_of: 2026-01-01, source: me}]": "prices.0.second",
    "prices: [{models: [x], second: 1, source: me}]": "prices.0.as_of",
    "prices: [{models: [x], second: 1, as_of: 2026-01-01}]": "prices.0.source",
    "prices: [{models: [x], second: 1, hour: 1, as_of: 2026-01-01, source: me}]": "one of them is enough",
    "prices: [{models: [x], second: .nan, as_of: 2026-01-01, source: me}]": "PRICES",
    "prices: [": "is not YAML",
    "": "prices.yaml",
}


@pytest.mark.parametrize("text", BROKEN, ids=BROKEN.values())
def test_a_wrong_table_stops_the_start_and_says_where(text: str, tmp_path: Path) -> None:
    own = tmp_path / "prices.yaml"
    own.write_text(text)

    with pytest.raises(ConfigError, match=BROKEN[text]):
        load_prices(str(own))


def test_a_table_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"PRICES: .*gone\.yaml cannot be read"):
        load_prices(str(tmp_path / "gone.yaml"))


@given(st.binary(max_size=200))
def test_whatever_a_table_holds_it_is_read_or_refused(data: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(data)
        file.flush()
        with suppress(ConfigError):  # and nothing else
            load_prices(file.name)


def test_both_sides_of_the_wire_know_the_same_prices() -> None:
    prices = load_prices()
    hour, tokens = tariff._PER_HOUR | tariff._PER_SECOND, tariff._PER_MILLION

    for model in hour:
        assert prices.price(model, "audio_ms") == (tariff.of_sound(model, 1000) or Decimal(0)) / 1000
    for model in tariff._PER_10_000:
        assert prices.price(model, "characters") == tariff.of_characters(model, 1)
    for model in tokens:
        assert prices.price(model, "cached_tokens") == tariff.of_tokens(model, 1, 1, 0)
        assert prices.price(model, "input_tokens") == tariff.of_tokens(model, 1, 0, 0)
        assert prices.price(model, "output_tokens") == tariff.of_tokens(model, 0, 0, 1)
