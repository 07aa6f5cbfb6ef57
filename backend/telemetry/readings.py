"""What a server can be asked at any moment: gauges, and counts that are too frequent to be told one by one."""

from dataclasses import dataclass


@dataclass(slots=True)
class Traffic:
    """What has passed over all lines, in bytes of whole messages."""

    up_bytes: int = 0
    down_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Readings:
    """A server, now.

    Attributes:
        calls: under way.
        accepting: whether a further call would be taken.
        refusing: why not, where it would not.
    """

    calls: int
    max_calls: int
    accepting: bool
    loop_lag_ms: float
    up_bytes: int
    down_bytes: int
    refusing: str = ""
