"""What to say when no example fits: give the caller's words back and ask on. Pure; Mandarin and English."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["zh", "en"]

CJK: Final = re.compile(r"[\u3400-\u9fff]")
LONGEST_ECHO: Final = 16
LONGEST_ECHO_WORDS: Final = 10


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's stock. `{0}` is what the caller said, from our side, or the caller's name."""

    echoes: tuple[str, ...]
    to_questions: tuple[str, ...]
    go_on: tuple[str, ...]
    by_the_way: str
    said_before: str
    name_known: str
    name_unknown: str
    serious: str
    mourning: str


PHRASES: Final[dict[Language, Phrases]] = {
    "zh": Phrases(
        echoes=(
            "{0}？快跟我细说说。",
            "{0}呀，那后来呢？",
            "哦？{0}，那你当时什么感觉？",
            "{0}？这我可得好好听听，怎么回事呀？",
        ),
        to_questions=(
            "哎，这个你可把我问住了。你自己是怎么想的？",
            "嗯……我得想想。你先说说，你怎么突然问这个呀？",
            "这个我还真不敢乱说。你心里是不是已经有答案了？",
            "好问题，我先欠着。那换你说，你觉得呢？",
        ),
        go_on=(
            "嗯嗯，我在听呢，然后呢？",
            "真的呀？那你多讲一点，我爱听。",
            "有意思，你接着说，别停。",
            "这样啊，那你现在心里是什么滋味？",
        ),
        by_the_way="对了，",
        said_before="刚才不是说过嘛，",
        name_known="{0}呀，我记着呢，怎么会忘。",
        name_unknown="你还没告诉我呢，我该怎么叫你？",
        serious="我在，我很认真地在听。你身边现在有没有人能陪陪你？先别一个人扛着，好不好？",
        mourning="啊……听你这么说，我心里也不好受。你愿意的话，跟我说说，那是个什么样的人？",
    ),
    "en": Phrases(
        echoes=(
            "{0}? Go on, tell me more.",
            "So {0}. What happened then?",
            "{0}, eh? And how was that?",
            "Hold on, {0}? I want the whole story.",
        ),
        to_questions=(
            "Now that's got me. What do you think yourself?",
            "Hm, let me chew on that. What made you ask?",
            "I'd only be guessing. I reckon you've half an answer already, haven't you?",
            "Good question, I owe you that one. What would you say?",
        ),
        go_on=(
            "I'm listening. And then?",
            "Is that so? Tell me a bit more.",
            "Go on, don't stop there.",
            "Right. And how do you feel about it now?",
        ),
        by_the_way="By the way, ",
        said_before="Like I said, ",
        name_known="{0}, of course. I don't forget a name that quick.",
        name_unknown="You haven't told me yet. What should I call you?",
        serious="I'm here, and I'm listening. Is there anyone with you right now? Please don't carry this alone.",
        mourning="Oh, I'm so sorry. Would you like to tell me about them? I've got all the time you need.",
    ),
}

QUESTION: Final = re.compile(
    r"[?？]|吗|什么|怎么|为什么|哪|谁|几|多少|能不能|是不是|有没有|要不要|"
    r"^(what|why|how|who|where|when|which|do|does|did|can|could|will|would|is|are|have)\b",
    re.IGNORECASE,
)
GRAVE: Final = re.compile(
    r"不想活|想死(?!你|我|啦)|自杀|自残|活不下去|活着没|结束生命|轻生|"
    r"suicid|kill myself|want to die|end my life|hurt myself",
    re.IGNORECASE,
)
MOURNING: Final = re.compile(
    r"去世|过世|(人|他|她|爸|妈|爷|奶|狗|猫)死了|葬礼|passed away|\bdied\b|funeral", re.IGNORECASE
)
HARSH: Final = re.compile(r"[滚操逼妈]的?|傻|蠢|fuck|shit|stupid|idiot|bitch", re.IGNORECASE)

TURNED_ZH: Final = {"我们": "你们", "咱们": "咱们", "我": "你", "你们": "我们", "你": "我"}
TURNED_EN: Final = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are", "i'm": "you're",
    "i've": "you've", "i'll": "you'll", "i'd": "you'd", "was": "were", "you": "I", "your": "my", "yours": "mine",
}  # fmt: skip


def language_of(texts: Sequence[str]) -> Language:
    """What most of these are in."""
    return "zh" if sum(1 if CJK.search(text) else -1 for text in texts) > 0 else "en"


def ask_on(text: str, language: Language, turn: int) -> str:
    """Keep the conversation going from what was just said. Equal arguments give equal answers."""
    phrases = PHRASES[language]
    seed = zlib.crc32(text.encode()) + turn
    if GRAVE.search(text):
        return phrases.serious
    if MOURNING.search(text):
        return phrases.mourning
    if QUESTION.search(text):
        return phrases.to_questions[seed % len(phrases.to_questions)]
    if (echo := _echo(text, language)) and not HARSH.search(text):
        said = phrases.echoes[seed % len(phrases.echoes)].format(echo)
        return said[0].upper() + said[1:]
    return phrases.go_on[seed % len(phrases.go_on)]


def _echo(text: str, language: Language) -> str:
    """The caller's statement from our side ("我去爬山了" → "你去爬山了"), or nothing when it makes a poor echo."""
    statement = re.split(r"[，。！；,.!;]", text.strip(" 。.!！，,"))[-1].strip()
    if language == "zh":
        if not re.search("我", statement) or re.search("你", statement) or not 4 <= len(statement) <= LONGEST_ECHO:
            return ""
        return re.sub("我们|我", lambda found: TURNED_ZH[found.group()], statement)
    words = statement.split()
    if not 3 <= len(words) <= LONGEST_ECHO_WORDS or words[0].lower() not in ("i", "i'm", "i've", "my", "we"):
        return ""
    return " ".join(TURNED_EN.get(word.lower(), word) for word in words)
