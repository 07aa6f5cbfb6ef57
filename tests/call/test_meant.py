"""Refusals and questions that are made of the reply's own words, and echoes that hold a "not" or a "who" of hers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.interruption import InterruptionLimits, Overheard, judge, without_echo
from backend.call.meant import is_meant
from backend.call.sounds import sounds

LIMITS = InterruptionLimits()


def parts(text: str) -> list[str]:
    """It, sound by sound longer."""
    return [text[: sound.end] for sound in sounds(text)]


@pytest.mark.parametrize(
    ("speaking", "heard"),
    [
        ("我们再去吃火锅吧，你说好不好？", "不去吃火锅"),
        ("我们再去吃火锅吧，你说好不好？", "不好"),
        ("我们一起去公园走走吧。", "不去公园走走"),
        ("我们一起去公园走走吧。", "我们一起不去公园走走"),
        ("我们可以去公园走走吧。", "为什么去公园走走"),
        ("我们明天去爬山好不好？", "我们不去"),
        ("那我给你讲个故事吧，从前有一座山。", "别给你讲故事"),
        ("那我就给你讲个故事吧。", "别讲故事了"),
        ("那我给你唱首歌吧。", "不给你唱歌"),
        ("我觉得你应该去看医生。", "你应该去看医生吗"),
        ("我觉得你应该去看医生。", "我应该去看医生"),  # "I" for "you"
        ("今天天气不错，我们出去玩吧。", "不出去玩"),
        ("今天天气不错，我们出去玩吧。", "没时间出去玩"),
        ("你先把作业写完，再去打游戏。", "我不写作业"),
        ("我会一直陪着你的。", "谁陪着你"),
        ("我已经告诉你妈妈了。", "别告诉我妈妈"),
        ("我已经告诉你妈妈了。", "什么时候告诉我妈妈"),
        ("You can do it, I believe in you.", "I can't do it"),
        ("We can go there tomorrow.", "we can't go there"),
        ("We can go there tomorrow.", "we cannot go there"),
        ("I will call your mother right now.", "no don't call your mother"),
        ("I think you should tell her the truth.", "why should I tell her the truth"),
        ("You will like this song, it is great.", "I won’t like this song"),
        ("They are coming to your house.", "they aren't coming to my house"),
    ],
)
def test_who_turns_her_words_round_interrupts_before_he_has_ended_and_is_told_whole(speaking: str, heard: str) -> None:
    partials = [judge(part, speaking, LIMITS, final=False) for part in parts(heard)]

    assert Overheard.INTERRUPTION in partials
    assert judge(heard, speaking, LIMITS) is Overheard.INTERRUPTION
    assert without_echo(heard, speaking) == heard


@pytest.mark.parametrize(
    ("speaking", "heard"),
    [
        ("我们不去那家店了，太远。", "我们不去那家店"),
        ("我们不去那家店了，太远。", "我门不去那家店"),
        ("我不知道他是谁。", "不知道他是水"),
        ("你去那儿了，我找你半天。", "你去哪了我找你"),
        ("我昨天去跑步了，累死了。", "去跑不了累死了"),
        ("我和他和她都认识。", "我何他和她都认识"),
        ("要不要我唱给你听？", "要不要我唱"),
        ("你还没告诉我你叫什么呢。", "还没告诉我你叫什么"),
        ("I don't know why you said that.", "I do not know why you said"),
        ("I don't know why you said that.", "I dont know y you said that"),
        ("You know what, let's go.", "you no what let's go"),
    ],
)
def test_her_own_refusals_and_questions_are_echoes_however_they_are_spelt(speaking: str, heard: str) -> None:
    partials = [judge(part, speaking, LIMITS, final=False) for part in parts(heard)]

    assert Overheard.INTERRUPTION not in partials
    assert judge(heard, speaking, LIMITS) is Overheard.ECHO


def test_a_no_counts_by_its_place_and_not_because_she_says_one_somewhere() -> None:
    spoken = list("我不想走我们去吃火锅")

    assert is_meant(list("不去吃火锅"), spoken)
    assert not is_meant(list("我不想走"), spoken)


@pytest.mark.parametrize(
    ("heard", "speaking"),
    [
        ("我想去公园走走但是今天下雨", "我们一起去公园走走吧，你说好不好？"),
        ("我明天下午三点没空", "那我们明天下午三点见吧，别迟到哦。"),
        ("明天下午三点没空", "那我们明天下午三点见吧，别迟到哦。"),  # in the middle of her clause
        ("今天天气真不错你等一下我们一起去公园", "今天天气真不错啊，我们一起去公园走走吧。"),
        ("I want to go to the park but it rains", "Shall we go to the park together?"),
    ],
)
def test_words_that_say_something_with_hers_are_told_whole(heard: str, speaking: str) -> None:
    assert without_echo(heard, speaking) == heard


@pytest.mark.parametrize(
    ("heard", "left"),
    [
        ("一起去公园走走吧你想几点去呢", "你想几点去呢"),
        ("对，一起去公园走走吧，几点？", "几点？"),  # after a nod
        ("我们一起去公园，可是今天下雨", "可是今天下雨"),  # she was stopped there
    ],
)
def test_an_echo_in_front_is_left_out_where_a_clause_ends(heard: str, left: str) -> None:
    assert without_echo(heard, "我们一起去公园走走吧。") == left


HERS = [
    "我不知道你为什么不去，谁都没有告诉我你在哪里。",
    "你要不要我给你讲个故事？我昨天没睡好，不过没关系。",
    "你别生气嘛，我不是那个意思，你想吃什么我都给你买。",
    "今天天气不错，你喜不喜欢出去玩？我们什么时候去？",
    "I don't know why you can't come, but nobody told me what you want.",
    "You know I never said that, so why don't you ask me what I think?",
]
MARKS = re.compile("[，。？,.?]")


@given(st.data())
def test_one_misheard_word_makes_no_refusal_of_her_own_ones(data: st.DataObject) -> None:
    speaking = data.draw(st.sampled_from(HERS))
    joint, misheard = (" ", "fog") if speaking.isascii() else ("", "某")
    clauses = [clause.split() if speaking.isascii() else list(clause) for clause in MARKS.split(speaking) if clause]
    words = [word for clause in clauses[data.draw(st.integers(0, len(clauses) - 1)) :] for word in clause]
    echo = words[: data.draw(st.integers(3, len(words)))]
    echo[data.draw(st.integers(0, len(echo) - 1))] = misheard

    for end in range(1, len(echo) + 1):
        heard = joint.join(echo[:end])
        assert judge(heard, speaking, LIMITS, final=end == len(echo)) is not Overheard.INTERRUPTION, heard


@given(st.data())
def test_a_no_before_any_of_her_words_is_never_an_echo(data: st.DataObject) -> None:
    speaking, no = data.draw(
        st.sampled_from(
            [("我们周末一起去公园走走，顺便吃个饭。", no) for no in "不别没"]
            + [
                ("We could go to the park on Sunday, and have some lunch there.", no)
                for no in ("not ", "never ", "don't ")
            ]
        )
    )
    found = sounds(speaking)
    begin = data.draw(st.integers(0, len(found) - 2))
    end = found[data.draw(st.integers(begin + 1, len(found) - 1))].end
    heard = no + speaking[found[begin - 1].end if begin else 0 : end]

    assert judge(heard, speaking, LIMITS) is Overheard.INTERRUPTION, heard
