"""A reply's sound on its way from the synthesiser to the caller: in speaking order, at the pace of the ear."""

import asyncio
from collections.abc import AsyncIterable, Iterator
from typing import Final, Literal, Protocol, assert_never

from backend.call.pacing import Pacer
from backend.give_way import AT_ONCE, give_way
from backend.marks import TurnMarks
from backend.ports import SentenceBegan, SentenceEnded, Sound, SpeechItem, SpeechOptions, SpeechUsage
from backend.protocol.sound import sound_clock
from backend.shell.pieces import Piece, Pieces
from backend.shell.work_time import WorkTime

LONGEST_PIECE_MS: Final = 200
"""Raw samples are cut into pieces of at most this; encoded sound is sent as it comes."""


class Listener(Protocol):
    """Where a reply goes: sentences and their sound, in speaking order."""

    async def say(self, sentence: str) -> None:
        """The sound that follows speaks this."""

    async def show(self, text: str) -> bool:
        """This could not be spoken, and is to be read; whether it was still wanted."""

    async def sound(self, data: bytes, ms: float) -> None:
        """One audio frame, and how long it sounds."""


class Delivery:
    """Takes pieces as fast as they are made, and hands them out as fast as they are heard.

    Args:
        mode: `sentence` sends each sentence whole and at once; `stream` sends pieces, paced.
        lead_ms: how far ahead of the ear a piece of a stream may begin; the piece itself comes on top.
        work: stands still while what is made has to wait to be heard.
    """

    def __init__(
        self,
        listener: Listener,
        marks: TurnMarks,
        options: SpeechOptions,
        mode: Literal["sentence", "stream"],
        lead_ms: int,
        *,
        work: WorkTime,
    ) -> None:
        self._listener = listener
        self._marks = marks
        self._options = options
        self._mode = mode
        self._clock = sound_clock(options.audio_format, options.sample_rate_hz)
        self._pacer = Pacer(lead_ms)
        self._pieces = Pieces()
        self._work = work
        self.announced: list[str] = []

    async def take(self, speech: AsyncIterable[SpeechItem]) -> None:
        """Take all of a synthesis session."""
        sentence: str | None = None
        pieces: list[bytes] = []
        taken = 0
        async for item in speech:
            taken += 1
            if taken % AT_ONCE == 0:
                await give_way()
            match item:
                case SentenceBegan(text):
                    sentence, pieces = text, []
                case Sound(data) if self._mode == "stream":
                    self._marks.set("tts_first_byte")
                    for piece in self._cut(data):
                        await self._put(Piece(piece, sentence))
                        sentence = None
                case Sound(data):
                    self._marks.set("tts_first_byte")
                    pieces.append(data)
                case SentenceEnded():
                    if pieces:
                        await self._put(Piece(b"".join(pieces), sentence))
                    sentence, pieces = None, []
                case SpeechUsage(characters):
                    self._marks.spend(tts_characters=characters)
                case _:
                    assert_never(item)

    async def end(self) -> None:
        """Nothing more will be taken."""
        await self._put(None)

    async def _put(self, piece: Piece | None) -> None:
        if self._pieces.full():
            await self._work.stand_still(self._pieces.put(piece))
        else:
            self._pieces.put_nowait(piece)

    async def run(self) -> None:
        """Hand out everything until the end."""
        while (piece := await self._pieces.get()) is not None:
            ms = self._clock.feed(piece.data)
            if self._mode == "stream":
                await self._wait_for_the_ear(ms)
            await self._send(piece, ms)

    async def _wait_for_the_ear(self, ms: float) -> None:
        now = self._marks.clock()
        due = self._pacer.due(now)
        if due > now:
            await asyncio.sleep(due - now)
        self._pacer.sent(ms, self._marks.clock())

    async def _send(self, piece: Piece, ms: float) -> None:
        if piece.sentence is not None:
            self.announced.append(piece.sentence)
            await self._listener.say(piece.sentence)
        await self._listener.sound(piece.data, ms)
        self._marks.set("first_audio")

    def _cut(self, data: bytes) -> Iterator[bytes]:
        if self._options.audio_format != "pcm":
            yield data
            return
        step = self._options.sample_rate_hz * 2 * LONGEST_PIECE_MS // 1000
        for at in range(0, len(data), step):
            yield data[at : at + step]
