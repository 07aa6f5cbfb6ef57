"""Whatever the core is told or asks for can be written down, and read again."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.call.moves import CallEvent, Joined
from backend.ports import Message
from backend.protocol.events import ConfigUpdate, UserText
from backend.recording.values import KINDS, compact, plain, value

changes = st.fixed_dictionaries(
    {}, optional={"speaker": st.text(), "barge_in": st.booleans(), "events": st.frozensets(st.text())}
)
text = st.text(st.characters(exclude_categories=()))  # halves of characters, too
messages = st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), text)).map(tuple)
st.register_type_strategy(Joined, st.builds(Joined, messages))
st.register_type_strategy(UserText, st.builds(UserText, text))
st.register_type_strategy(ConfigUpdate, st.builds(ConfigUpdate, changes))


@given(st.from_type(CallEvent))  # type: ignore[arg-type]
def test_every_event_comes_back_as_it_was(event: Any) -> None:
    assert value(json.loads(compact(plain(event)))) == event


def test_what_a_mapping_holds_comes_back_in_its_order() -> None:
    """It goes to the client in that order."""
    ready = Joined((), {"turn": 0, "frame": 0, "call": "a"})

    assert list(value(json.loads(compact(plain(ready)))).ready) == ["turn", "frame", "call"]


@given(text)
def test_any_text_is_valid_utf_8_on_one_line(said: str) -> None:
    assert b"\n" not in compact(plain(UserText(said))).encode()


def test_every_kind_of_event_and_effect_is_known() -> None:
    assert {"Joined", "Heard", "Hypothesis", "Told", "UserText", "Say", "BeginReply", "Message", "CallLimits"} <= set(
        KINDS
    )
