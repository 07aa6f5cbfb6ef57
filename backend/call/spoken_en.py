"""How spoken English ends, and how it shows that it goes on. Pure.

Every expression is about the last clause. What goes on does so whatever mark the recogniser puts after it; what seems
to go on is believed to be over when the recogniser ends the sentence there.
"""

from typing import Final

from backend.call.spoken import Clause, Completeness, any_of, pattern, verdict

_FILLER: Final = any_of("um, uh, er, erm, uhm, hmm, mm")
_CONNECTIVE: Final = any_of(
    "and, but, or, because, cause, although, unless, whereas, if, than, either, neither, both,"
    "not only, whether, instead of, because of, such as, for example"
)
_NOUN_FOLLOWS: Final = any_of("the, a, an, of, my, your, our, their, its, every")
_PREPOSITION: Final = any_of("to, into, at, with, from, for")
_SUBJECT: Final = any_of(
    "i, we, they, he, she, i'm, we're, they're, he's, she's, it's, there's, i've, i'd, i'll, you're,let's, let me"
)
_HEDGE: Final = any_of(
    "i mean, you know, or rather, no wait, let me think, let me see, how do you say,"
    "what's it called, the thing is, the point is, i think it was, gonna, wanna, said that"
)
_OPENER: Final = any_of(
    "well, so, actually, like, basically, anyway, honestly, you see, sorry, no sorry, okay so, maybe"
)
_BE: Final = any_of("is, are, was, were")

_GOES_ON: Final = pattern(
    rf"\b(?:{_FILLER}|{_CONNECTIVE}|{_NOUN_FOLLOWS}|{_PREPOSITION}|{_SUBJECT}|{_HEDGE})$",
    rf"^{_OPENER}$",
    r"\b(?:and then|but then|so then|even though|especially|except|on the other hand|first of all|what i mean)$",
    r"\b(\w+) \1$",
    rf"^(?!.*\b(?:what|where|who|how|when|that|it|here|there|yes|no)\b)(?!(?:i|you|he|she|we|they) ).* {_BE}$",
)
"""A filler, a connective, an article, a preposition, a subject, an announcement, a word twice, half a verb."""
_FOR_EMPHASIS: Final = pattern(rf"\b({any_of('no, yes, bye, okay, so, very, never, ha, really')}) \1$")
_STRANDED: Final = pattern(
    r"^(?:so |and |but )?(?:what|who|where|which|how)\b.*\b(?:from|for|with|at|to|like|about|on|in)$"
)

_HELPER: Final = any_of(
    "is, are, was, were, am, be, been, being, does, has, had, will, would, could, should, must,"
    "might, may, can, do, did, have, got, wasn't, weren't, isn't, aren't, doesn't, hasn't, haven't, hadn't,"
    "wouldn't, couldn't, shouldn't"
)
_WANTS_MORE: Final = any_of(
    "about, in, on, by, as, onto, through, between, during, without, like, just, very, really, quite,"
    "too, that, which, who, when, where, while, this, these, those, his, also, then, only, even,"
    "still, almost, nearly, probably, always, usually, never, not, don't, didn't, can't, won't, said,"
    "says, told me, asked me, against, toward, towards, "
    "until, till, per, via, despite, upon, among, "
    "somewhat, extremely, fairly, some of, most of, all of, one of, kind of, sort of,"
    "used to, supposed to, going to, able to, every single, in order, according, "
    "i guess, i think, i thought, i suppose, i believe, i hope, i would say,"
    "was going to say"
)
_TRANSITIVE: Final = any_of(
    "bought, told, saw, need, needs, needed, want, wanted, gave, made, took, sent, met, put, found,"
    "brought, called, asked, wish, hate, hope, mean, means, noticed, heard, realized, visited, enjoy,"
    "prefer, remember, believe, lend, borrow, received, ordered, spilled,"
    "believes, wants, hates, managed, happened to, booked,"
    "donated, threw, stole, built, wrote, taught, chose, picked, dropped, carried, mentioned, suggested, invited,"
    "owns, owe, require, requires, provide, "
    "became, become, seems, gets, getting, making, taking, having,"
    "being, using, finding, buying, bringing, giving, telling, asking, wearing"
)
_VERB: Final = pattern(
    r"\b"
    + any_of(
        "is, are, was, were, am, be, been, do, does, did, have, has, had, can, could, will, would,"
        "should, may, might, must, go, goes, went, come, comes, came, get, gets, got, make, makes,"
        "take, takes, say, says, tell, tells, think, thought, know, knows, knew, see, sees, saw,"
        "like, likes, love, loves, feel, feels, felt, find, give, gives, keep, keeps, kept, let,"
        "seem, seems, try, tries, use, uses, work, works, call, calls, leave, leaves, left, begin,"
        "began, bring, buy, catch, choose, chose, drink, drank, drive, drove, eat, eats, ate, fall,"
        "fell, fly, flew, forget, forgot, grow, grew, hear, hold, hurt, hurts, learn, lose, lost,"
        "meet, pay, paid, read, ride, run, runs, ran, sell, sold, send, show, sing, sings, sang, sit,"
        "sat, sleep, sleeps, slept, speak, spoke, spend, spent, stand, stood, stay, swim, teach,"
        "understand, wake, woke, wear, wore, win, won, write, wrote, play, plays, talk, talks, walk,"
        "walks, live, lives, help, helps, start, starts, stop, stops, wait, watch, listen, look,"
        "looks, turn, open, close, move, guess, agree, depends, rains, thank, please, set, sounds,"
        "reads, writes, eats, drinks, sells, costs, cost, needs, opens, closes, drives, flies, teaches, plays,"
        "rings, rang, threw, grow, grew, hit, drop, drops, crash, crashes, blew, froze, shook, stole, hid, dreamt,"
        "smells, tastes, broke, cut, switch, kiss, excuse, add, change, check"
    )
    + rf"\b|\b{_TRANSITIVE}\b"
    + r"|\w'(?:s|re|m|ve|ll|d|t)\b|\w{3,}ed\b"
)
_SUBORDINATE: Final = any_of(
    "if, when, although, though, while, since, unless, before, after, once, as soon as, whenever,"
    "not only, either, first, if only, even though, even if, whether or not, whatever, whoever, wherever, as soon as,"
    "by the time, as long as, rather than, apart from, now that, given that, having said that, speaking of, instead of,"
    "the more, every time, each time, the last time, the first time, because, except for, according to,"
    "weather permitting"
)
_SOMEBODY: Final = any_of("i, you, he, she, it, we, they, there, everyone, everybody, nobody")
_TWO_CLAUSES: Final = pattern(
    rf"\b{_SOMEBODY}(?:'\w+)?\b.* {_SOMEBODY}(?:'\w+)? \w+",
    r"\bthe (?:more|less|sooner|better)\b.*\bthe (?:more|less|sooner|better) \w+ \w+",
)
_ADJECTIVE: Final = (
    any_of(
        "big, small, huge, tiny, new, old, young, nice, great, long, short, tall,"
        "dark, bright, hot, warm, weird, strange, funny, big old, real, whole,"
        "entire, main, best, worst, biggest, most, least, "
        "certain, single, double, free, local, national, social, medical, personal, special, general, total, final,"
        "cheap, expensive, pretty, ugly, rich, poor, quick, slow, hard, easy, simple, quiet, loud, busy, empty, full,"
        "very, really, really big, few, couple, bit of, number, kind, sort, couple of"
    )
    + r"|\w+(?:ous|ful|ible|able|ish|less)"
)
_DETERMINER: Final = any_of("a, an, the, my, your, his, her, our, their, these, those, some, any, no, such a")
_QUANTITY: Final = any_of(
    "both, some, most, all, many, every, each, half, a lot of, one of, a friend of, a friend, people, everybody,"
    "everyone, nobody, somebody, someone, another, one, a couple of, plenty of, none of, any of, nothing, somewhere,"
    "something"
)
_STANCE: Final = any_of(
    "apparently, luckily, unfortunately, fortunately, suddenly, eventually, hopefully, personally, recently, lately,"
    "normally, generally, originally, finally, meanwhile, besides, otherwise, instead, afterwards, frankly, obviously,"
    "preferably, technically, surprisingly, sadly, clearly, in fact, in general, in my opinion, in other words,"
    "to be fair, to tell you the truth, all of a sudden, at first, after that, before that, at the moment, these days,"
    "last time, next time, this time, some days, one day, the other day, every night, every day, every time,"
    "around \\w+(?: o'clock)?, about \\w+ o'clock, twice a \\w+, once a \\w+, ever since, for me, for now,"
    "as usual, as a result"
)
_MOMENT: Final = any_of(
    "honestly, yesterday, today, tomorrow, tonight, last night, last week, last year, this morning,"
    "this week, sometimes, wait, hello, look, listen"
)
_LEAD: Final = r"(?:(?:so|and|but|well|okay|hey|hi|um|uh) )*"

_ASKER: Final = any_of("what, what's, why, how, how's, when, where, where's, who, who's, which, whose")
_ASKING_VERB: Final = any_of(
    "do, does, did, is, are, was, were, am, can, could, will, would, should, have, has, may, shall,"
    "don't, didn't, isn't, aren't, can't, won't, wouldn't"
)
_ASKED: Final = any_of("i, you, he, she, it, we, they, there, that, this, the, your, my, anyone, anybody, people")

_AFTER_HELPER: Final = any_of("be, be staying, been, to, got, rather, better, just, probably, never, always, also")
_ASKED_OF: Final = any_of(
    "have, need, get, take, make, find, put, bring, buy, give, send, tell, show, keep, move, use, turn, pick, try,"
    "want, call, consider, own, prefer, include, accept, offer, sell, deliver, mind, remember, think, feel like,"
    "like, know"
)
_DOES_SOMETHING: Final = any_of(
    "take, bring, find, get, give, make, send, buy, put, lend, include, raise, describe, mention, use, tell, keep,"
    "lose, hold, choose, pick, throw, build, hurt, supposed, allowed to, decided, expected, wearing"
)
_ASKED_FOR: Final = any_of(
    "look up, check, book, find out, pick up, set up, explain, recommend, tell me about, order, cancel, change, move,"
    "remind me, teach me, add, write, read, translate, search for, name, describe, suggest, say"
)

_SEEMS_TO_GO_ON: Final = pattern(
    rf"\b(?:{_HELPER}|{_WANTS_MORE}|{_TRANSITIVE})$",
    rf"^{_LEAD}{_SUBORDINATE}\b",
    rf"^{_LEAD}(?:in|on|at|for|with|from|by|during|after|before) (?:\w+ ){{0,2}}\w+$",
    rf"^{_LEAD}(?:to be honest|as far as .*|what if|how about|for example|by the way|every time.*|which means)$",
    r"\b(?:so|a bit|a little|could you please|can you please|i was wondering|the reason)$",
    rf"^{_LEAD}(?:can|could|would|will) you (?:please )?(?:give|show|tell|send|find|play|get|make)(?: me)?$",
    rf"^{_LEAD}{_ASKER} (?:do|does|did|don't|can|could|would|should|will) {_ASKED}$",
    r"\b(?:ever|any|maybe|find|know that|know how)$",
    r"\b(?:am|i'm|we're|is|are|was|were|been) (?:\w+ )?(?:trying|looking|planning|hoping|wondering|thinking|saying)$",
    r"\bthat (?:if|when)(?: \w+){1,3}$",
    rf"^{_LEAD}(?:my|our|his|her|their|the|this|that) (?:\w+ )?\w+$",
    r"^(?:do|did|can|could|would|will) you (?:think|know|remember|want|mean|see)$",
    rf"^{_LEAD}{_MOMENT}$",
    rf"^{_LEAD}{_STANCE}$",
    rf"\b(?:{_DETERMINER}) (?:{_ADJECTIVE})$",
    rf"^{_LEAD}{_QUANTITY} (?:(?:of )?(?:the|my|our|his|her|their|these|those) )?(?:\w+ )?\w+$",
    rf"^{_LEAD}{_ASKER} (?:\w+ ){{1,2}}(?:do|does|did|don't|can|could|would|should|will) {_ASKED}$",
    rf"^{_LEAD}(?:\w+ ){{0,3}}(?:do|does|did|will|would|can) (?:the|your|my|our|his|her|this|that|these) \w+$",
    rf"^{_LEAD}{_ASKING_VERB} {_ASKED} (?:\w+ly |even |still |also |ever |just )?{_ASKED_OF}$",
    rf"^{_LEAD}(?:is|are|was|were) (?:the|your|my|our|his|her|these|those)?(?: ?\w+)$",
    rf"^{_LEAD}(?:(?:can|could|would|will) you|can i|could i|may i) (?:please |maybe |just )?{_ASKED_FOR}$",
    r"\b(?:any|a|no) (?:chance|way|reason|idea)$|\b(?:happen to know|would you mind|do you mind|you think)$",
    r"\b(?:isn't|aren't|wasn't) (?:too|very|really|that|quite|so|exactly)$",
    rf"\b(?:i|we|he|she|they|you)(?:'d|'ve|'re|'ll|'s|'m) {_AFTER_HELPER}$",
    r"\b(?:number|reference|code|zip|password|room|flight)(?: \w+)? is(?: \w+){0,5}$",
    r"\b(?:all|most of) (?:these|those|the|my|our)$",
    rf"^(?!.*\b(?:what|which|who|where|how|that|to|easy|hard|as|than)\b).*\b{_DOES_SOMETHING}$",
    rf"^{_LEAD}\w+'s$",
    r"^(?:my|our|his|her|your) \w+(?:'s| isn't| wasn't| doesn't)$",
    r"^(?:what|who|all|the thing) (?:i|we|you|he|she|they|really|bothers|matters|happened|annoys)\b"
    r"(?!.*\b(?:is|was)\b .*\w+)",
)
"""A verb or an adverb that wants more, half of a pair of clauses, a subject or a time alone."""
_SHORT_ANSWER: Final = pattern(
    r"^(?:(?:yes|no|yeah|sure|so|of course) )?(?:i|you|he|she|it|we|they) (?:really )?"
    rf"(?:do|did|am|has|have|can|will|would|{_BE})$",
    r"^(?:really|always|never|usually|probably|still|not yet|only)$",
    r"\b(?:turn|put|switch|hold|come|go|move|hang|keep|try|log|check|sign)(?: it| that| this| me)? (?:on|in)$",
)

_QUESTION: Final = pattern(rf"^{_LEAD}{_ASKER}\b.* .+", rf"^{_LEAD}{_ASKING_VERB} {_ASKED}\b.* .+")
_HALF: Final = pattern(rf"^{_LEAD}{_SUBORDINATE}\b")
_TRANSITIVE_END: Final = pattern(rf"^{_LEAD}{_ASKER}\b.* {_TRANSITIVE}$")
_QUESTION_ENDS: Final = (" that", " this", " do", " like", " in", " on", " have", " then")
_NO_QUESTION: Final = pattern(
    rf"^{_LEAD}when (?:i|you|he|she|it|we|they|the|my|your)\b",
    r"^(?:what|how) (?:a|an|i|nice|lovely)\b",
    rf"^{_LEAD}(?:which one|what time|what kind|what sort|how (?:many|much|long|far|often)|(?:what|which) \w+)$",
    r"^(?:what|who) (?:we|he|she|they|really|bothers|matters|annoys)\b",
    r"\b(?:anything|something|anyone|somewhere|any \w+)$",
)
_WHOLE: Final = pattern(
    r"^(?:(?:no|yes|yeah|you're|that's) )?right$|^(?:thank you|thanks)\b",
    r"\b"
    + any_of(
        "isn't it, aren't you, don't you, doesn't it, won't you, please, huh, thanks, thank you,"
        "see you, no problem, you too, me too, of course, never mind, not really, i don't know,"
        "i don't think so, i think so, i hope so, why not, as well, anyway, though"
    )
    + "$",
    r"(?<!it's )(?<!is )(?<!was )(?<!are )(?<!i'm )\btoo$",
    "^"
    + any_of(
        "bye, goodbye, good night, good morning, okay, sure, absolutely, exactly, great, awesome,"
        "fine, all right, sounds good, that sounds great, you're welcome, i love you"
    )
    + "$",
)
"""Tags, farewells, and what is said whole."""
_LONGER_THAN_AN_ANSWER: Final = 4


def goes_on_in_english(clause: Clause) -> bool:
    """Whether the last word alone says that more comes."""
    return _goes_on(clause.last)


def judge_english(clause: Clause) -> Completeness:
    """The verdict on a text that ends in English."""
    last = clause.last
    if clause.asks:
        return Completeness.OPEN if _goes_on(last) else Completeness.COMPLETE
    if _goes_on(last):
        return Completeness.UNFINISHED
    return verdict(clause, whole=_is_whole(last), seems_to_go_on=_seems_to_go_on(last))


def _goes_on(last: str) -> bool:
    if _STRANDED.search(last) or _FOR_EMPHASIS.search(last):
        return False
    return _GOES_ON.search(last) is not None


def _seems_to_go_on(last: str) -> bool:
    if any(each.search(last) for each in (_WHOLE, _SHORT_ANSWER, _STRANDED)):
        return False
    if _is_question(last) and (_TRANSITIVE_END.search(last) or last.endswith(_QUESTION_ENDS)):
        return False
    if _is_question(last) and "when" in last.split(" ", 2)[:2]:
        return False
    if _HALF.search(last) and _TWO_CLAUSES.search(last):
        return False
    return _SEEMS_TO_GO_ON.search(last) is not None or _lacks_verb(last)


def _lacks_verb(last: str) -> bool:
    """Somebody, something or some time of which nothing has been said; a short one may be an answer."""
    return last.count(" ") + 1 >= _LONGER_THAN_AN_ANSWER and _VERB.search(last) is None


def _is_whole(last: str) -> bool:
    return _WHOLE.search(last) is not None or _is_question(last)


def _is_question(last: str) -> bool:
    return _QUESTION.search(last) is not None and _NO_QUESTION.search(last) is None
