"""When each piece of a reply's sound may leave: a little ahead of the ear, and no further. Pure."""


class Pacer:
    """Lets sound out with a lead, then at real time.

    What has been sent beyond what the ear can have heard is what an interruption throws away, and what a slow client
    has to hold; so it stays small.

    Args:
        lead_ms: how far ahead of the ear sound is sent.
    """

    def __init__(self, lead_ms: float) -> None:
        self._lead_ms = lead_ms
        self._sent_ms = 0.0
        self._began: float | None = None

    def due(self, now: float) -> float:
        """When the next piece may be sent, in seconds on the caller's clock; not before `now`."""
        if self._began is None:
            return now
        return max(now, self._began + (self._sent_ms - self._lead_ms) / 1000)

    def sent(self, ms: float, now: float) -> None:
        """A piece of this length left at `now`."""
        if self._began is None or now > self._began + self._sent_ms / 1000:
            self._began = now - self._sent_ms / 1000  # the ear ran dry and waited: its clock begins again
        self._sent_ms += ms
