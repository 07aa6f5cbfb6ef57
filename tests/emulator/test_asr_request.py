"""What a client asks of recognition beyond the bare minimum."""

import json

import pytest

from emulator.asr_request import parse


def asked(context: object) -> tuple[str, ...]:
    payload = {"audio": {"format": "pcm"}, "request": {"model_name": "bigmodel", "corpus": {"context": context}}}
    return parse(payload).hot_words


def test_hot_words_are_those_of_the_context() -> None:
    assert asked(json.dumps({"hotwords": [{"word": "青青"}, {"word": "乔青青"}]})) == ("青青", "乔青青")


@pytest.mark.parametrize("context", [None, "", "no json", "[]", '{"hotwords": 5}', '{"hotwords": ["青青"]}', {"a": 1}])
def test_a_context_that_cannot_be_read_is_ignored(context: object) -> None:
    assert asked(context) == ()
