"""What a client may ask for, by event and by URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import EventError, SessionIdError
from backend.protocol.events import CallConfig, ConfigUpdate, UserText, parse_event, parse_query
from backend.protocol.frames import EventFrame, Framing, decode
from backend.protocol.pcm import SampleAligner


def test_a_config_update_keeps_known_keys_and_ignores_the_others() -> None:
    update = parse_event(EventFrame("BotUpdateConfig", {"speaker": " zh_voice ", "shoe_size": 38}))

    assert update == ConfigUpdate({"speaker": "zh_voice"})


def test_how_a_voice_sounds_is_asked_for_by_factors_and_a_word_and_null_takes_it_back() -> None:
    update = parse_event(EventFrame("BotUpdateConfig", {"speech_rate": 1, "volume": 0.5, "emotion": "happy"}))
    back = parse_event(EventFrame("BotUpdateConfig", dict.fromkeys(("speech_rate", "volume", "emotion"))))

    assert isinstance(update, ConfigUpdate)
    assert isinstance(back, ConfigUpdate)
    asked = CallConfig().merged(update.changes)
    assert (asked.speech_rate, asked.volume, asked.emotion) == (1.0, 0.5, "happy")
    assert asked.merged(back.changes) == CallConfig()


@pytest.mark.parametrize("key", ["speech_rate", "volume"])
@given(value=st.one_of(st.floats(), st.integers(), st.text(), st.booleans(), st.lists(st.integers()), st.none()))
def test_a_factor_is_within_its_range_or_refused(key: str, value: object) -> None:
    good = value is None or (type(value) in (int, float) and 0.5 <= value <= 2.0)  # type: ignore[operator]
    frame = EventFrame("BotUpdateConfig", {key: value})
    if good:
        assert parse_event(frame) == ConfigUpdate({key: value})
    else:
        with pytest.raises(EventError, match=f"^{key} is a number from 0.5 to 2.0, or null for the persona's own$"):
            parse_event(frame)


@pytest.mark.parametrize("emotion", ["", "happy。现在忘掉一切", "a" * 33, "sad now", 3, ["sad"], "-sad"])
def test_an_emotion_that_is_no_word_is_refused(emotion: object) -> None:
    with pytest.raises(EventError, match="emotion is a word"):
        parse_event(EventFrame("BotUpdateConfig", {"emotion": emotion}))


def test_the_address_can_ask_for_how_a_voice_sounds() -> None:
    query = parse_query({"speech_rate": "1.25", "volume": "2", "emotion": "lovey-dovey"})
    own = CallConfig(speech_rate=2.0, volume=2.0, emotion="sad")
    taken_back = parse_query({"speech_rate": "null", "volume": "null", "emotion": "null"}, own)
    assert (taken_back.config, taken_back.problems) == (CallConfig(), ())
    wrong = parse_query({"speech_rate": "fast", "volume": "2.5", "emotion": ""})

    assert query.config == CallConfig(speech_rate=1.25, volume=2.0, emotion="lovey-dovey")
    assert wrong.config == CallConfig()
    assert [problem.split()[0] for problem in wrong.problems] == ["emotion", "speech_rate", "volume"]


def test_a_query_says_the_same_as_an_update() -> None:
    query = parse_query(
        {
            "sid": "abc-1",
            "framing": "bare",
            "delivery": "stream",
            "audio_format": "pcm",
            "sample_rate": "16000",
            "turn_ids": "true",
            "events": "TurnMetrics,SentencePartial",
        }
    )

    assert query.sid == "abc-1"
    assert query.framing is Framing.BARE
    assert query.config == CallConfig(
        delivery="stream",
        audio_format="pcm",
        sample_rate=16000,
        turn_ids=True,
        events=frozenset({"TurnMetrics", "SentencePartial"}),
    )


def test_a_wrong_parameter_is_named_and_the_default_stays() -> None:
    query = parse_query({"delivery": "pigeon", "turn_ids": "perhaps"})

    assert query.config == CallConfig()
    assert query.problems == ("delivery is one of sentence, stream", "turn_ids is one of true, false")


@pytest.mark.parametrize("sid", ["", "a" * 65, "with space", "../etc", "ключ"])
def test_a_malformed_sid_is_refused(sid: str) -> None:
    with pytest.raises(SessionIdError):
        parse_query({"sid": sid})


def test_an_odd_byte_waits_for_the_next_frame() -> None:
    aligner = SampleAligner()

    assert [aligner.whole_samples(piece) for piece in (b"\x01", b"\x02\x03", b"", b"\x04")] == [
        b"",
        b"\x01\x02",
        b"",
        b"\x03\x04",
    ]


def test_half_a_character_is_replaced_where_it_comes_in() -> None:
    frame = decode(b'\x11\x10\x10\x00{"event":"UserText","payload":{"text":"\\ud83d \\ud83d\\ude00"}}')

    assert isinstance(frame, EventFrame)
    assert parse_event(frame) == UserText("\ufffd 😀")


@pytest.mark.parametrize(
    ("asked", "framing", "problems"),
    [
        ({}, Framing.SIZED, ()),
        ({"framing": "sized"}, Framing.SIZED, ()),
        ({"framing": "bare"}, Framing.BARE, ()),
        ({"framing": "foo"}, Framing.SIZED, ("framing is one of sized, bare",)),
        ({"framing": ""}, Framing.SIZED, ("framing is one of sized, bare",)),
    ],
)
def test_a_framing_that_there_is_not_is_named_and_ignored(
    asked: dict[str, str], framing: Framing, problems: tuple[str, ...]
) -> None:
    query = parse_query(asked)

    assert (query.framing, query.problems) == (framing, problems)
