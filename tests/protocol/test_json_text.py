"""JSON towards the services: whatever the library in C refuses goes the standard library's way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.protocol.json_text import json_bytes, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(VALUES)
def test_what_is_written_is_what_the_standard_library_reads_of_its_own(value: Any) -> None:
    assert json.loads(json_bytes(value)) == json.loads(json.dumps(value))


@given(VALUES, st.booleans())
def test_what_the_standard_library_writes_is_read(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)

    assert parse_json(text) == json.loads(text)


def test_text_is_written_in_utf_8_without_blanks() -> None:
    assert json_bytes({"a": ["乔青青", 1]}) == '{"a":["乔青青",1]}'.encode()


def test_half_a_character_is_read_as_it_was_escaped() -> None:
    assert parse_json(rb'{"content":"\ud83d"}') == {"content": "\ud83d"}


@pytest.mark.parametrize("text", [b"", b"{", b"{]", b"\xff", "nothing"])
def test_what_is_no_json_is_a_value_error(text: bytes | str) -> None:
    with pytest.raises(json.JSONDecodeError if text != b"\xff" else UnicodeDecodeError):
        parse_json(text)


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, "\ud83d"])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        json_bytes(value)
