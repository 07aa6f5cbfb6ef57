"""How finished a text looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.completeness import Completeness, has_words, judge

COMPLETE = """
你去过日本吗 / 现在几点了 / 你最喜欢什么颜色 / 你吃了没 / 要不我们去看电影吧 / 你呢 / 然后呢 / 可以吗
多少钱 / 他是不是生气了 / 太好了 / 真漂亮啊 / 我不知道 / 谢谢 / 没问题 / 我爱你
我们周末去看电影，好不好 / 他今天来？ / 怎么了 / How are you? / how are you
where are you / what's your name / do you like music
can you help me / thank you / goodbye / I don't know / What are you looking for / why not / never mind
你为什么不高兴 / 我们什么时候出发 / 真好啊 / can you sing / do you have a car / what should I get
what time does it start / is it raining in Paris / Tom left?
"""
OPEN = """
我想去看海 / 我喜欢你 / 给我讲个故事 / 我没有 / 对 / 我昨天去了公园 / 他是我弟弟 / 我住在南京
帮我定个闹钟 / 你好 / 我每天都睡六个小时 / 三公斤左右 / 真舍不得 / 我跟他说过了 / 他从来不喝酒
when I get nervous I speed up / which one / it's easy to use / 为什么下水道
帮我定个闹钟 / 我们家在成都 / 他来了。 / 不是 / 不对 / 这个星期很暖和 / 没问题， / 再来一个 / 我叫小明
I like it / I went home / yes / I'm tired / yes I do / my name is Tom / turn it on / we had dinner
blue / really / I went home early. / okay, / and? / I bought a car
"""
DOUBTFUL = "今天早上。 / 如果明天下雨。 / 我想和我的朋友去一个。 / My brother. / When I was young. / I bought."
UNFINISHED = """
然后 / 然后。 / 但是， / 因为。 / 我想问一下那个 / 就是 / 嗯，我 / 嗯 / 呃 / 我觉得 / 我想 / 还有
比如说 / 其实吧 / 我的意思是。 / 如果明天下雨的话 / 如果明天下雨 / 我在看书的时候 / 他跟我说 / 我昨天，
我想吃苹果、香蕉 / 他是一个 / 我特别 / 我把 / 周三，不对 / 明天三点，啊不是 / 我明天
我的手机号是一三九 / 不但便宜 / 虽然很贵 / 你能不能 / 我们什么时候 / 这件事情 / 他这个人吧 / 我我
我去了…… / 我把旧手机里的照片 / 我对花粉 / 从南站 / 他跑得 / 第一 / 我最近在学 / 可我根本 / 麻烦你
自从搬到这边 / 我们组的PPT / 我先把email / I have an enormous / could you look up / do you need
how many eggs do I / even though it's far / it isn't very / most of the people / apparently
she has a big / I gave him the whole
I think / um / I want to / because / and. / but, / and then. / I mean / you know
let me think / well / at five, no wait / the the / it's / my brother / if it rains / when I was young
I like cats and / I bought some apples, / do you remember the / either / I have a / she said that
the thing is. / what do you think I should / I was going to say / my number is / not only was it cold
"""


def each(texts: str) -> list[str]:
    return [text.strip() for text in texts.replace("\n", "/").split("/") if text.strip()]


@pytest.mark.parametrize("text", each(COMPLETE))
def test_questions_and_what_is_said_whole_are_complete(text: str) -> None:
    assert judge(text) is Completeness.COMPLETE


@pytest.mark.parametrize("text", each(OPEN))
def test_a_statement_tells_nothing(text: str) -> None:
    assert judge(text) is Completeness.OPEN


@pytest.mark.parametrize("text", each(DOUBTFUL))
def test_a_full_stop_after_half_a_thought_is_doubted(text: str) -> None:
    assert judge(text) is Completeness.DOUBTFUL


@pytest.mark.parametrize("text", each(UNFINISHED))
def test_what_goes_on_is_unfinished(text: str) -> None:
    assert judge(text) is Completeness.UNFINISHED


def test_the_last_language_decides_in_mixed_text() -> None:
    assert judge("我想看那个 movie and") is Completeness.UNFINISHED
    assert judge("I love 火锅，因为") is Completeness.UNFINISHED


def test_a_telephone_number_is_unfinished_until_all_digits_are_there() -> None:
    assert judge("我的电话是一三八零零二六") is Completeness.UNFINISHED
    assert judge("我的电话是一三八零零二六七七九一") is not Completeness.UNFINISHED


@pytest.mark.parametrize("text", ["", " ", "。", "……", "?!", "，"])
def test_marks_alone_are_no_words(text: str) -> None:
    assert not has_words(text)
    assert judge(text) is Completeness.OPEN


@given(
    st.text(
        alphabet=st.one_of(st.characters(), st.sampled_from("我你那个然后因为吗呢吧了，。？、 …anduth")), max_size=80
    )
)
def test_any_text_has_a_verdict_and_spaces_around_it_change_nothing(text: str) -> None:
    assert judge(f"  {text} ") is judge(text)
