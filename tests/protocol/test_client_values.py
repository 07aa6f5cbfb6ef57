"""Whatever JSON can say, in whatever field: an event that the call can bear, or a `BadEvent`."""

import json
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.call.machine import Call, CallLimits
from backend.call.moves import Joined, ReplyEnded, SentenceSent, SoundSent, Tick, Told
from backend.errors import EventError, ProtocolError
from backend.protocol.events import (
    CallConfig,
    ClientEvent,
    ConfigUpdate,
    PlaybackPosition,
    UserText,
    parse_event,
)
from backend.protocol.frames import EventFrame, decode

MOST: Final = 2**31 - 1
FIELDS: Final = (
    *("turn", "played_ms", "text", "speaker", "speech_rate", "volume", "emotion", "delivery", "audio_format"),
    *("sample_rate", "barge_in", "persona", "turn_ids", "events"),
)
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.sampled_from([0, 1, 1.0, -1, 3000, 24000, 24000.0, MOST, MOST + 1, 2**63, 10**400, -(10**400), 1e308]),
)
TEXTS = st.one_of(st.text(), st.sampled_from(["mp3", "stream", "\ud800", "\udc00 a", "\0", " \ud83d "]))
VALUES = st.one_of(NUMBERS, TEXTS, st.none(), st.lists(st.one_of(NUMBERS, TEXTS), max_size=3))
EVENTS = st.sampled_from(["BotUpdateConfig", "UserText", "BotInterrupt", "PlaybackPosition", "Other", "\ud800"])


def told(event: str, payload: dict[str, Any]) -> ClientEvent:
    """What the call is told of it: through bytes, as from a client."""
    frame = decode(b"\x11\x10\x10\x00" + json.dumps({"event": event, "payload": payload}).encode())
    assert isinstance(frame, EventFrame)
    return parse_event(frame)


def speaking() -> Call:
    call = Call("sid", CallLimits(), CallConfig(barge_in=True, delivery="stream"))
    call.handle(Joined(), 0.0)
    call.handle(Told(UserText("你好")), 1.0)
    call.handle(SentenceSent(1, "你好呀。"), 1.5)
    call.handle(SoundSent(1, 3000.0), 1.5)
    return call


@pytest.mark.parametrize("value", [MOST + 1, 2**63, 10**400, -1, True, 1.0, 1e400, float("nan"), "1", None, [1]])
@pytest.mark.parametrize("key", ["turn", "played_ms"])
def test_a_position_counts_whole_and_within_reason(key: str, value: object) -> None:
    with pytest.raises(EventError, match=f"^{key} is a whole number from 0 to 2147483647$"):
        told("PlaybackPosition", {"turn": 1, "played_ms": 1} | {key: value})


def test_the_largest_position_is_borne_by_a_call_and_by_what_it_still_hears_after_the_reply() -> None:
    call, most = speaking(), told("PlaybackPosition", {"turn": 1, "played_ms": MOST})

    call.handle(Told(most), 2.0)
    call.handle(ReplyEnded(1, "你好呀。"), 2.1)
    call.handle(Told(PlaybackPosition(1, MOST)), 2.2)
    call.handle(Tick(), 9.0)

    assert call.history[-1].text == "你好呀。"


@pytest.mark.parametrize(
    ("event", "key", "most"),
    [("UserText", "text", 4000), ("BotUpdateConfig", "speaker", 128), ("BotUpdateConfig", "persona", 64)],
)
def test_a_text_that_is_too_long_is_refused_in_few_words(event: str, key: str, most: int) -> None:
    for text in ("a" * (most + 1), "\ud800" * 100_000, " " * 1_000_000):
        with pytest.raises(EventError, match=f"^{key} is a text of 1 to {most} characters, and not of blanks alone$"):
            parse_event(EventFrame(event, {key: text}))


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), st.booleans())
@example("PlaybackPosition", {"turn": 1, "played_ms": 10**400}, True)
def test_no_value_breaks_a_call(event: str, payload: dict[str, Any], ended: bool) -> None:
    call = speaking()
    if ended:
        call.handle(ReplyEnded(1, "你好呀。"), 2.0)
    try:
        known = told(event, payload)
    except (EventError, ProtocolError):
        return

    effects = call.handle(Told(known), 2.5)
    effects += call.handle(Tick(), 2.6)

    assert all(str(effect).encode() for effect in effects)
    if isinstance(known, ConfigUpdate):
        CallConfig().merged(known.changes)
