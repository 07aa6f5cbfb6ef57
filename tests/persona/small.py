"""A small whole card, as YAML, for tests that break it."""

from pathlib import Path

SMALL = """\
id: mei
name: Mei
language: zh-CN
tagline: {zh: 一个朋友, en: A friend}
avatar: mei.svg
character: A friend.
style: Short.
boundaries: Kind.
voice: {volcengine: zh_female_example}
examples:
  - caller: [你好。, 喂。]
    answer: 你好呀。
  - caller: 再见。
    answer: 拜拜。
idle_prompt: 还在吗？
fallback: 再说一遍好吗？
"""


def write_card(folder: Path, text: str = SMALL, name: str = "mei") -> Path:
    """The card's file, with a picture beside it."""
    (folder / "mei.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path
