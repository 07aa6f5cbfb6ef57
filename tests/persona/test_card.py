"""A card is read whole, or refused with file, key and reason."""

import json
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import CardError
from backend.persona import Card, Voice, load
from tests.persona.small import SMALL, write_card


def test_a_small_card_is_read(tmp_path: Path) -> None:
    card = load(write_card(tmp_path))

    assert (card.id, card.examples[0].caller, card.examples[1].caller) == ("mei", ("你好。", "喂。"), ("再见。",))
    assert (card.greeting, card.speech.rate, card.tests) == (None, 1.0, ())


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("id: mei", "id: me i", "mei.yaml: id: must be 1 to 64 of A-Z a-z 0-9 - _"),
        ("name: Mei\n", "", "mei.yaml: name: missing"),
        ("name: Mei", "name: 12", "mei.yaml: name: must be text; put quotes around it if it looks like a number"),
        ("name: Mei", "name: '  '", "mei.yaml: name: is empty"),
        ("name: Mei", 'name: "\\ud800"', "mei.yaml: name: has half a surrogate pair"),
        ("name: Mei", "nmae: Mei", "mei.yaml: nmae: unknown key; did you mean name?"),
        ("name: Mei", "name: Mei\n7: x", "mei.yaml: 7: unknown key"),
        ("name: Mei", "name: Mei\nname: Lan", "mei.yaml: line 3: the key name stands here twice"),
        ("name: Mei", "name: [Mei", "mei.yaml: line 3: "),
        ("name: Mei", "name: 2024-13-45", "mei.yaml: card: has a date or a number that does not exist"),
        ("language: zh-CN", "language: no", "mei.yaml: language: must be text; put quotes around it"),
        ("language: zh-CN", "language: Chinese", "mei.yaml: language: must be a language tag such as zh-CN or en-GB"),
        ("en: A friend", "fr: Amie", "mei.yaml: tagline.fr: unknown key"),
        ("avatar: mei.svg", "avatar: lan.svg", "mei.yaml: avatar: there is no lan.svg beside the card, nor in "),
        ("avatar: mei.svg", "avatar: ../mei.svg", "mei.yaml: avatar: must be the name of an SVG file"),
        ("volcengine: zh", "volcangine: zh", "mei.yaml: voice.volcangine: unknown key; did you mean volcengine?"),
        ("{volcengine: zh_female_example}", "{}", "mei.yaml: voice: names no voice"),
        ("fallback:", "speech: {rate: 3}\nfallback:", "mei.yaml: speech.rate: must be from 0.5 to 2.0"),
        ("fallback:", "speech: {rate: .nan}\nfallback:", "mei.yaml: speech.rate: must be from 0.5 to 2.0"),
        ("fallback:", "speech: {rate: fast}\nfallback:", "mei.yaml: speech.rate: must be a number"),
        ("fallback:", "speech: 1\nfallback:", "mei.yaml: speech: must be keys with values"),
        (SMALL[SMALL.index("  - caller") : SMALL.index("idle")], "  []\n", "mei.yaml: examples: is empty"),
        ("caller: 再见。", "caller: []", "mei.yaml: examples[2].caller: is empty"),
        ("caller: 再见。", "caller: 你好！", "mei.yaml: examples[2].caller: repeats examples[1]: 你好！"),
        ("answer: 拜拜。", "anwser: 拜拜。", "mei.yaml: examples[2].anwser: unknown key; did you mean answer?"),
        ("answer: 拜拜。", "answer: 拜拜👋", "mei.yaml: examples[2].answer: has waving hand sign, which has no sound"),
        ("answer: 拜拜。", "answer: 拜拜❤️", "mei.yaml: examples[2].answer: has heavy black heart"),
        ("answer: 拜拜。", "answer: '**拜拜**'", "mei.yaml: examples[2].answer: has markdown"),
        ("answer: 拜拜。", "answer: （挥手）拜拜。", "mei.yaml: examples[2].answer: has a stage direction"),
        ("answer: 拜拜。", "answer: '*waves* 拜拜。'", "mei.yaml: examples[2].answer: has a stage direction"),
        ("answer: 拜拜。", "answer: '1. 拜拜'", "mei.yaml: examples[2].answer: begins with a list marker"),
        ("answer: 拜拜。", "answer: '- 拜拜'", "mei.yaml: examples[2].answer: begins with a list marker"),
        ("answer: 拜拜。", 'answer: "拜\\n拜"', "mei.yaml: examples[2].answer: has a line break"),
        (
            "answer: 拜拜。",
            "answer: 看 https://a.example",
            "mei.yaml: examples[2].answer: has markdown or a web address",
        ),
        ("answer: 拜拜。", "answer: ……", "mei.yaml: examples[2].answer: has no words"),
        ("answer: 拜拜。", f"answer: {'好' * 301}", "mei.yaml: examples[2].answer: has 301 characters"),
        ("idle_prompt: 还在吗？", "idle_prompt: （沉默）", "mei.yaml: idle_prompt: has a stage direction"),
    ],
)
def test_a_broken_card_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in SMALL

    with pytest.raises(CardError) as refused:
        load(write_card(tmp_path, SMALL.replace(old, new)))

    assert str(refused.value).startswith(complaint)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "mei.yaml: card: must be keys with values"),
        (b"- a\n- b", "mei.yaml: card: must be keys with values"),
        (b"id: mei\nname: \xff", "mei.yaml: line 2: is not UTF-8"),
        (b"id: mei\nname: \x00", "mei.yaml: line 2: has a character that YAML does not allow"),
        (b"[" * 5000, "mei.yaml: card: is nested too deeply"),
        (b"id: !!python/object:os.system x", "mei.yaml: line 1: could not determine a constructor"),
        (b"x" * (1024 * 1024 + 1), "mei.yaml: file: is larger than 1048576 bytes"),
    ],
    ids=["empty", "list", "latin", "nul", "deep", "object", "large"],
)
def test_a_file_that_is_no_card_is_refused(tmp_path: Path, data: bytes, complaint: str) -> None:
    path = tmp_path / "mei.yaml"
    path.write_bytes(data)

    with pytest.raises(CardError) as refused:
        load(path)

    assert str(refused.value).startswith(complaint)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"^none.yaml: file: cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="file: cannot be read"):
        load(tmp_path)


WHOLE = yaml.safe_load(SMALL)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
changed_cards = st.builds(
    lambda changes: yaml.safe_dump({**WHOLE, **changes}, allow_unicode=True),
    st.dictionaries(st.sampled_from([*(field.name for field in fields(Card)), "other"]), values, max_size=3),
)


@given(changed_cards | values.map(yaml.safe_dump) | st.text(max_size=60))
def test_any_yaml_gives_a_card_or_a_card_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = write_card(folder, "")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    try:
        card = load(path)
    except CardError:
        return
    assert isinstance(card, Card)
    json.dumps(asdict(card), ensure_ascii=False).encode()


@given(st.binary(max_size=60))
def test_any_bytes_give_a_card_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)

    with pytest.raises(CardError, match=r"^bytes\.yaml: .+: .+"):
        load(path)


def test_her_own_voice_is_offered_first_and_once(tmp_path: Path) -> None:
    voices = "[{id: a, name: A, language: zh-CN, gender: male}, {id: own, name: Own, language: zh-CN, gender: female}]"
    text = SMALL.replace("{volcengine: zh_female_example}", f"{{volcengine: own}}\nvoices: {{volcengine: {voices}}}")

    card = load(write_card(tmp_path, text))

    assert [voice.name for voice in card.voices_for("volcengine")] == ["Own", "A"]


def test_a_voice_that_is_not_described_bears_her_name(tmp_path: Path) -> None:
    card = load(write_card(tmp_path))

    assert card.voices_for("volcengine") == (
        Voice(id="zh_female_example", name="Mei", language="zh-CN", gender="neutral"),
    )
    assert card.voices_for("dashscope") == ()


def test_a_provider_without_a_voice_is_named(tmp_path: Path) -> None:
    card = load(write_card(tmp_path))

    with pytest.raises(CardError, match=r"^mei: voice.dashscope: missing"):
        card.voice_for("dashscope")
