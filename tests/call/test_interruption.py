"""Words heard during a reply: what cuts it off, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.interruption import InterruptionLimits, Overheard, judge, without_echo

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
    ],
)
def test_the_next_utterance_leaves_the_echo_out(heard: str, left: str) -> None:
    assert without_echo(heard, SPEAKING) == left


@given(st.text(max_size=30), st.text(max_size=60))
def test_any_words_are_judged_and_an_exact_echo_never_interrupts(heard: str, speaking: str) -> None:
    assert judge(heard, speaking, LIMITS) in Overheard
    if len(heard) >= 2:
        assert judge(speaking, speaking, LIMITS) is not Overheard.INTERRUPTION or len(speaking) < 2
