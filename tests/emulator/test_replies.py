"""The offline stand-in for a chat model: examples, memory of the call, and what it says when nothing fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.engines.base import ChatRequest
from emulator.engines.likeness import Likeness, to_the_point
from emulator.engines.replies import Replies, answer, taken_apart
from emulator.engines.small_talk import PHRASES, ask_on

HELLO = "喂，你好呀！我刚还在想你呢。"
BUSY = "趴在床上修照片呢。你呢，这会儿闲着？"
TRAVEL = "最爱坐慢火车，晃晃悠悠的。"
NAMED = "好嘞，记住啦。那你平时都喜欢干点什么呀？"
CRISIS = "你先别挂，我很认真地在听。"
EXAMPLES = [
    ("喂，你好。\n你好呀。", HELLO),
    ("你在干嘛呢？\n你在做什么？", BUSY),
    ("你喜欢旅行吗？\n你去过哪些地方？", TRAVEL),
    ("我叫小明。\n你可以叫我小王。", NAMED),
    ("我不想活了。\n我想死。", CRISIS),
    ("你喜欢听什么歌？\n推荐一首歌。", "晚上听民谣。你手机里最近单曲循环的是哪首？"),
]
ENGLISH = [
    ("Hello.\nHi there.", "Hello, you!"),
    ("What are you doing?\nAre you busy?", "Watching the harbour lights."),
    ("What music do you like?\nDo you like music?", "Sea shanties. What do you like to listen to?"),
]


def said(*history: str, examples: list[tuple[str, str]] = EXAMPLES) -> str:
    """The answer to the last of these, said by turns after the examples."""
    messages = [{"role": "system", "content": "你是青青。"}]
    for asked, answered in examples:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    roles = ("user", "assistant")
    messages += [{"role": roles[at % 2], "content": text} for at, text in enumerate(history)]
    return answer(taken_apart(messages))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("你好。", HELLO),
        ("你好，请请，你今天在干什么呀？", BUSY),
        ("你最近，有没有去哪里旅游？", TRAVEL),
        ("你都去过什么地方啊", TRAVEL),
    ],
)
def test_the_likest_example_answers(asked: str, expected: str) -> None:
    assert said(asked) == expected


@pytest.mark.parametrize(
    ("asked", "expected"), [("Hello, what did you do today?", ENGLISH[1][1]), ("hi there", ENGLISH[0][1])]
)
def test_english_examples_answer_english(asked: str, expected: str) -> None:
    assert said(asked, examples=ENGLISH) == expected


def test_an_answer_is_not_given_twice() -> None:
    again = said("你在干嘛呢？", BUSY, "你现在在干什么？")

    assert again == "刚才不是说过嘛，趴在床上修照片呢。"
    assert said("你在干嘛呢？", BUSY, "你在干嘛呢？", again, "你在干嘛呢？") not in (BUSY, again)


def test_an_answer_that_was_cut_off_was_given_too() -> None:
    assert said("你好。", "喂，你好呀！", "你好。") != HELLO


def test_the_callers_name_is_kept() -> None:
    assert said("我叫小刚。") == f"小刚，{NAMED}"
    assert said("我叫小刚。", NAMED, "我叫什么名字？") == PHRASES["zh"].name_known.format("小刚")
    assert said("我叫什么名字？") == PHRASES["zh"].name_unknown
    assert said("My name is Tom.", "Hi Tom.", "What is my name?", examples=ENGLISH).startswith("Tom")


def test_the_names_in_examples_are_not_the_callers() -> None:
    assert "小王" not in said("你知道我是谁吗？") + said("我叫什么名字？")


@pytest.mark.parametrize(
    ("told", "part"), [("我昨天去爬山了。", "你昨天去爬山了"), ("I went hiking yesterday.", "ou went hiking yesterday")]
)
def test_what_fits_no_example_is_asked_about(told: str, part: str) -> None:
    assert part in said(told, examples=EXAMPLES if "我" in told else ENGLISH)


def test_a_question_that_fits_no_example_is_not_answered_with_an_invention() -> None:
    assert said("你知道量子力学吗？") in PHRASES["zh"].to_questions


def test_now_and_then_it_changes_the_subject_with_a_question_of_its_own() -> None:
    history = ["嗯嗯嗯", "然后呢？", "嗯嗯嗯嗯", "接着说。", "没事了"]

    assert said(*history) == "对了，你手机里最近单曲循环的是哪首？"


def test_despair_gets_the_serious_answer_however_often_and_nothing_light_else() -> None:
    assert said("我真的不想活了。") == CRISIS
    assert said("我不想活了。", CRISIS, "我想死。") == CRISIS
    assert said("我不想活了。", examples=EXAMPLES[:3]) == PHRASES["zh"].serious
    assert CRISIS not in (said("今天累死了。"), said("我想死你啦！"))


def test_it_speaks_the_language_of_its_examples() -> None:
    assert said("我昨天去爬山了。", examples=ENGLISH).isascii()
    assert not said("The weather was fine.").isascii()


def test_examples_of_one_line_each_are_found_too() -> None:
    plain = [("你好。", HELLO), ("你在干嘛呢？", BUSY)]

    assert said("你在做什么？", examples=plain) == BUSY
    assert said("你在干嘛呢？", BUSY, "你在干嘛呢？", examples=plain) != BUSY


def test_messages_in_parts_are_read() -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "你好。"}, {"type": "image_url"}]}]

    assert taken_apart(parts).text == "你好。"


async def test_tokens_are_small_and_make_up_the_answer() -> None:
    messages = [{"role": "user", "content": "Hi.\nHello."}, {"role": "assistant", "content": "Hi, 你好呀！ OK?"}]
    request = ChatRequest("any", [*messages, {"role": "user", "content": "Hello."}])

    tokens = [token async for token in Replies().reply(request)]

    assert "".join(tokens) == "Hi, 你好呀！ OK?"
    assert max(map(len, tokens)) <= 4


def test_it_says_what_it_is() -> None:
    assert Replies().label == "replies (offline stand-in)"


turn = st.text(st.sampled_from("我你好叫去吗什么，。？！ Iyoumne"), max_size=20)


@given(st.lists(turn, max_size=6), turn)
def test_equal_requests_get_equal_answers_and_there_is_always_one(history: list[str], text: str) -> None:
    assert said(*history, text) == said(*history, text) != ""


@given(st.lists(st.sampled_from(["你好", "嗯", "我去爬山了", "为什么", "Hello"]), min_size=1, max_size=8))
def test_three_answers_in_a_row_are_never_the_same(asked: list[str]) -> None:
    history: list[str] = []
    for text in asked:
        history += [text, said(*history, text)]

    answers = history[1::2]
    assert all(len(set(answers[at : at + 3])) > 1 for at in range(len(answers) - 2))


def test_a_greeting_and_a_name_do_not_drown_the_question() -> None:
    assert to_the_point("你好，青青，你今天在干什么呀？") == "你今天在干什么呀"
    assert to_the_point("嗯，好吧。") == "嗯，好吧"


def test_likeness_is_one_for_the_same_words_and_zero_for_none_in_common() -> None:
    scores = Likeness([("你喜欢旅行吗？",), ("明天考试",)]).scores("你喜欢旅行吗")

    assert scores == [pytest.approx(1.0), 0.0]


@given(st.text(max_size=40), st.sampled_from(["zh", "en"]), st.integers(0, 50))
def test_there_is_always_something_to_say(text: str, language: str, turn: int) -> None:
    assert ask_on(text, language, turn).strip()  # type: ignore[arg-type]
