"""Encoded sound, remembered: encoding takes the processor longer than all else an emulated voice does."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from emulator.encode import Encoder, Sound, encoder
from emulator.engines.base import Pcm, SpeakOptions, SynthesisEngine

_KEPT: Final = 4096
"""Pieces: at most some ten megabytes of sound."""
_END: Final = object()
_NUMBERED: Final = "ogg_opus"
"""Each stream of it has a number of its own, drawn by lot, on every page: two encoders of the same sound differ."""


class KnownSound:
    """What came out of which pieces, one after another; the oldest are forgotten.

    What an encoder gives for a piece depends on all pieces before it, so that each is remembered by the place that
    the stream had come to, and leads to the next place.
    """

    def __init__(self, most: int = _KEPT) -> None:
        self._most = most
        self._steps: OrderedDict[Hashable, tuple[bytes, int]] = OrderedDict()
        self._places = 0

    def stream(self, sound: Sound) -> "KnownStream":
        """A new stream."""
        return KnownStream(self, sound)

    def find(self, place: Hashable, piece: Hashable) -> tuple[bytes, int] | None:
        """What this piece gave there, and the place after it."""
        if (step := self._steps.get((place, piece))) is not None:
            self._steps.move_to_end((place, piece))
        return step

    def keep(self, place: Hashable, piece: Hashable, data: bytes) -> int:
        """Remember what a piece gave; the place after it."""
        self._places += 1
        self._steps[place, piece] = (data, self._places)
        if len(self._steps) > self._most:
            self._steps.popitem(last=False)
        return self._places


class KnownStream:
    """One stream: encoded only from where it differs from all before it."""

    def __init__(self, known: KnownSound, sound: Sound) -> None:
        self._known = known
        self._sound = sound
        self._place: Hashable | None = None if sound.audio_format == _NUMBERED else sound
        self._behind: list[Pcm] = []
        self._encoder: Encoder | None = None

    def feed(self, pcm: Pcm, piece: Hashable | None) -> bytes:
        """Take some more; gives what is encoded by now.

        Args:
            piece: names this sound, wherever it comes up again; None where nobody can.
        """
        return self._step(pcm, piece)

    def flush(self) -> bytes:
        """The end of the stream."""
        return self._step(None, _END)

    def _step(self, pcm: Pcm | None, piece: Hashable | None) -> bytes:
        nameless = self._place is None or piece is None
        if not nameless and (step := self._known.find(self._place, piece)) is not None:
            self._behind += [pcm] if pcm is not None else []
            data, self._place = step
            return data
        stream = self._caught_up()
        data = stream.flush() if pcm is None else stream.feed(pcm)
        self._place = None if nameless else self._known.keep(self._place, piece, data)
        return data

    def _caught_up(self) -> Encoder:
        """An encoder that has taken all that came before."""
        stream = self._encoder = self._encoder or encoder(self._sound)
        for pcm in self._behind:
            stream.feed(pcm)
        self._behind.clear()
        return stream


def name_of(voice: SynthesisEngine, sentence: str, options: SpeakOptions) -> Hashable | None:
    """What sentences that sound alike, piece by piece, have in common; None of a voice that never says one alike."""
    name = getattr(voice, "sound_key", None)
    return None if name is None else name(sentence, options)
