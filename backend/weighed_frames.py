"""What waits at a WebSocket until it is read, bounded by what it weighs as well as by how much there is of it.

The library counts frames alone: 256 of them may be ten kilobytes or ten megabytes.
"""

from collections import deque
from collections.abc import Iterable

from websockets.asyncio.messages import SimpleQueue
from websockets.frames import Frame


class WeighedFrames(SimpleQueue[Frame]):
    """The library's queue of frames, as long as it is heavy.

    Args:
        bytes_each: a larger frame counts as several.
    """

    def __init__(self, bytes_each: int) -> None:
        super().__init__()
        self._scales = _Scales()
        self.queue = self._scales
        self._bytes_each = bytes_each

    def __len__(self) -> int:
        return max(len(self._scales), self._scales.weight // self._bytes_each)

    def drop_unfinished(self) -> None:
        """The rest of a message will not come."""
        while self._scales and not self._scales[-1].fin:
            self._scales.pop()


class _Scales(deque[Frame]):
    """Knows what lies in it."""

    weight = 0

    def append(self, frame: Frame) -> None:
        self.weight += len(frame.data)
        super().append(frame)

    def popleft(self) -> Frame:
        frame = super().popleft()
        self.weight -= len(frame.data)
        return frame

    def pop(self) -> Frame:  # type: ignore[override]  # the last one, always
        frame = super().pop()
        self.weight -= len(frame.data)
        return frame

    def extendleft(self, frames: Iterable[Frame]) -> None:
        back = list(frames)
        self.weight += sum(len(frame.data) for frame in back)
        super().extendleft(back)
