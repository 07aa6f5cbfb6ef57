"""Scripts: what they may say, where they come from, and how their lines are used up."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from backend.errors import ConfigError
from emulator.prompter import Prompter
from emulator.script import DEFAULT_HEARS, Fault, Kind, Reply, Script, Timing, Utterance, load

YAML = """
hears:
  - 你好
  - {text: 今天天气怎么样？, partials: [今天, 今天天气], after_ms: 600}
hears_always: {text: 喂？, after_ms: null}
replies: [嗨！, {text: 很好。, tokens: [很, 好。]}]
timing: {asr_ms: 100, first_token_ms: 300, token_ms: 20, tts_first_byte_ms: 200, jitter_ms: 5, seed: 7}
tone: {ms_per_char: 150}
faults:
  - {service: tts, kind: stall, at: mid, nth: 2}
  - {service: chat, kind: refuse, status: 429, nth: null}
keys: [secret]
"""


def test_a_yaml_file_becomes_a_script(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(YAML, encoding="utf-8")

    script = load(path)

    assert script.hears == (
        Utterance(text="你好"),
        Utterance(text="今天天气怎么样？", partials=("今天", "今天天气"), after_ms=600),
    )
    assert script.hears_always == Utterance(text="喂？", after_ms=None)
    assert script.replies == (Reply(text="嗨！"), Reply(text="很好。", tokens=("很", "好。")))
    assert script.timing == Timing(
        asr_ms=100, first_token_ms=300, token_ms=20, tts_first_byte_ms=200, jitter_ms=5, seed=7
    )
    assert script.faults == (
        Fault(service="tts", kind="stall", at="mid", nth=2),
        Fault(service="chat", kind="refuse", status=429, nth=None),
    )
    assert script.keys == {"secret"}


def test_an_empty_file_is_the_default_script(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.touch()

    assert load(path) == Script()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hears: {", "script.yaml: line 1: "),
        ("heard: []", "heard: Extra inputs are not permitted"),
        ("hears: [{txt: a}]", "hears.0.text: Field required"),
        ("[]", ": Input should be a valid dictionary"),
        ("faults: [{service: asr, kind: fail}]", "fail is for tts, not for asr"),
        ("faults: [{service: inference, kind: cut}]", "inference can connect_stall, idle_close, refuse, and no more"),
        ("replies: [{text: ab, tokens: [a]}]", "tokens do not join to text"),
        ("timing: {asr_ms: -1}", "timing.asr_ms: "),
    ],
)
def test_a_broken_script_is_refused_with_file_key_and_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as refused:
        load(path)

    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    assert reason in said
    assert said.endswith("; docs/emulator.md tells what a script is")
    assert "\n" not in said


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load(tmp_path / "none.yaml")


def test_lines_are_used_in_order_and_what_is_left_is_known() -> None:
    prompter = Prompter(Script(hears=("一", "二"), replies=("甲", "乙")))

    assert prompter.claim_utterance() == Utterance(text="一")
    assert prompter.claim_reply() == Reply(text="甲")
    left = prompter.left()

    assert [line["text"] for line in left["hears"]] == ["二"]
    assert [line["text"] for line in left["replies"]] == ["乙"]


def test_after_a_list_nothing_is_heard_unless_the_script_says_what() -> None:
    quiet, talking = Prompter(Script(hears=("一",))), Prompter(Script(hears=("一",), hears_always="嗯"))
    for prompter in (quiet, talking):
        prompter.claim_utterance()

    assert quiet.claim_utterance() is None
    assert [talking.claim_utterance() for _ in range(2)] == [Utterance(text="嗯")] * 2


def test_without_a_list_speech_is_heard_as_a_greeting() -> None:
    assert Prompter(Script()).claim_utterance() == Utterance(text=DEFAULT_HEARS, after_ms=None)


def _strikes(prompter: Prompter, service: Any, *, connecting: bool, times: int) -> list[bool]:
    return [prompter.fault(service, connecting=connecting) is not None for _ in range(times)]


def test_faults_count_the_uses_of_their_own_service_and_moment() -> None:
    prompter = Prompter(Script(faults=(Fault(service="tts", kind="cut", nth=2),)))

    assert _strikes(prompter, "asr", connecting=False, times=3) == [False] * 3
    assert _strikes(prompter, "tts", connecting=True, times=3) == [False] * 3
    assert _strikes(prompter, "tts", connecting=False, times=3) == [False, True, False]


def test_a_fault_that_never_struck_is_left_over() -> None:
    faults = (Fault(service="tts", kind="cut", nth=2), Fault(service="tts", kind="cut", nth=1))
    prompter = Prompter(Script(faults=faults))
    prompter.fault("tts", connecting=False)

    assert [fault["nth"] for fault in prompter.left()["faults"]] == [2]


def test_a_new_script_counts_uses_from_one_again() -> None:
    prompter = Prompter(Script())
    prompter.fault("chat", connecting=False)
    prompter.load(Script(faults=(Fault(service="chat", kind="cut"),)))

    assert _strikes(prompter, "chat", connecting=False, times=2) == [True, False]


def test_jitter_repeats_with_its_seed() -> None:
    timing = Timing(jitter_ms=50, seed=3)
    one, other = Prompter(Script(timing=timing)), Prompter(Script(timing=timing))
    drawn = [one.delay_s(100) for _ in range(5)]

    assert drawn == [other.delay_s(100) for _ in range(5)]
    assert len(set(drawn)) == 5
    assert all(0.1 <= delay_s <= 0.15 for delay_s in drawn)


def test_a_script_cannot_hold_a_negative_use() -> None:
    with pytest.raises(ValidationError):
        Fault(service="asr", kind="cut", nth=0)


def test_only_a_voice_has_a_first_sound() -> None:
    with pytest.raises(ValidationError, match="sound is for tts, not for chat"):
        Fault(service="chat", kind=Kind.SLOW, at="sound")
    assert Fault(service="tts", kind=Kind.SLOW, at="sound").at == "sound"
