"""How spoken English ends, and how it shows that it goes on. Pure.

Every expression is about the last clause. What goes on does so whatever mark the recogniser puts after it; what seems
to go on is believed to be over when the recogniser ends the sentence there.
"""

import re
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
    "might, may, can, do, did, have, got"
)
_WANTS_MORE: Final = any_of(
    "about, in, on, by, as, onto, through, between, during, without, like, just, very, really, quite,"
    "too, that, which, who, when, where, while, this, these, those, his, also, then, only, even,"
    "still, almost, nearly, probably, always, usually, never, not, don't, didn't, can't, won't, said,"
    "says, told me, asked me, i guess, i think, i thought, i suppose, i believe, i hope, i would say,"
    "was going to say"
)
_TRANSITIVE: Final = any_of(
    "bought, told, saw, need, needs, needed, want, wanted, gave, made, took, sent, met, put, found,"
    "brought, called, asked, wish, hate, hope, mean, means, noticed, heard, realized, visited, enjoy,"
    "prefer, remember, believe"
)
_VERB: Final = re.compile(
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
        "smells, tastes, broke, cut, switch, kiss, excuse, add, change, check"
    )
    + rf"\b|\b{_TRANSITIVE}\b"
    + r"|\w'(?:s|re|m|ve|ll|d|t)\b|\w{3,}ed\b"
)
_SUBORDINATE: Final = any_of(
    "if, when, although, though, while, since, unless, before, after, once, as soon as, whenever,"
    "not only, either, first, if only"
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
)
"""A verb or an adverb that wants more, half of a pair of clauses, a subject or a time alone."""
_SHORT_ANSWER: Final = pattern(
    r"^(?:(?:yes|no|yeah|sure|so|of course) )?(?:i|you|he|she|it|we|they) (?:really )?"
    rf"(?:do|did|am|has|have|can|will|would|{_BE})$",
    r"^(?:really|always|never|usually|probably|still|not yet|only)$",
    r"\b(?:turn|put|switch|hold|come|go|move|hang|keep|try|log|check|sign)(?: it| that| this| me)? (?:on|in)$",
)

_QUESTION: Final = pattern(rf"^{_LEAD}{_ASKER}\b.* .+", rf"^{_LEAD}{_ASKING_VERB} {_ASKED}\b.* .+")
_TRANSITIVE_END: Final = pattern(rf"^{_LEAD}{_ASKER}\b.* {_TRANSITIVE}$")
_QUESTION_ENDS: Final = (" that", " this", " do", " like", " in", " on", " have", " then")
_NO_QUESTION: Final = pattern(
    rf"^{_LEAD}when (?:i|you|he|she|it|we|they|the|my|your)\b", r"^(?:what|how) (?:a|an|i|nice|lovely)\b"
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
    return _SEEMS_TO_GO_ON.search(last) is not None or _lacks_verb(last)


def _lacks_verb(last: str) -> bool:
    """Somebody, something or some time of which nothing has been said; a short one may be an answer."""
    return last.count(" ") + 1 >= _LONGER_THAN_AN_ANSWER and _VERB.search(last) is None


def _is_whole(last: str) -> bool:
    return _WHOLE.search(last) is not None or _is_question(last)


def _is_question(last: str) -> bool:
    return _QUESTION.search(last) is not None and _NO_QUESTION.search(last) is None
