"""What a message costs the server to read, by its looks; who sends more than is fair is read more slowly."""

from typing import Final

PER_S: Final = 0.02
"""Of the server's time, in seconds a second. A call that sends sound every 20 ms takes a quarter of it."""
AT_ONCE_S: Final = 0.04
_AUDIO_S: Final = 0.0001
_OTHER_S: Final = 0.0003
_AUDIO_BYTES_PER_S: Final = 50e6
_JSON_BYTES_PER_S: Final = 100e6
_INFLATED_BYTES_PER_S: Final = 250e6
_RATIO: Final = 100
_MOST_INFLATED: Final = 2**20


def cost_s(message: bytes | str) -> float:
    """Roughly, in seconds of a core; nobody's clock is asked, so that the same messages cost the same everywhere."""
    if isinstance(message, str) or len(message) < 4:
        return _OTHER_S
    is_audio, is_packed = message[1] >> 4 == 0b0010, message[2] & 0xF == 1
    cost = _OTHER_S + len(message) / _JSON_BYTES_PER_S
    if is_audio:
        cost = _AUDIO_S + len(message) / _AUDIO_BYTES_PER_S
    if is_packed:
        cost += min(_MOST_INFLATED, _RATIO * len(message)) / _INFLATED_BYTES_PER_S / (10 if len(message) < 8192 else 1)
    return cost


class Toll:
    """Of one connection. Args: `per_s` and `at_once_s`, in seconds of a core."""

    def __init__(self, per_s: float = PER_S, at_once_s: float = AT_ONCE_S) -> None:
        self._per_s = per_s
        self._at_once_s = at_once_s
        self._owed_s = 0.0
        self._at = 0.0

    def wait_s(self, cost_s: float, now: float) -> float:
        """How long to wait, after a message of this cost, before the next one is read."""
        self._owed_s = max(0.0, self._owed_s - (now - self._at) * self._per_s)
        self._at = now
        self._owed_s += cost_s
        return max(0.0, self._owed_s - self._at_once_s) / self._per_s
