"""What a client may ask for, by event and by URL."""

import pytest

from backend.errors import SessionIdError
from backend.protocol.events import CallConfig, ConfigUpdate, parse_event, parse_query
from backend.protocol.frames import EventFrame, Framing
from backend.protocol.pcm import SampleAligner


def test_a_config_update_keeps_known_keys_and_ignores_the_others() -> None:
    update = parse_event(EventFrame("BotUpdateConfig", {"speaker": " zh_voice ", "shoe_size": 38}))

    assert update == ConfigUpdate({"speaker": "zh_voice"})


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
