"""Words heard during a reply: what cuts it off, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.interruption import InterruptionLimits, Overheard, judge, without_echo
from backend.call.sounds import sounds

LIMITS = InterruptionLimits()
SPEAKING = "我今天下午去操场跑步了，等一下还要去图书馆借书。"


@pytest.mark.parametrize(
    "heard",
    [
        "等一下",
        "停",
        "停停停。",
        "别说了",
        "我不想听这个",
        "好的但是我有个问题",
        "你说得不对",
        "换个话题吧",
        "你等等",
        "停车场在哪儿",
    ],
)
def test_words_of_chinese_cut_a_reply_off(heard: str) -> None:
    assert judge(heard, "那家店的蛋糕特别好吃。", LIMITS) is Overheard.INTERRUPTION


@pytest.mark.parametrize("heard", ["Wait!", "stop", "hold on a second", "Shut up.", "but I never", "No, no, wait"])
def test_words_of_english_cut_a_reply_off(heard: str) -> None:
    assert judge(heard, "The cake there is lovely.", LIMITS) is Overheard.INTERRUPTION


@pytest.mark.parametrize(
    "heard",
    *[
        [
            *(
                "嗯",
                "嗯嗯。",
                "对",
                "对对对",
                "哦，好的。",
                "是吗？",
                "哈哈哈",
                "好的好的",
                "真的假的",
                "原来如此",
                "啊，这样啊",
            ),
            *("uh-huh", "Yeah.", "Oh, I see.", "okay, okay", "Mm-hmm", "right", "really?", "Haha, yeah"),
        ]
    ],
)
def test_a_backchannel_does_not_interrupt(heard: str) -> None:
    assert judge(heard, SPEAKING, LIMITS) is Overheard.BACKCHANNEL


@pytest.mark.parametrize("heard", ["", "。", "…", "，"])
def test_a_sound_without_words_is_nothing(heard: str) -> None:
    assert judge(heard, SPEAKING, LIMITS) is Overheard.NOTHING


@pytest.mark.parametrize(
    "heard",
    [
        "我今天下午去操场跑步了",
        "下午去操场跑步",
        "等一下还要",
        "等一下",  # her own words, as they come out of the loudspeaker
        "今天下午去草场跑步了。",  # with a word misheard
    ],
)
def test_the_echo_of_the_reply_is_no_interruption(heard: str) -> None:
    assert judge(heard, SPEAKING, LIMITS) is Overheard.ECHO


OUTING = "今天天气真不错啊，我们一起去公园走走吧，顺便吃个饭。"


@pytest.mark.parametrize(
    ("speaking", "heard"),
    [
        ("我二十岁，学新闻的。", "我20岁学新闻的"),
        ("我明天下午三点半有课，你呢？", "我明天下午3:30有课"),
        ("我明天下午三点半有课，你呢？", "明天下午3点半"),
        ("票价两百五十块，打八折。", "票价250块打8折"),
        ("我是2006年9月3日生的。", "我是二零零六年九月三号生的"),
        ("大概有百分之二十的人不同意。", "大概有20%的人不同意"),
        ("I'm twenty five, you know.", "I'm 25 you know"),
        ("It's OK, let's go there.", "it is okay lets go there"),
        ("他在那儿等我呢。", "她在那等我呢"),
        ("你快点儿来嘛，我再等你。", "您快点来吗我在等你"),
        (OUTING, "今天天汽真不错啊我们一起去"),
        ("We could go to the park together, and have lunch.", "we could go to the dark together"),
    ],
)
def test_an_echo_is_known_however_the_recogniser_spells_it_and_at_every_partial(speaking: str, heard: str) -> None:
    ends = [sound.end for sound in sounds(heard)]
    partials = [judge(heard[:end], speaking, LIMITS, final=False) for end in ends]

    assert Overheard.INTERRUPTION not in partials
    assert judge(heard, speaking, LIMITS) is Overheard.ECHO


@given(st.data())
def test_one_misheard_word_anywhere_in_an_echo_never_cuts(data: st.DataObject) -> None:
    chinese = data.draw(st.booleans())
    words = list(filter(str.isalnum, OUTING)) if chinese else ["i", "went", "to", "see", "that", "film", "with", "me"]
    begin = data.draw(st.integers(0, len(words) - 3))
    echo = words[begin : data.draw(st.integers(begin + 3, len(words)))]
    echo[data.draw(st.integers(0, len(echo) - 1))] = data.draw(
        st.sampled_from(["某", "些", "汽"] if chinese else ["fog", "pie"])
    )
    joint, speaking = ("", OUTING) if chinese else (" ", "I went to see that film, with me.")

    for end in range(1, len(echo) + 1):
        heard = joint.join(echo[:end])
        assert judge(heard, speaking, LIMITS, final=end == len(echo)) is not Overheard.INTERRUPTION, heard


@pytest.mark.parametrize(
    "heard",
    [
        *(
            "公园太远了",
            "不去公园",
            "我不去",
            "去公园吗",
            "公园吗",
            "去哪个公园",
            "为什么去公园",
            "今天不行",
            "今天天气不好",
        ),
        *(
            "真的不错吗",
            "公园有什么好玩的",
            "我们下次再说",
            "吃饭去哪儿",
            "停",
            "等一下",
            "别说了",
            "今天天气真不错你等一下",
        ),
        *("今天天气真不错但是我不想去", "wait", "Stop!"),
    ],
)
def test_who_uses_her_words_to_say_something_else_interrupts(heard: str) -> None:
    assert judge(heard, OUTING, LIMITS, final=False) is Overheard.INTERRUPTION


@pytest.mark.parametrize("heard", ["why the park", "not the park", "the park is too far", "no lunch for me", "stop"])
def test_and_so_in_english(heard: str) -> None:
    assert judge(heard, "We could go to the park, and have lunch.", LIMITS, final=False) is Overheard.INTERRUPTION


OWN = "昨晚妈妈打电话来叫她回家"  # not one word of it is in the reply


@given(st.integers(0, len(OWN) - 3), st.integers(3, len(OWN)), st.integers(0, 26), st.integers(0, 26))
def test_three_words_of_the_callers_own_win_wherever_they_stand(at: int, count: int, begin: int, end: int) -> None:
    own = OWN[at : at + max(count, 3)]

    assert judge(own, OUTING, LIMITS, final=False) is Overheard.INTERRUPTION
    assert judge(OUTING[begin:end] + own, OUTING, LIMITS, final=False) is Overheard.INTERRUPTION


@pytest.mark.parametrize("stop", ["等一下", "别说了", "wait", "stop", "hold on"])
@given(st.integers(0, 26), st.integers(0, 26))
def test_a_stop_word_wins_at_once_behind_any_echo(stop: str, begin: int, end: int) -> None:
    heard = OUTING[begin:end] + stop

    assert judge(heard, OUTING, LIMITS, final=False) is Overheard.INTERRUPTION


def test_two_words_of_which_one_is_hers_wait_for_the_next_or_the_end() -> None:
    assert judge("天汽", OUTING, LIMITS, final=False) is Overheard.NOTHING
    assert judge("天汽", OUTING, LIMITS, final=True) is Overheard.INTERRUPTION
    assert judge("天汽真", OUTING, LIMITS, final=False) is Overheard.ECHO
    assert judge("今年真冷", OUTING, LIMITS, final=False) is Overheard.INTERRUPTION


def test_words_after_an_echo_count_by_themselves() -> None:
    assert judge("下午去操场跑步了你等一下", SPEAKING, LIMITS) is Overheard.INTERRUPTION
    assert judge("下午去操场跑步了嗯嗯", SPEAKING, LIMITS) is not Overheard.INTERRUPTION


def test_fewer_words_than_the_setting_asks_for_do_not_cut() -> None:
    assert judge("明天", SPEAKING, InterruptionLimits(least_units=3)) is Overheard.NOTHING
    assert judge("明天见", SPEAKING, InterruptionLimits(least_units=3)) is Overheard.INTERRUPTION


@pytest.mark.parametrize(
    ("heard", "left"),
    [
        ("下午去操场跑步了，你说的是哪个操场？", "你说的是哪个操场？"),
        ("你说的是哪个操场？", "你说的是哪个操场？"),
        ("我也喜欢跑步", "我也喜欢跑步"),
        ("下午去草场跑步了，你说的是哪个操场？", "你说的是哪个操场？"),  # with a word misheard
        ("今天下午去草场跑步了。", ""),
        ("你刚才说等一下还要去图书馆？", "你刚才说等一下还要去图书馆？"),  # a quotation
    ],
)
def test_the_next_utterance_leaves_the_echo_out(heard: str, left: str) -> None:
    assert without_echo(heard, SPEAKING) == left


@given(st.text(max_size=30), st.text(max_size=60))
def test_any_words_are_judged_and_an_exact_echo_never_interrupts(heard: str, speaking: str) -> None:
    assert judge(heard, speaking, LIMITS) in Overheard
    if len(heard) >= 2:
        assert judge(speaking, speaking, LIMITS) is not Overheard.INTERRUPTION or len(speaking) < 2
