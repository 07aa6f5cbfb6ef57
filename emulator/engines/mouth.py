"""The voice of the on-device engines: a sentence in pieces through the worker that holds the model."""

from collections.abc import AsyncIterator, Callable

from emulator.engines.base import Pcm, SpeakOptions
from emulator.engines.pieces import pieces
from emulator.engines.workers import Worker


class Mouth:
    """A SynthesisEngine.

    Args:
        worker: its model has `say(blob, text, voice, rate, volume)`, which answers PCM.
        voice_for: the model's voice for a vendor's id.
    """

    def __init__(self, worker: Worker, sample_rate_hz: int, voice_for: Callable[[str], str]) -> None:
        self._worker = worker
        self._sample_rate_hz = sample_rate_hz
        self._voice_for = voice_for

    async def speak(self, sentence: str, options: SpeakOptions) -> AsyncIterator[Pcm]:
        """Each piece as soon as it is made. Closing the iterator leaves the rest unmade.

        Raises:
            ProviderUnavailable: the worker failed or is overloaded.
        """
        voice = self._voice_for(options.voice)
        for piece in pieces(sentence):
            _, pcm = await self._worker.call("say", text=piece, voice=voice, rate=options.rate, volume=options.volume)
            if pcm:
                yield Pcm(pcm, self._sample_rate_hz)
