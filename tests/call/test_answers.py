"""What callers say right after the reply's last sound: mostly an answer in its own words, seldom its echo."""

from collections.abc import Sequence

import pytest

from backend.call.machine import Call, CallLimits, State
from backend.call.moves import (
    AskIfThere,
    Effect,
    HangUp,
    Heard,
    Joined,
    OpenEars,
    Reached,
    ReplyEnded,
    Say,
    Sensed,
    SentenceSent,
    SoundSent,
    Tick,
    Told,
)
from backend.ports import Hypothesis
from backend.protocol.events import CallConfig, PlaybackPosition, UserText

SOUND_MS = 3000
BEGAN, SENT, PLAYED = 1.5, 4.2, 4.5
AFTER_S = (0.3, 0.7)


def spoken_to(sentence: str, events: frozenset[str] = frozenset()) -> Call:
    """A call whose first reply has been sent, paced, and is almost played."""
    call = Call("sid-1", CallLimits(), CallConfig(barge_in=True, delivery="stream", events=events))
    call.handle(Joined(), now=0.0)
    call.handle(Told(UserText("你好")), now=1.0)
    call.handle(SentenceSent(1, sentence), now=BEGAN)
    call.handle(SoundSent(1, SOUND_MS), now=BEGAN)
    call.handle(ReplyEnded(1, sentence), now=SENT)
    call.handle(Told(PlaybackPosition(1, SOUND_MS - 200)), now=PLAYED - 0.2)
    return call


def says(call: Call, text: str, begins: float, ears: int = 2) -> list[Effect]:
    """Someone speaks from then on, for a second; the recogniser tells it once in between and once when it is over."""
    effects = call.handle(Sensed(ears, speaking=True, at_ms=1000), begins)
    effects += call.handle(Heard(ears, Hypothesis(text, definite=False, end_ms=1900, audio_ms=1900)), begins + 0.9)
    effects += call.handle(Sensed(ears, speaking=False, at_ms=2000), begins + 1)
    effects += call.handle(Heard(ears, Hypothesis(text, definite=True, end_ms=1950, audio_ms=2900)), begins + 1.9)
    return effects + call.handle(Reached(ears, audio_ms=4000), begins + 3)


def recognised(effects: Sequence[Effect]) -> list[object]:
    return [e.payload["sentence"] for e in effects if isinstance(e, Say) and e.event == "SentenceRecognized"]


ANSWERS = {
    "要不要我唱给你听？": "要 不要 要啊 不要了 好啊 唱吧 你唱 唱给我听 想听",
    "你去不去？": "去 不去 去啊 我去 我不去 不去了",
    "那我们去吃火锅好不好？": "好 不好 吃火锅 不吃火锅 好吃火锅",
    "你是不是生气了？": "是 不是 不是，没生气 生气了 是生气了 没生气",
    "你吃饭了没有？": "没有 吃了 吃饭了 没吃 还没 我吃饭了",
    "你有没有兄弟姐妹？": "有 没有 有姐姐 没有兄弟姐妹 兄弟姐妹没有",
    "你想喝咖啡还是茶？": "咖啡 茶 喝咖啡 喝茶 我想喝咖啡 都行",
    "你喜欢猫还是狗？": "猫 狗 我喜欢猫 喜欢狗 我喜欢狗",
    "你去过北京吗？": "去过 我去过北京 去过北京 没去过 北京",
    "你现在在家吗？": "在 在家 在家呢 我在家 现在在家 不在家 我现在在家",
    "你喜欢我吗？": "喜欢 我喜欢你 不喜欢 喜欢你",
    "我可以叫你小明吗？": "可以 不可以 叫我小明 你可以叫我小明",
    "你觉得好看不好看？": "好看 不好看 我觉得好看",
    "你在听歌呢？": "在听歌呢 在听歌 没听歌",
    "你生日是三月五号对吗？": "对 三月五号 3月5号 是三月五号 不对",
    "你会弹吉他吗？": "会 会弹 会弹吉他 我会弹吉他 不会弹吉他",
}
ENGLISH_ANSWERS = {
    "Do you like dogs?": ["I like dogs", "like dogs", "I do", "dogs"],
    "Do you want green tea or black coffee?": ["green tea", "black coffee", "coffee", "I want black coffee"],
    "Are you at home now?": ["I'm at home now", "at home", "at home now", "I'm not at home"],
    "Did you sleep well?": ["I did sleep well", "I did", "sleep well", "didn't sleep well"],
    "Can you swim?": ["I can swim", "I can't swim", "can't swim", "I can"],
    "Would you like me to tell you a story?": ["tell me a story", "a story", "don't tell me a story"],
}
RETURNED = {
    "那就这样，晚安。": ["晚安", "好的，晚安"],
    "那明天见。": ["明天见", "好，明天见"],
    "好了，再见。": ["再见"],
    "那我们走吧。": ["走吧", "好，走吧"],
    "Well, good night.": ["good night", "Oh, good night"],
    "All right, see you tomorrow.": ["see you tomorrow"],
    "我今天买了一件新衣服。": ["新衣服？", "你今天买了一件新衣服？", "什么衣服", "我也买了一件新衣服"],
    "You are my best friend.": ["I'm your best friend", "my best friend?", "not my best friend"],
    "我养了一只猫，叫毛毛。": ["一只猫", "养了一只猫"],  # not the end of it
    "I have a cat called Sam.": ["a cat", "have a cat"],
}
PAIRS = [
    *((asked, answer) for asked, answers in ANSWERS.items() for answer in answers.split()),
    *((asked, answer) for asked, answers in {**ENGLISH_ANSWERS, **RETURNED}.items() for answer in answers),
]


@pytest.mark.parametrize(("sentence", "answer"), PAIRS)
def test_an_answer_in_her_own_words_is_an_utterance_as_soon_as_she_is_quiet(sentence: str, answer: str) -> None:
    for after_s in AFTER_S:
        assert recognised(says(spoken_to(sentence), answer, PLAYED + after_s)) == [answer]


@pytest.mark.parametrize(
    ("sentence", "answer"), [("你想喝咖啡还是茶？", "咖啡"), ("你在家吗？", "在家"), ("你去不去？", "去")]
)
def test_a_question_may_be_answered_before_its_last_word_has_sounded(sentence: str, answer: str) -> None:
    assert recognised(says(spoken_to(sentence), answer, PLAYED - 0.2)) == [answer]


@pytest.mark.parametrize("after_s", AFTER_S)
@pytest.mark.parametrize(
    ("sentence", "echo"),
    [
        ("我们一起去公园走走吧。", "去公园走走吧"),
        ("我们一起去公园走走吧。", "去公圆走走吧"),  # with a word misheard
        ("我今天去图书馆借书了。", "图书馆借书了"),
        ("我今天去图书馆借书了。", "借书了"),
        ("我今天去图书馆借书了。", "图书管借书了"),
        ("你喜欢去公园玩吗？", "去公园玩吗"),
        ("你喜欢去公园玩吗？", "去公圆玩吗"),
        ("你明天几点上课？", "几点上课"),
        ("你明天去不去？", "去不去"),
        ("We could go to the park together.", "the park together"),
        ("We could go to the park together.", "to the dark together"),
        ("Do you like dogs?", "you like dogs"),
    ],
)
def test_the_end_of_her_sentence_that_comes_back_late_is_nobodys(sentence: str, echo: str, after_s: float) -> None:
    effects = says(spoken_to(sentence), echo, PLAYED + after_s)

    assert [effect for effect in effects if isinstance(effect, OpenEars | Say)] == [OpenEars(3)]


@pytest.mark.parametrize(("answer", "told_at_once"), [("咖啡", False), ("我喜欢猫", True), ("不要", True)])
def test_what_may_become_her_echo_is_told_to_nobody_until_it_is_over(answer: str, *, told_at_once: bool) -> None:
    call = spoken_to("要不要咖啡，你喜欢猫？", events=frozenset({"SentencePartial"}))
    call.handle(Sensed(2, speaking=True, at_ms=1000), PLAYED + 0.3)

    effects = call.handle(Heard(2, Hypothesis(answer, definite=False, end_ms=1900, audio_ms=1900)), PLAYED + 1)

    assert [e.event for e in effects if isinstance(e, Say)] == ["SentencePartial"] * told_at_once


# --- are you still there?

LIMITS = CallLimits(idle_s=60.0, ask_before_s=20.0)
LINES = {
    "喂，你还在吗？": ["我还在", "还在", "我在", "在的", "在呢", "在", "还在呢"],
    "你还在听吗？": ["我在听", "在听", "我还在听", "在听呢", "听着呢"],
    "喂，人呢？你还在听吗，是不是信号不太好呀？": [
        "我在听",
        "还在听",
        "我还在听呢",
        "不是",
        "信号不好",
        "信号不太好",
        "是信号不好",
        "是",
    ],
    "Are you still there?": ["I'm still there", "still here", "I'm here", "yes I am", "still there"],
    "You still there? It's gone awful quiet, I can hear the tide.": [
        "I'm still there",
        "still there",
        "I can hear you",
    ],
}


def asked(line: str, config: CallConfig) -> Call:
    """A call in which she has asked, until second 42.3, whether anybody is there."""
    call = Call("sid-1", LIMITS, config)
    call.handle(Joined(), now=0.0)
    assert any(isinstance(effect, AskIfThere) for effect in call.handle(Tick(), now=40.0))
    call.handle(SentenceSent(1, line), now=40.3)
    call.handle(SoundSent(1, 2000.0), now=40.3)
    call.handle(ReplyEnded(1, line), now=40.4)
    return call


@pytest.mark.parametrize("config", [CallConfig(), CallConfig(barge_in=True)], ids=["by default", "with barge-in"])
@pytest.mark.parametrize(("line", "answer"), [(line, answer) for line, answers in LINES.items() for answer in answers])
def test_who_answers_that_he_is_there_is_not_hung_up_on(line: str, answer: str, config: CallConfig) -> None:
    call = asked(line, config)

    effects = says(call, answer, 42.6, ears=call._listening.number)

    assert recognised(effects) == [answer]
    assert call.handle(Tick(), now=60.1) == []
    assert call.state is State.IN_PROCESS


@pytest.mark.parametrize("config", [CallConfig(), CallConfig(barge_in=True)], ids=["by default", "with barge-in"])
def test_the_questions_own_echo_is_no_caller_at_any_of_its_partials(config: CallConfig) -> None:
    line = "喂，人呢？你还在听吗，是不是信号不太好呀？"
    call, ears = asked(line, config), 2 - config.barge_in
    call.handle(Sensed(ears, speaking=True, at_ms=100), now=40.7)

    words = "喂人呢你还在听吗是不是信号不太好呀"
    effects: list[Effect] = []
    for count in range(1, len(words) + 1):
        heard = Hypothesis(words[:count], definite=False, end_ms=100 * count, audio_ms=100 * count)
        effects += call.handle(Heard(ears, heard), now=40.7 + 0.1 * count)
    effects += call.handle(Sensed(ears, speaking=False, at_ms=1900), now=42.6)
    effects += call.handle(Heard(ears, Hypothesis(words, definite=True, end_ms=1800, audio_ms=2800)), now=43.5)

    assert [effect for effect in effects if isinstance(effect, OpenEars | Say)] == [OpenEars(ears + 1)]
    assert any(isinstance(effect, HangUp) for effect in call.handle(Tick(), now=60.0))


def test_a_lone_word_over_the_question_shows_that_somebody_is_there() -> None:
    call = asked("你还在听吗？", CallConfig(barge_in=True))

    says(call, "哎", 40.8, ears=1)

    assert not [effect for effect in call.handle(Tick(), now=60.0) if isinstance(effect, Say)]
