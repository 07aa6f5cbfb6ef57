"""What still sounds of a reply after it was sent whole. Pure.

A reply may be sent long before it has been played. Until about a second after its sound has run out, its echo may come
back through the caller's microphone; as long as it sounds, a nod is a nod; if it stops short, the rest was not heard.
When the words began tells what they can be: what begins after the end is most often the answer.
"""

from typing import Final

from backend.call.completeness import has_words, length
from backend.call.echo import Voice
from backend.call.interruption import InterruptionLimits, Overheard, judge, without_echo
from backend.call.said import Said
from backend.call.spoken import Clause

ECHO_S: Final = 1.0
"""So long after her last sound its echo may still be on its way through the recogniser."""
PLAYOUT_S: Final = 0.2
"""So late the client plays, and whoever begins to speak is noticed: what began before may be an echo of any part."""
ANSWER_S: Final = 0.5
"""A question may be answered before its last word has been said."""
_UNIT_S: Final = 0.2
"""How long a hanzi is spoken: a guess at when words began."""


class Words:
    """What one listening has heard, and what it means."""

    def __init__(self) -> None:
        self.text = ""
        self.is_final = False
        self.meaning = Overheard.NOTHING
        self.began_at = 0.0
        self._sensed_at: float | None = None

    def sense(self, now: float) -> None:
        """Someone begins to speak."""
        if not has_words(self.text):
            self._sensed_at = now

    def hear(self, text: str, quiet_s: float, now: float) -> bool:
        """Take the utterance so far, which ended `quiet_s` ago; whether it is another one."""
        if text == self.text:
            return False
        if not has_words(self.text):
            guess = now - quiet_s - length(text) * _UNIT_S
            self.began_at = guess if self._sensed_at is None else self._sensed_at
        self.text = text
        return True

    @property
    def are_a_sign(self) -> bool:
        """Whether they show that there is a caller: not if they are, or may yet be, her own."""
        is_open = self.meaning is Overheard.NOTHING and not self.is_final
        return has_words(self.text) and not is_open and self.meaning is not Overheard.ECHO

    @property
    def are_the_callers(self) -> bool:
        """Whether they are words to somebody."""
        return has_words(self.text) and self.meaning is Overheard.INTERRUPTION

    def weigh(self, meaning: Overheard) -> None:
        """The caller who has the word keeps it."""
        if self.meaning is not Overheard.INTERRUPTION:
            self.meaning = meaning if has_words(self.text) else Overheard.NOTHING


class Tail:
    """The end of the latest reply.

    Args:
        heeds_nods: a nod over it is no utterance, for the client wants to be heard while it sounds.
    """

    def __init__(self, limits: InterruptionLimits, *, heeds_nods: bool = True) -> None:
        self._limits = limits
        self._heeds_nods = heeds_nods
        self._said = Said()
        self._reply: str | None = None
        self._until = self._latest = float("-inf")
        self._is_cut = False

    def begin(self, said: Said, voice_until: float, now: float, reply: str | None = None) -> None:
        """The turn is over.

        Args:
            voice_until: when its sound will have been played, as far as one can tell from here.
            reply: its text, if it is yet to be seen how much of it is heard.
        """
        self._said, self._reply, self._is_cut = said, reply, False
        self._until = max(voice_until, now)
        self._latest = now + said.sent_ms / 1000

    @property
    def deadline(self) -> float | None:
        """When the reply has been heard whole if nothing comes between; None where that is settled."""
        return None if self._reply is None else self._until + ECHO_S

    def played(self, ms: float, now: float) -> None:
        """The client says how much of the reply's sound has come out of its speaker."""
        if self._reply is None:
            return
        self._said.played(ms)
        if left_ms := self._said.unplayed_ms:
            self._until = min(now + left_ms / 1000, max(self._until, self._latest))
        else:
            self._until = min(self._until, now)

    def cut(self, now: float) -> None:
        """The caller has the word: what has not been played by now is not heard."""
        self._is_cut |= now < self._until

    def hush(self, now: float) -> None:
        """The caller has it stopped."""
        self.cut(now)
        self._until = min(self._until, now)

    def settle(self) -> tuple[str, str] | None:
        """What was heard of the reply, and all that was sent if that is more; None where that is settled."""
        reply, self._reply = self._reply, None
        if reply is None:
            return None
        heard, sent = self._said.heard, self._said.sent
        return (heard, sent) if self._is_cut and heard != sent else (reply, "")

    def judge(self, words: Words) -> Overheard:
        """What the words mean. Those that have nothing to do with the reply are an interruption of the silence."""
        if words.began_at >= self._until + ECHO_S:
            return Overheard.INTERRUPTION
        hers, voice = self._voice(words.began_at)
        meaning = judge(words.text, hers, self._limits, final=words.is_final, voice=voice)
        match meaning:
            case Overheard.ECHO | Overheard.INTERRUPTION:
                return meaning
            case Overheard.NOTHING if not words.is_final:
                return meaning
            case _:
                is_over_her = self._heeds_nods and words.began_at < self._nods_until
                return meaning if is_over_her else Overheard.INTERRUPTION

    def without_echo(self, words: Words) -> str:
        """The words without what they begin with that is only hers."""
        if words.began_at >= self._until + ECHO_S:
            return words.text
        return without_echo(words.text, *self._voice(words.began_at))

    @property
    def _asks(self) -> bool:
        return Clause.of(self._said.sent).asks

    @property
    def _nods_until(self) -> float:
        return self._until - ANSWER_S if self._asks else self._until

    def _voice(self, began_at: float) -> tuple[str, Voice]:
        """What of the reply may be heard in words that began then, and how far it had come."""
        if began_at < (self._until - ANSWER_S if self._asks else self._until + PLAYOUT_S):
            return self._said.around(), Voice.SOUNDING
        return self._said.sent, Voice.ASKED if self._asks else Voice.TOLD
