"""What may go wrong with the vendors' services, and what a caller then gets: one list, for the test and for the page.

`T` is the stage's own setting: `ASR_TIMEOUT_S`, `LLM_TIMEOUT_S` or `TTS_TIMEOUT_S`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Family = Literal["volcengine", "dashscope"]
StageName = Literal["asr", "llm", "tts"]
When = Literal["first", "later", "barge-in"]

FAMILIES: Final[tuple[Family, ...]] = ("volcengine", "dashscope")
STAGES: Final[tuple[StageName, ...]] = ("asr", "llm", "tts")
WHENS: Final[tuple[When, ...]] = ("first", "later", "barge-in")

ANSWERED: Final = "answered"
"""The turn is answered whole, as if nothing had happened."""
GOES_ON: Final = "goes on"
"""The caller's words over the reply are lost; the reply goes on to its end."""

LATE_MS: Final = 1200


@dataclass(frozen=True)
class Trouble:
    """One kind of fault.

    Attributes:
        fault: what the emulator is told, beside the service; see `emulator.script.Fault`.
        at_connect: it strikes a handshake (or, of chat, a request before it is answered).
    """

    name: str
    fault: dict[str, Any] = field(hash=False)
    at_connect: bool = False


TROUBLES: Final = (
    Trouble("refused", {"kind": "refuse", "status": 503}, at_connect=True),
    Trouble("401", {"kind": "refuse", "status": 401}, at_connect=True),
    Trouble("403", {"kind": "refuse", "status": 403}, at_connect=True),
    Trouble("quota", {"kind": "error"}),
    Trouble("slow connect", {"kind": "connect_stall"}, at_connect=True),
    Trouble("slow first byte", {"kind": "slow", "ms": LATE_MS}),
    Trouble("stall mid-stream", {"kind": "stall", "at": "mid"}),
    Trouble("half-close", {"kind": "half_close", "at": "mid"}),
    Trouble("reset", {"kind": "reset", "at": "mid"}),
    Trouble("garbage frame", {"kind": "garbage", "at": "mid"}),
    Trouble("wrong order", {"kind": "wrong_order"}),
    Trouble("wrong session", {"kind": "wrong_session", "at": "mid"}),
    Trouble("oversize", {"kind": "oversize", "at": "mid"}),
    Trouble("idle close", {"kind": "idle_close", "ms": 20}, at_connect=True),
    Trouble("error mid-sentence", {"kind": "error", "at": "mid"}),
)


@dataclass(frozen=True)
class Case:
    """One fault of one service, at one time.

    Attributes:
        stands_by: the other family stands by in every stage.
    """

    family: Family
    stage: StageName
    trouble: Trouble
    when: When
    stands_by: bool = False

    @property
    def name(self) -> str:
        """For people."""
        second = " with a second" if self.stands_by else ""
        return f"{self.family}{second} {self.stage}: {self.trouble.name}, {self.when}"

    @property
    def service(self) -> str:
        """As the emulator calls it."""
        if self.stage == "llm":
            return "chat"
        return "inference" if self.family == "dashscope" and self.trouble.at_connect else self.stage

    @property
    def fault(self) -> dict[str, Any]:
        """What the emulator is told."""
        told = {"service": self.service, **self.trouble.fault}
        if self.trouble.name == "quota":
            told |= self._quota
        elif self.trouble.name in ("401", "403") and self.family == "volcengine" and self.stage != "llm":
            told["code"] = {"401": 45000010, "403": 45000030}[self.trouble.name]
        elif self.trouble.name == "wrong session" and self.stage == "asr":
            told["at"] = "start"
        elif self.trouble.name == "slow first byte" and self.stage == "tts":
            told["at"] = "sound"  # the session is open, and the text is there to be said by another
        elif told["kind"] == "error":
            told["code"] = 55000031 if self.family == "volcengine" and self.stage != "llm" else "InternalError"
        return told

    @property
    def _quota(self) -> dict[str, Any]:
        if self.stage == "llm":
            code = "QuotaExceeded" if self.family == "volcengine" else "insufficient_quota"
            return {"kind": "refuse", "status": 429, "code": code}
        return {"code": 45000292 if self.family == "volcengine" else "Throttling.AllocationQuota"}

    @property
    def is_there(self) -> bool:
        """Doubao's recognition has one session to a connection, and no names for them."""
        return not (self.family == "volcengine" and self.stage == "asr" and self.trouble.name == "wrong session")

    @property
    def misses(self) -> str:
        """Why it cannot strike at this time; empty where it can, and then has to."""
        place = (self.family, self.stage, self.when)
        at_once = "a call's first listening takes its connection as soon as that is open: it is never idle"
        return at_once if place == ("volcengine", "asr", "first") and self.idles else ""

    @property
    def idles(self) -> bool:
        """It strikes a connection that nobody uses."""
        return self.trouble.name == "idle close"

    @property
    def takes_over(self) -> bool:
        """The second provider is asked instead, from this turn or the next on."""
        return self.stands_by and (self._alone != ANSWERED or self._is_found_by_the_call)

    @property
    def outcome(self) -> str:
        """`ANSWERED`, `GOES_ON`, or the code of the `BotError`."""
        spared = self.takes_over and (self.stage == "asr" or self.fault.get("at") != "mid")
        return ANSWERED if spared else self._alone

    @property
    def _alone(self) -> str:
        name = self.trouble.name
        if (self.stage, name) in _HARMLESS or (self.family, self.stage, name) in _HARMLESS or self._is_spared:
            return ANSWERED
        if self.stage == "asr" and self.when == "barge-in":
            return GOES_ON
        return f"{self.stage.upper()}{'Timeout' if name in _TIMEOUTS else 'Failed'}"

    @property
    def _is_spared(self) -> bool:
        """A session that failed to open once is opened anew."""
        if self.stage == "asr" and self.when == "barge-in":
            return self.fault.get("at") != "mid" and self.trouble.name != "wrong session"
        return False

    @property
    def _is_found_by_the_call(self) -> bool:
        """Alone, the ears open anew; an adapter knows only a 503 as something that may pass."""
        place = (self.family, self.stage, self.when)
        return place == ("volcengine", "asr", "barge-in") and self.trouble.name in ("401", "403", "slow connect")

    @property
    def deadlines(self) -> int:
        """Within how many `T` the caller knows; a recogniser that falls silent is asked for its last word first."""
        return 2 if self.stage == "asr" and self.trouble.name == "stall mid-stream" else 1


_TIMEOUTS: Final = frozenset({"slow connect", "slow first byte", "stall mid-stream"})
_HARMLESS: Final = frozenset[tuple[str, ...]](
    {
        *((stage, "idle close") for stage in STAGES),
        ("llm", "wrong order"),
        ("llm", "wrong session"),
        ("volcengine", "asr", "wrong order"),
        ("volcengine", "tts", "wrong order"),
    }
)
"""What an adapter reads past, or mends before anyone notices."""
_TAKEN_OVER: Final = {
    "asr": ("refused", "error mid-sentence", "reset"),
    "llm": ("401", "slow first byte", "half-close"),
    "tts": ("slow first byte", "stall mid-stream", "slow connect"),
}
"""What the sample plays with somebody who stands by: one fault of each stage for each time."""


def cases(*, stands_by: bool = False) -> Iterator[Case]:
    """All of them."""
    for family in FAMILIES:
        for stage in STAGES:
            for trouble in TROUBLES:
                for when in WHENS:
                    if (case := Case(family, stage, trouble, when, stands_by)).is_there:
                        yield case


def sample() -> Iterator[Case]:
    """Each fault of each service once, at another time each; and some with somebody who stands by."""
    for number, case in enumerate(cases()):
        if case.when == WHENS[number // len(WHENS) % len(WHENS)]:
            yield case
    for case in cases(stands_by=True):
        if case.trouble.name == _TAKEN_OVER[case.stage][WHENS.index(case.when)]:
            yield case
