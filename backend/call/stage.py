"""Tells a stage direction in brackets from words that are meant to be heard.

What stands in brackets directly after a word explains it (`AI（人工智能）`), unless it is something one does; there is
no grammar here, only words that directions are made of.
"""

import re
from typing import Final

_DOES: Final = re.compile(
    r"(?<![搞好可嘲玩])笑(?!话|点|星|剧|料)|叹(?:了|口|气)|点(?:了|点)?头|[摇低抬歪仰侧转扭]着?(?:了|过)?头|眨|挥(?:了|挥|着|手)|挠头"
    r"|抱(?:住|着|紧|抱)|拍(?:拍|了|着|手|你)|转过?身|起身|耸肩|捂(?:着|住|嘴|脸)|凑(?:近|过|到)|皱(?:眉|着|起|了)|[撇嘟抿努]嘴"
    r"|咬(?:着|唇|牙)|吐(?:了|舌)|伸(?:手|出|了|懒)|沉默|停顿|顿了|沉思|想了|[小轻低大柔]声|压低|语气|清(?:了清)?嗓|深呼吸|吸(?:了)?口气"
    r"|[望看](?:着|向|了看|了望)|[走跑坐站躺靠跳](?:到|过来|过去|近|着|起|下|在|了)|鼓掌|拍手|跺脚|蹦|鬼脸|白眼|比心|脸红|咳|哼(?:了|着|歌)"
    r"|(?:害羞|开心|高兴|生气|兴奋|得意|无奈|激动|惊讶|惊喜|委屈|撒娇|调皮|俏皮|认真|温柔|悄悄|偷偷)(?:地|状|$)"
    r"|哽咽|抽泣|哭(?:着|泣|出)"
    r"|旁白|镜头|背景音|音乐响|场景"
)
_OTHERS: Final = re.compile(r"(?:他|她|它|青年|少女)[^们，。]{0,8}?[了着过起]")
_STAGE_VERB: Final = (
    r"(?:laugh|smil|sigh|grin|giggl|chuckl|nod|wink|shrug|paus|whisper|cough|gasp|blush|wav(?:e|ing)|cr(?:y|ies)|sob|clap"
    r"|lean|look|turn|tilt|rais|roll|bow|hug|clear|think|yawn|snort|smirk|shak|squeal|pout|walk|gaz|stretch|lower|glanc)"
)
_DOES_EN: Final = re.compile(
    rf"(?:{_STAGE_VERB}\w*\b|(?:he|she|they|i)\s+(?:\w+ly\s+)?(?:{_STAGE_VERB}\w*|\w+s)\b|with an? |in an? |[a-z]+ly\b)"
    rf"|.*\b(?:and|then)\s+{_STAGE_VERB}(?:s|es|ed|ing)\b",
    re.IGNORECASE,
)
_VERB: Final = re.compile(r"[a-z]+(?:s|ing)\b")
_CLAUSE_ENDS: Final = frozenset("吧呀啊呢嘛啦哦了的吗哈嗯喔耶呗哟哎欸诶噢嘿")
_HAN_CHARS: Final = 12


def narrates(content: str) -> bool:
    """Whether it tells what somebody does, as far as it goes."""
    if has_han(content):
        return bool(_DOES.search(content) or _OTHERS.search(content))
    return _DOES_EN.match(content.strip()) is not None


def explains(before: str, content: str) -> bool:
    """Whether it is a gloss of the word that ends directly before it.

    Args:
        before: the last character of that word.
        content: what stands in the brackets, whole.
    """
    if not before.isalnum() or not any(map(str.isalnum, content)) or narrates(content):
        return False
    if has_han(content):
        return len(content) <= _HAN_CHARS and before not in _CLAUSE_ENDS
    return _VERB.match(content.strip()) is None


def has_han(text: str) -> bool:
    """Whether there is a Chinese character in it."""
    return any("\u4e00" <= char <= "\u9fff" for char in text)
