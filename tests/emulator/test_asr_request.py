"""What a client asks of recognition beyond the bare minimum."""

import json

import pytest

from emulator.asr_request import parse
from emulator.link import VendorError


def asked(context: object) -> tuple[str, ...]:
    payload = {"audio": {"format": "pcm"}, "request": {"model_name": "bigmodel", "corpus": {"context": context}}}
    return parse(payload).hot_words


def test_hot_words_are_those_of_the_context() -> None:
    assert asked(json.dumps({"hotwords": [{"word": "青青"}, {"word": "乔青青"}]})) == ("青青", "乔青青")


@pytest.mark.parametrize("context", [None, "", "no json", "[]", '{"hotwords": 5}', '{"hotwords": ["青青"]}', {"a": 1}])
def test_a_context_that_cannot_be_read_is_ignored(context: object) -> None:
    assert asked(context) == ()


def forced_ms(**request: object) -> int:
    return parse({"audio": {"format": "pcm"}, "request": {"model_name": "bigmodel", **request}}).force_to_speech_ms


def test_speech_is_forced_only_together_with_an_end_window() -> None:
    assert forced_ms(force_to_speech_time=1000, end_window_size=400) == 1000
    assert forced_ms(force_to_speech_time=1000) == 0
    assert forced_ms(end_window_size=400) == 0


def test_speech_cannot_be_forced_for_less_than_nothing() -> None:
    with pytest.raises(VendorError, match="force_to_speech_time"):
        forced_ms(force_to_speech_time=-1)
