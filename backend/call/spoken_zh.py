"""How spoken Chinese ends, and how it shows that it goes on. Pure."""

import re
from typing import Final

from backend.call.spoken import Clause, Completeness

_GOES_ON: Final = re.compile(
    r"(那个|这个|就是|就是说|然后|因为|所以|但是|可是|不过|而且|还有|如果|要是|嗯|呃|额|的话|的时候|或者|以及|比如|比如说)$"
)
_COMPLETE: Final = re.compile(r"(吗|呢|吧|啊|呀|啦|嘛|呗|哦|了)$|什么|怎么|为什么|哪|谁|几|多少|有没有|能不能|是不是")


def judge_chinese(clause: Clause) -> Completeness:
    """The verdict on a text that ends in Chinese."""
    if _GOES_ON.search(clause.last) and not clause.asks:
        return Completeness.UNFINISHED
    if _COMPLETE.search(clause.last) or clause.ends:
        return Completeness.OPEN if clause.goes_on else Completeness.COMPLETE
    return Completeness.UNFINISHED if clause.goes_on else Completeness.OPEN
