"""The corpus of turns, how it is replayed, and what our rules make of it."""

import json
from collections import Counter
from statistics import fmean

from backend.ports import Hypothesis
from bench import endpointing, turns, witnesses
from bench.replay import replay
from bench.rules import FixedSilence, FixedText
from bench.scores import cut_off_percent, delays_ms, figures
from bench.turns import Part, Turn, Word
from bench.witnesses import Edge, News
from tests.data.turns import make
from tests.data.turns.times import PAUSES, read, timed

TURN = Turn(
    "zh-x",
    "zh",
    (Word("你", "", 200, 400), Word("好", "，", 400, 600), Word("吗", "？", 1200, 1400)),
    ((600, 1200),),
    sound=None,
)
EDGES = [
    News(300, Edge(True, 200)),
    News(730, Edge(False, 600)),
    News(1300, Edge(True, 1200)),
    News(1530, Edge(False, 1400)),
]
TEXTS = [
    News(at_ms, Hypothesis(text, definite=False, end_ms=0, audio_ms=at_ms))
    for at_ms, text in ((600, "你"), (800, "你好"), (1600, "你好吗"))
]


def test_the_corpus_is_what_its_source_makes() -> None:
    written = [json.loads(line) for line in (turns.FOLDER / "turns.jsonl").read_text("utf-8").splitlines()]

    assert written == json.loads(json.dumps(make.records()))


def test_the_corpus_is_large_and_mixed_and_has_sound() -> None:
    corpus = turns.load()
    languages = Counter(turn.language for turn in corpus)

    assert len(corpus) == len({turn.id for turn in corpus}) >= 200
    assert 0.55 <= languages["zh"] / len(corpus) <= 0.65
    assert sum(turn.sound is not None for turn in corpus) >= 40
    assert 0.28 <= sum(turn.part == "held out" for turn in corpus) / len(corpus) <= 0.38
    assert sum(bool(turn.pauses) for turn in corpus) > len(corpus) / 2


def test_words_follow_each_other_and_pauses_are_as_long_as_their_kind_allows() -> None:
    for record in make.records():
        edges = [edge for _, start_ms, end_ms in record["words"] for edge in (start_ms, end_ms)]
        assert edges == sorted(edges)
        assert record["end_ms"] == edges[-1]
        for pause in record["pauses"]:
            kind = next(kind for kind in PAUSES.values() if kind.kind == pause["kind"])
            assert kind.least_ms <= pause["ms"] <= kind.most_ms
            after = pause["after"]
            assert record["words"][after][1] - record["words"][after - 1][2] == pause["ms"]


def test_sound_that_is_longer_or_shorter_moves_the_words_with_it() -> None:
    line = read("zh-000 lin 你好，// 请问")

    record = timed(line, [500, 1000])

    first, last = record["words"][0], record["words"][-1]
    assert record["words"][1][2] - first[1] == 500
    assert last[2] - record["words"][2][1] == 1000


def test_a_rule_that_decides_in_a_pause_cuts_the_caller_off() -> None:
    outcome = replay(TURN, FixedSilence(400), TEXTS, EDGES)

    assert (outcome.delay_ms, outcome.text, outcome.cut_off) == (-400, "你好", True)


def test_a_rule_that_decides_without_the_last_word_cuts_it_off() -> None:
    outcome = replay(TURN, FixedSilence(100), TEXTS, [EDGES[0], EDGES[-1]])

    assert (outcome.delay_ms, outcome.text, outcome.cut_off) == (140, "你好", True)


def test_unchanged_text_is_counted_from_its_arrival() -> None:
    outcome = replay(TURN, FixedText(900), TEXTS, ())

    assert (outcome.delay_ms, outcome.text, outcome.cut_off) == (1580 + 900 - 1400, "你好吗", False)


def test_a_rule_that_waits_has_all_of_it() -> None:
    outcome = replay(TURN, FixedSilence(800), TEXTS, EDGES)

    assert (outcome.delay_ms, outcome.text, outcome.cut_off) == (800, "你好吗", False)
    assert figures([outcome]) == ["1", "0.0", "800", "800", "800", "0.00"]


def test_the_recogniser_is_late_says_more_and_more_and_ends_with_a_definite_text() -> None:
    for turn in turns.load():
        told = witnesses.recogniser(turn)
        heard = [each.says for each in told if isinstance(each.says, Hypothesis)]
        assert [each.at_ms for each in told] == sorted(each.at_ms for each in told)
        assert heard[-1].definite
        assert told[-1].at_ms >= turn.end_ms
        letters = [sum(map(str.isalnum, each.text)) for each in heard]
        assert letters == sorted(letters)


def test_the_detector_tells_of_every_stretch_of_speech_after_it_began() -> None:
    for turn in turns.load():
        told = [(each.at_ms, each.says) for each in witnesses.detector(turn)]
        edges = [says for _, says in told if isinstance(says, Edge)]
        assert len(edges) >= 2 * len(turn.stretches)
        assert all(at_ms > edge.at_ms for (at_ms, _), edge in zip(told, edges, strict=True))
        assert not edges[-1].speaking


def test_ours_is_near_the_aim_and_far_from_fixed_silence() -> None:
    slack: dict[Part, tuple[float, float]] = {"tuning": (6.0, 620.0), "held out": (6.0, 620.0)}
    corpus = turns.load()
    for part, (most_percent, most_ms) in slack.items():
        ours = endpointing.run(corpus, part, endpointing.OURS, witnesses.detector)
        fixed = endpointing.run(corpus, part, endpointing.ALL[0], witnesses.detector)
        assert cut_off_percent(ours) <= most_percent
        assert fmean(delays_ms(ours)) <= most_ms
        assert cut_off_percent(fixed) >= 3 * cut_off_percent(ours)


def test_without_voice_activity_ours_is_faster_than_the_reference() -> None:
    corpus = turns.load()

    deaf = endpointing.run(corpus, "tuning", endpointing.DEAF, witnesses.detector)

    assert fmean(delays_ms(deaf)) <= 1000
    assert cut_off_percent(deaf) <= 15
