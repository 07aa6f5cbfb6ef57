"""What is taken out of a reply before it is read aloud, and that the cutting of the stream changes nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.speakable import HOLD_CHARS, Speakable, speakable
from backend.call.symbols import is_silent

CASES = [
    # plain speech stays as it is
    ("嗯，我在呢！你今天怎么样？", "嗯，我在呢！你今天怎么样？"),
    ("Well, it's 12:30, and I'd say 3.5 miles. Right?", "Well, it's 12:30, and I'd say 3.5 miles. Right?"),
    ("零下5度，25℃，snake_case，3*4，3 * 4", "零下5度，25℃，snake_case，3*4，3 * 4"),
    ("-5度，3. 1415，2024. 那年", "-5度，3. 1415，2024. 那年"),
    # words
    ("这个**真的**很`好`，~~不~~ __行__", "这个真的很好，不 行"),
    ("It was _really_ good and *so* cheap", "It was really good and so cheap"),
    # lines
    ("# 计划\n## 周末\n去看海", "计划\n周末\n去看海"),
    ("1. 吃饭\n2. 睡觉\n- 看剧\n* 拍照\n> 就这些", "吃饭\n睡觉\n看剧\n拍照\n就这些"),
    ("7. 那年冬天\n8. 还早", "7. 那年冬天\n8. 还早"),
    ("1、先吃饭\n2、再唱歌", "先吃饭\n再唱歌"),
    ("**1. 标题**\n  • 内容", "标题\n内容"),
    ("上面\n---\n***\n下面", "上面\n下面"),
    ("```python\nprint(x)\n```\n就这样", "print(x)\n就这样"),
    ("|名字|年龄|\n|:--|--:|\n| 青青 | 20 |\n完", "名字，年龄\n青青，20\n完"),
    # links
    ("看[这里](https://example.com/a?b=1)吧", "看这里吧"),
    ("[说明]（这就不是链接了，对吧？）", "（这就不是链接了，对吧？）"),
    # directions
    ("（笑）你好呀（挥挥手）！", "你好呀！"),
    ("Oh (laughs), right. [chuckles] Well.", "Oh, right. Well."),
    ("*smiles* Well, *that* is *amazing*! Bye *waves*", "Well, that is amazing! Bye"),
    ("【开心地】好呀，*吐舌头*走", "好呀，走"),
    ("哈哈（笑（轻轻地））嗯", "哈哈嗯"),
    ("（他笑了笑，然后转过身看着窗外的晚霞）走吧", "走吧"),
    ("（他笑了笑。然后转身走了。）走吧（她挥了挥手3次）", "走吧"),
    ("（窗外的雨越下越大，她靠在椅子上，看着你，什么也不说）怎么了？", "怎么了？"),
    ("【他慢慢地站起身来，然后走到了窗边】好，[她低下头，轻轻地叹了一口气]嗯", "好，嗯"),
    ("(He smiles and turns to the window, looking at the sunset) Let's go", "Let's go"),
    ("我（小声）不想去，嗯（停顿）好", "我不想去，嗯好"),
    ("‹笑>好，{笑}好，﹙笑﹚好，<笑>好，（笑)好", "好，好，好，好，好"),
    ("Great![laughs] OK! 好棒!真的!", "Great! OK! 好棒!真的!"),
    # what explains the word before it is read
    ("AI（人工智能）很火，番茄（西红柿）炒蛋", "AI（人工智能）很火，番茄（西红柿）炒蛋"),
    ("乔青青（Doreen）明天（周六）去", "乔青青（Doreen）明天（周六）去"),
    ("ML (machine learning) is fun (softly) for me", "ML (machine learning) is fun for me"),
    # pictures
    ("看![图](https://a.example/b.png)吧", "看吧"),
    ("3<5, a < b, >_<", "3<5, a < b,"),
    # asides that inform are read
    ("（我昨天看了那部电影，真的很好看）你呢", "（我昨天看了那部电影，真的很好看）你呢"),
    ("（开心的时候就给我打个电话吧）嗯", "（开心的时候就给我打个电话吧）嗯"),
    ("北京（2008年办过奥运会的）", "北京（2008年办过奥运会的）"),
    ("那个店（就是咱们上次去的巷子里那家）", "那个店（就是咱们上次去的巷子里那家）"),
    ("他来了（对吧？）", "他来了（对吧？）"),
    ("【重要的事情说三遍所以要记得带上身份证】好", "重要的事情说三遍所以要记得带上身份证好"),
    # emoji and faces
    ("好耶😂👍🏽👨‍👩‍👧🇨🇳❤️1️⃣🏴󠁧󠁢󠁥󠁮󠁧󠁿！", "好耶！"),
    ("开心^_^ 难过T_T 你好:) (*^▽^*)", "开心 难过 你好"),
    ("LEFT_TURN", "LEFT_TURN"),
    # marks and blanks
    ("真的吗？？？！！太好了！！！", "真的吗？！太好了！"),
    ("嗯…………让我想想。。。那个——", "嗯……让我想想。那个——"),
    ("wait.....  what", "wait... what"),
    ("  你好   世界 \n\n\n 再见 \n", "你好 世界\n再见"),
    ("，（笑）好", "好"),
    # never closed
    ("（哈哈哈", "（哈哈哈"),
    ("**好", "好"),
    ("5*3=15, 2**3=8", "5*3=15, 2**3=8"),
    ("f(x) = x * 2 * y, a**2 + b**2", "f(x) = x * 2 * y, a**2 + b**2"),
    ("x*y, width*2", "x*y, width*2"),
    (
        "有2**重点**，第2**章**，re**mark**able, un*frigging*believable",
        "有2重点，第2章，remarkable, unfriggingbelievable",
    ),
    ("call **Room 2**3 now, note* and end *", "call Room 23 now, note and end"),
    ("[好](http", "好(http"),
    ("", ""),
]


@pytest.mark.parametrize(("written", "spoken"), CASES)
def test_what_is_written_is_spoken_as(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


replies = st.lists(
    st.text("好呀他笑了。！？，…ab 12\n*_`#-.、)）(（[]【】{}<‹›|>~:^T😂\u200d\ufe0f\u20e3!/", max_size=30)
    | st.sampled_from(
        [
            "（笑）",
            "（他笑了笑，转身走到窗边，看着外面的雨",
            "![图](",
            "*laughs*",
            "**",
            "```py\n",
            "1. ",
            "\n- ",
            "](http://a.b/c)",
            "👨‍👩‍👧",
            "T_T",
            "……",
        ]
    )
    | st.text(max_size=5),
    max_size=8,
).map("".join)


@given(replies, st.lists(st.integers(0, 80), max_size=8))
def test_the_cutting_of_the_stream_changes_nothing(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    voice = Speakable()

    pieces = [voice.feed(text[a:b]) for a, b in pairwise(edges)]

    assert "".join([*pieces, voice.end()]) == speakable(text)


@given(replies | st.text(max_size=200))
def test_little_is_held_back(text: str) -> None:
    voice = Speakable()
    voice.feed(text)

    assert len(voice.end()) <= HOLD_CHARS


@pytest.mark.parametrize("opener", ["（", "(", "【", "[", "*", "|", "```", "[a](", "**", "~~", "1"])
def test_what_is_never_closed_does_not_hold_the_reply(opener: str) -> None:
    voice = Speakable()

    assert len(voice.feed(opener + "说个不停" * 50)) >= 200 - HOLD_CHARS


@given(replies | st.text(max_size=100))
def test_nothing_silent_is_said(text: str) -> None:
    said = speakable(text)

    assert not [char for char in said if is_silent(char)]
    assert said == said.strip()
    assert "  " not in said


@given(st.text("今天天气真好我们出去玩吧hello0123456789", max_size=80))
def test_plain_words_pass_unchanged(text: str) -> None:
    assert speakable(text) == text


@pytest.mark.parametrize(
    "char", ["😀", "🫩", "🏻", "☎", "⏰", "♥", "㊗", "Ⓜ", "🀄", "🈶", "⬛", "→", "\ud800", "\u200b", "\ufeff"]
)
def test_a_character_without_a_sound_is_dropped(char: str) -> None:
    assert speakable(f"好{char}呀") == "好呀"


def test_a_direction_inside_a_bracket_that_is_never_closed_is_still_one() -> None:
    assert speakable("[*laughs*") == ""


def test_a_direction_that_is_never_closed_ends_with_its_line_or_after_200_characters() -> None:
    narration = "（他笑了笑，然后转过身看着窗外的晚霞，一直走到天黑"
    assert speakable(f"{narration}\n走吧") == "走吧"
    assert speakable(narration + "走" * 300) == "走" * (300 + len(narration) - 200)
