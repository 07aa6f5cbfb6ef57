"""How spoken Chinese ends, and how it shows that it goes on. Pure.

Every expression is about the last clause. What goes on does so whatever mark the recogniser puts after it; what seems
to go on is believed to be over when the recogniser ends the sentence there.
"""

from typing import Final

from backend.call.spoken import Clause, Completeness, any_of, pattern, verdict

_HEDGE: Final = any_of(
    "我跟你说, 跟你说, 我是说, 我的意思是, 我意思是, 意思是, 意思就是, 我想说的是, 我想说, 我觉得,"
    "我感觉, 我认为, 我以为, 说实话, 老实说, 怎么说, 怎么讲, 叫什么, 叫什么来着, 什么来着, 问题是,"
    "关键是, 也就是说, 换句话说, 就是说, 比如说, 你知道, 你看, 应该说, 我想一想, 让我想想"
)
_CONNECTIVE: Final = any_of(
    "然后, 因为, 所以, 所以说, 但是, 但, 可是, 不过, 而且, 还有, 如果, 要是, 假如, 万一, 虽然, 尽管,"
    "既然, 即使, 就算, 只要, 只有, 除非, 不管, 无论, 或者, 或, 以及, 而, 并且, 和, 跟, 与, 同, 比如,"
    "例如, 除了, 为了, 关于, 对于, 至于, 由于, 其实, 反正, 另外, 此外, 只是, 于是, 甚至, 包括, 还是,"
    "要么, 不但, 不仅, 不光, 首先, 其次, 总之, 结果, 后来, 一方面, 那么, 接着, 的话, 的时候"
)
_FILLER: Final = any_of("嗯, 呃, 额, 唔, 那个, 这个, 就是, 那种, 这种")
_CORRECTION: Final = any_of("不对, 不是, 啊不, 哦不, 啊不是, 哦不是, 不不, 说错了, 我说错了, 错了")
_WHETHER: Final = any_of("能不能, 会不会, 要不要, 是不是, 有没有, 可不可以, 想不想, 该不该")
_PERSON: Final = any_of(
    "我, 你, 您, 他, 她, 它, 我们, 你们, 他们, 她们, 咱们, 大家, 自己, 我自己, 我爸, 我妈, 你爸爸,"
    "你妈妈, 我爸爸, 我妈妈, 我朋友, 我同学, 我室友"
)

_GOES_ON: Final = pattern(
    rf"{_HEDGE}[吧呢啊呀嘛哈]?$",
    rf"{_CONNECTIVE}[啊嘛吧呀]?$",
    rf"{_FILLER}[啊呢嘛]?$",
    rf"^{_CORRECTION}$",
    rf"^{_CONNECTIVE}{_PERSON}$",
    r"(?:毕竟|尤其是|话说|哦?对了|说起来|听起来|看起来|看样子|感觉就像|[总老常就又还]说)$",
    r"^(?:请问|麻烦你|对我来说|总的来说|一般来说|最后|另一个|我听说|听说|我记得|我发现|我希望|我担心的是|按照)$",
    r"(?:老师|医生|老板|[他她]们?|我[爸妈]|别人|大家|朋友|同学|新闻上|网上)(?:跟我|告诉我|问我)?(?:都|也|就)?说$",
    r"([我你他她它这那在就要和跟把被])\1$",
    r"(?<![不还也都就可算但老])是$",
    rf"[我你他她们].{{0,4}}{_WHETHER}$",
    rf"^{_PERSON}[呀嘛啊]$",
    r"(?:这|那)[个件种]?(?:人|问题|事|事情|东西)[呢嘛吧啊]$",
    r"[跟和对](?:我|你|他|她|我们|你们|他们)[说讲]$",
    r"(?:跟|和|对)[我你他她们]+(?:说|讲)$",
    r"(?<!舍不)(?<!了不)(?<!由不)(?<![值记懂晓难])得$",
    r"^第[一二三四五]$|^[一二三]来$",
    r"^[我你他她]?(?:最|真正)?[想要需](?:要|求)?[说讲问做]的$",
)
"""What announces something, a connective, a filler, a correction, a word begun twice, a verb without its half."""
_ENDS_LIKE_IT: Final = ("暖和", "温和", "柔和", "高跟", "不同", "相同", "合同", "不至于吧")
_ALONE: Final = frozenset({"嗯", "不是", "不对"})
"""Answers, as long as nothing else was said."""
_HUM: Final = "嗯"
"""Yes, or the beginning of a thought: as long as no one ends the sentence, a thought."""

_VERB: Final = pattern(
    "[是有在去来吃喝看听说讲想要会能爱做玩买卖给找教写读走跑睡坐站住开关打等问答知觉认记忘懂帮带拿放送用洗穿换借交付花赢输病疼痛"
    "哭笑骂吵结离搬租修唱跳拍演死活变成叫姓像差缺够怕急气恨念谢祝猜信停试考毕挂养迟忙累困饿渴饱烦"
    "好坏大小多少高低长短快慢难贵美丑胖瘦老新旧冷热暖凉晴远近早晚对错行可棒乖甜苦辣酸咸香臭脏干净静见岁当加随继重帅酷挺不没别]"
    "|喜欢|漂亮|开心|便宜|聪明|紧张|准备|打算|同意|决定|上班|下班|上学|起床|下雨|下雪|出门|回家|工作|学习|休息|旅游|生气|安排|考虑|推荐|介绍|了$"
)
_NOUN: Final = pattern(
    "学生|同学|大学|中学|小学|学校|老师|老板|医生|先生|早上|晚上|上午|下午|爱好|电影院?|手机|大家|小时候|小区|新闻|朋友圈|好朋友|女朋友|男朋友"
    "|说话|那边|早餐|早饭|晚饭|年轻人|有时候|现在|有的人|多年|老家|小孩|小猫|小狗|大哥|对面|公开|走廊|花[粉园生]|车站|地铁站|会员|好处|长城|[东南西北]站|火车站|对方|小组|大厅|老公|老婆|短信|高铁|大衣|大街|长大|会议|要求|好几"
)

_ADVERB: Final = any_of(
    "很, 太, 最, 更, 非常, 特别, 比较, 有点, 有一点, 有一点点, 都, 也, 还, 就, 又, 再, 才, 只, 正,"
    "正在, 一直, 已经, 刚, 刚刚, 刚才, 经常, 总是, 好像, 可能, 应该, 一定, 大概, 必须, 差点, 突然,"
    "不太, 越来越, 也许, 或许, 果然, 居然, 竟然, 终于, 不要, 别, 到底, 究竟, 为什么, 怎么, 什么时候,"
    "多, 根本, 实在, 简直, 只好, 只能, 不如, 马上, 立刻, 赶紧, 顺便, 故意, 千万, 幸亏, 幸好, 难道,"
    "按理说, 全凭, 当时, 从来, 常常, 往往, 渐渐, 仍然, 依然, 尽量, 偶尔, 互相, 好好, 稍微,"
    "重新, 特地, 专门, 恐怕, 本来, 几乎, 似乎, 多半, 起码, 至少, 最多, 最好, 不得不, 忍不住,"
    "怪不得, 难怪, 凭什么, 同时, 随时, 一下子, 从小, 从此, 亲自, 明明, 偏偏, 反而, 倒是, 总算, 将近"
)
_WANTS_MORE: Final = any_of(
    "想, 要, 会, 能, 想要, 打算, 准备, 觉得, 希望, 发现, 以为, 是, 叫, 把, 被, 给, 对, 从, 向, 往,"
    "让, 用, 为, 比, 到, 姓, 名叫, 来自, 位于, 使得, 导致, 造成, 负责, 参加, 提醒我, 拜托你, 听说有,"
    "关系到, 取决于, 不至于, 擅长, 保证, 证明, 意味着, 值得, 离, 往, "
    " 替, 按, 跟我说, 跟他说, 告诉我, 有, 的是, 一个, 一种, 一些, 几个, 两个,"
    "一位, 一只, 一件, 一样的"
)
_TIME: Final = any_of(
    "今天, 明天, 后天, 昨天, 前天, 大前天, 今年, 去年, 明年, 这周, 下周, 上周, 周末,"
    "[周星期礼拜]+[一二三四五六日天], 下个月, 上个月, 早上, 上午, 中午, 下午, 晚上, 昨晚, 今晚, 平时,"
    "现在, 最近, 以前, 以后, 之前, 之后, 小时候, 上次, 下次, 后来, 有一天, 有时候, 那天, 那时候,"
    "[一二两三四五六七八九十]+点半?, 那边, 这边, 这里, 那里, 家里, 一般"
)
_SUBORDINATE: Final = any_of(
    "如果, 要是, 虽然, 尽管, 既然, 只要, 只有, 除非, 即使, 就算, 当, 等, 万一, 假如, 不管, 无论,"
    "自从, 一方面, 不但, 不仅, 不光, 先是, 与其, 首先, 第一, 要不是, 每当, 一旦, 哪怕, 不论, 比起, 趁,"
    "关于, 至于, 为了, 除了"
)
_MAIN: Final = any_of("就, 那, 都, 也, 还, 但, 可, 再, 才, 却, 另一方面, 而且, 第二, 然后, 吧, 呢, 了$")
_COVERB: Final = any_of("把, 被, 离, 从, 向, 往, 对, 跟, 关于, 对于, 按照, 根据, 除了, 朝, 替, 由")
_NO_COVERB: Final = pattern(
    r"[不绝反应派面相核作]对|对[了不面方象话啊呀的]|对对|从来|从小|往往|方向|一向|离[婚开]|理由|自由|代替|距离"
)
"""A word that brings in what a verb is done to, from or with: 把, 从, 离; and where it is part of another word."""
_HELPING: Final = any_of("在, 正在, 想, 要, 想要, 打算, 准备, 可以, 必须, 需要, 喜欢, 开始")
_TAKES_SOMETHING: Final = any_of(
    "学, 放, 找, 买, 写, 做, 查, 订, 定, 换, 带, 拿, 送, 讲, 问, 改, 弹, 唱, 画, 租, 修, 养, 选, 取, 寄, 发, 交, 借,"
    "还, 参加, 报名, 预订, 取消, 了解, 咨询, 解决, 介绍, 准备, 研究, 申请, 办, 装, 加, 约"
)
"""Verbs that ask for an object."""
_THING: Final = "(?:这|那)(?:个|些|件|种|本|首|家|次|位|张|条|部)?"

_SEEMS_TO_GO_ON: Final = pattern(
    rf"{_ADVERB}$",
    rf"(?:{_WANTS_MORE}|{_WHETHER})$",
    r"(?:[以之][后前]|(?<!小)(?<!临)(?<!准)时)$",
    rf"(?<![不没]){_HELPING}(?:先|再|去|给你|给我)?{_TAKES_SOMETHING}$",
    rf"(?:问|教|给|告诉|送|借|答应|欠)[了过]{_PERSON}$",
    rf"(?:听说|难怪|怪不得|幸亏|好像|可能|也许|希望|以为|因为|所以|根本|其实|真的|按理说){_PERSON}$",
    rf"^(?:大概|大约|差不多|快|将近){_TIME}$",
    rf"^{_TIME}(?:我|他|她|我们){{1,2}}(?:去|回去|回来|来|到|在)?$",
    r"^(?:以前|当时|之前|原来)在[^了过]{1,5}$",
    rf"^(?:可|但|但是|可是|不过|而且|所以|后来|然后|那|那么){_PERSON}(?:真的|其实|当时|现在)?$",
    rf"^{_PERSON}?[跟和]?{_PERSON}?{_TIME}*[在从]?{_TIME}?[都就]?$",
    rf"^{_SUBORDINATE}(?!.*{_MAIN})",
    rf"^(?:{_PERSON}|.*的)?{_THING}[^的了是有在就样好吧吗呢]{{1,3}}$",
    rf"^(?:{_PERSON}|其实|现在的?.{{1,4}}|.*(?:这|那)[个件种]?[^好行样就么些]{{1,2}})[呀啊嘛吧哪呐]$",
    rf"^{_PERSON}?(?:先|一边)(?!.*(?:再|后|一边)).+$",
    r"[把被].{1,3}$",
    rf"^{_PERSON}[跟和][^的了]{{1,4}}$",
    r"^(?!没|有|出).{0,3}(?:问题|事情|手机|电脑|声音|天气)$",
    r"(?:只有|包括|比如).{0,2}$",
    r"(?:喜欢|从来[没不]|该|想知道|想学|感觉|[打准][算备]去|[是有]个|给我[讲说来唱]|推荐|介绍)$",
    r"(?:[一二两三四五六七八九十几]+[个张份家种件本条只首位台辆]|(?:大概|差不多|大约)[一二两三四五六七八九十几]*)$",
    r"^.{0,3}有一?个[^的]{1,3}$",
    rf"(?:说|后来){_PERSON}$",
    rf"^{_PERSON}?[给跟和对替]{_PERSON}$",
    r"^(?:每天|每次|有一次|很多人|所有人|所有的)(?:我|你|他|早上|晚上)?$",
    r"(?:看到|看见|遇到|听到|想到|提到|需要|记得|告诉|住在|来自|属于|变成|成为|等于|相当于|类似于|跟我|帮我|给我|让我|请你|麻烦[你您]|叫我|陪我|替我)$",
    r"^(?!.*(?:是|挺|真|会|蛮|可以|不|没)).{3,}的$",
    r"(?:你觉得|你认为|你知道|你还?记得|我觉得|我想让|我希望)(?:我|你|他|她|这个|那个|这|那)?(?:人|东西|事情?)?$",
    r"^(?:为什么|怎么才|什么样的|哪一?[个种]|有没有什么|有没有一种)[我你他她们]{0,2}$",
)
"""An adverb or a verb that wants more, a time or a person alone, half of a pair of clauses, a topic."""
_SHORT_ANSWER: Final = pattern(
    r"^(?:我|也|还|都|我也|我都|我们都|他也)*(?:不想|不要|不会|不能|不是|没有|没到|会|能|有|是|要)$",
    r"^(?:等一?下|等等|等一?会儿?|那?就这样|一般般?|.{1,3}的|.*[做买说写送画拍来去]的)$",
    r"(?:得|不|都|很)对$|想想$|^还有.+$|^(?:[放看来]|听(?!说)|要(?!么|是|不是))",
    r"(?:这么|那么|好|多).{1,3}[啊呀]$|^(?:特别|尤其|就)是.+的时候$|的[这那]种$|[要打打有来]几个$|^(?:是|有|还有).+[吧吗呢]$",
    r"(?:换|来|讲|唱|要|放|加)一[个首只些份杯碗]$|[把被].*了$",
    r"^(?:想|我也想|对|对对对?|对啊|到|刚刚|刚才|为什么|怎么样)$",
    r"(?:成都|首都|太太|人才|比较好|成就)$",
)

_WHOLE_PHRASE: Final = pattern(
    "^"
    + any_of(
        "谢谢, 谢谢你, 谢谢您, 多谢, 再见, 拜拜, 晚安, 早安, 早, 没问题, 没关系, 没事儿?,"
        "不用了, 不客气, 不用谢, 好的, 好嘞, 是的, 当然, 当然可以, 我?不知道, 我爱你, 加油, 生日快乐,"
        "辛苦了, 下次聊, 改天聊"
    )
    + "$"
)
_WHOLE: Final = pattern(
    r"(?<![什怎那这多])么$|吗$",
    r"[呢吧啊呀啦嘛呗哦哟咯喽哈耶哇噢]$",
    r"(?:太|好|可|最|已经|都|不|别|没|算|行|够|知道|明白|懂|听到|收到|走|睡|挂|忙|累|死|多|先).{0,6}了$",
    r"(?:什么|怎么样|怎么办|谁|哪儿|哪里|几点|多少|多久|多大|多远|为什么|干嘛|干吗|如何|啥)(?:来着|了)?$",
    r"(?:什么|怎么|为什么|谁|哪|多少|多久|多大|多远|几[点个岁号次天年月口]|如何|啥|干嘛|凭什么)(?!.?的$).+$",
    rf"(?:{_WHETHER}|好不好|喜不喜欢).{{2,}}$",
    r"(?:好不好|行不行|对不对|可以不|没有啊|[了]没有?)$",
)
"""Questions, final particles, and what is said whole."""
_NOT_ASKING: Final = pattern(
    r"^(?:这样|是|哦?原来|哎)[啊呀哦吗]$|^(?:喂|哎|嗨|你好|您好|大家好|哈)+[啊呀哈]?$",
    r"^(?:想|要|爱|该).?(?:什么|谁|哪里|哪儿|多少)$|(?:已经|都).{2,}[^我他你说道白懂]了$",
    r"没什么|没怎么|[这那前过]几|好几|不怎么|什么的|什么都|谁都|哪都|怎么都|怎么说|无论|不管",
)

_ASKS_ABOUT_DOING: Final = pattern(r"(?:为什么|怎么|什么时候|如何|凭什么)(?![样办着回啦了呢啊呀])(.+)$")
"""A question about something done, and what is said of the doing."""

_DOING: Final = pattern(
    rf"{_VERB.pattern}|[出发到进退付休约营放寄转改办登播映演处取订送拍拆修减增收结毕升降涨跌飞停响亮]"
)

_PHONE: Final = pattern("电话|手机号|号码|验证码|微信号")
_DIGITS: Final = pattern(r"[零一二三四五六七八九幺0-9，,、\s-]+$")
_PHONE_DIGITS: Final = 11
_LONGEST_ITEM: Final = 6
_LONGER_THAN_AN_ANSWER: Final = 3
_LONGEST_TOPIC: Final = 9
_LONGEST_THING: Final = 8
_AMOUNT: Final = pattern(
    "[零一二两三四五六七八九十百千万几半0-9]+(?:[个张份家种件本条只首位台辆块斤公里米层号岁年月天]|分钟|小时|公斤|毛)|左右$|上下$"
)
_COVERBS: Final = pattern(_COVERB)
_SPLIT: Final = "\0"
_LAST_ITEM: Final = pattern("和|还有|跟|以及|等|都|了$")


def judge_chinese(clause: Clause) -> Completeness:
    """The verdict on a text that ends in Chinese."""
    if clause.asks:
        return Completeness.OPEN if _goes_on(clause) else Completeness.COMPLETE
    if _goes_on(clause) or _is_reading_digits(clause):
        return Completeness.UNFINISHED
    return verdict(clause, whole=_is_whole(clause.last), seems_to_go_on=_seems_to_go_on(clause))


def _goes_on(clause: Clause) -> bool:
    if clause.words in _ALONE or clause.last.endswith(_ENDS_LIKE_IT):
        return False
    return _GOES_ON.search(clause.last) is not None


def _seems_to_go_on(clause: Clause) -> bool:
    if clause.words == _HUM or _is_listing(clause.words) or _wants_verb(clause.last):
        return True
    if _SHORT_ANSWER.search(clause.last) or _WHOLE_PHRASE.search(clause.last):
        return False
    return _SEEMS_TO_GO_ON.search(clause.last) is not None or _lacks_verb(clause.last)


def _lacks_verb(last: str) -> bool:
    """A person, a thing or a time of which nothing has been said; a short one may be an answer."""
    if not _LONGER_THAN_AN_ANSWER <= len(last) <= _LONGEST_TOPIC or _AMOUNT.search(last):
        return False
    return not (_WHOLE.search(last) or _VERB.search(_NOUN.sub("", last)))


def _wants_verb(last: str) -> bool:
    """Somebody or something was brought in by a coverb, and nothing is said to be done yet."""
    _, brought, thing = _COVERBS.sub(_SPLIT, _NO_COVERB.sub("", last)).rpartition(_SPLIT)
    thing = thing.rpartition("的")[2]
    return bool(brought) and 0 < len(thing) <= _LONGEST_THING and not _VERB.search(_NOUN.sub("", thing))


def _is_whole(last: str) -> bool:
    if _WHOLE_PHRASE.search(last):
        return True
    asked = _ASKS_ABOUT_DOING.search(last)
    if asked and not _DOING.search(asked.group(1)):
        return False
    return _WHOLE.search(last) is not None and _NOT_ASKING.search(last) is None


def _is_listing(words: str) -> bool:
    """Things joined by 、 without the word that announces the last one."""
    _, mark, last = words.rpartition("、")
    return bool(mark) and len(last) <= _LONGEST_ITEM and _LAST_ITEM.search(words) is None


def _is_reading_digits(clause: Clause) -> bool:
    """A telephone number that is not all there yet."""
    told = _DIGITS.search(clause.words)
    if told is None or _PHONE.search(clause.words) is None:
        return False
    return 0 < sum(map(str.isalnum, told.group())) < _PHONE_DIGITS
