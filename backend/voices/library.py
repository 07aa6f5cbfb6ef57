"""The voices of a server: filled from the stock, kept in the store, and known to calls without asking it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from backend.errors import StoreError
from backend.protocol.events import CallConfig
from backend.store.records import now_ms
from backend.store.voice_rows import VoicePlace, VoiceRow, VoiceWish
from backend.voices.stock import stock

log = logging.getLogger(__name__)

MOST_VOICES: Final = 2000

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class LibraryTimes:
    """How long things take.

    Attributes:
        answer_s: after this long the database does not answer.
        retry_s: how long until it is asked again while the server starts.
        look_s: how often it is looked at for what other servers have changed.
    """

    answer_s: float = 5.0
    retry_s: float = 0.5
    look_s: float = 30.0


class VoiceLibrary:
    """All voices, and which of them may be offered.

    Args:
        place: where they are kept, as it stands now; may raise `StoreError`.
        provider: whose voices are spoken.
        model: the synthesis model in use, where the provider has several.
    """

    def __init__(
        self, place: Callable[[], VoicePlace], provider: str, model: str, times: LibraryTimes | None = None
    ) -> None:
        self.provider = provider
        self.model = model
        self._place = place
        self._times = times or LibraryTimes()
        self._known: tuple[VoiceRow, ...] = ()
        self._off: frozenset[str] = frozenset()
        self._filled = False

    # --- what calls and the page know at once

    def offered(self) -> tuple[VoiceRow, ...]:
        """Those that a caller may choose now, in their order; none before the database was there."""
        return tuple(row for row in self._known if row.enabled and self.is_usable(row))

    def is_usable(self, row: VoiceRow) -> bool:
        """Whether the service in use can speak it."""
        return row.provider == self.provider and row.status == "ready" and row.fits(self.model)

    def is_off(self, speaker: str) -> bool:
        """Whether this voice of the provider's was switched off or removed."""
        return speaker in self._off

    def heeded(self, config: CallConfig) -> CallConfig:
        """What a client asks for, without a voice that was switched off."""
        return replace(config, speaker=None) if config.speaker and self.is_off(config.speaker) else config

    def known(self, speaker: str) -> VoiceRow | None:
        """What is known of a voice of the provider's, by the vendor's id."""
        return next((row for row in self._known if row.voice == speaker), None)

    # --- what is kept; each may raise `StoreError`, when the database is not there

    async def find(self, wish: VoiceWish, offset: int, limit: int) -> tuple[list[VoiceRow], int]:
        """See `VoicePlace`."""
        return await self._ask(lambda place: place.find(wish, offset, limit))

    async def get(self, ident: str) -> VoiceRow | None:
        """See `VoicePlace`."""
        return await self._ask(lambda place: place.get(ident))

    async def add(self, row: VoiceRow) -> bool:
        """Keep one; False where there is one of this id. One that had been removed comes back."""

        async def work(place: VoicePlace) -> bool:
            if not await place.add([row]):
                if await place.get(row.id) is not None:
                    return False
                await place.drop(row.id)
                await place.add([row])
            await self._look(place)
            return True

        return await self._ask(work)

    async def change(self, ident: str, values: Mapping[str, object]) -> VoiceRow | None:
        """Set some columns; the voice as it is then, or None where there is none."""

        async def work(place: VoicePlace) -> VoiceRow | None:
            if not await place.change(ident, {**values, "changed_ms": now_ms()}):
                return None
            await self._look(place)
            return await place.get(ident)

        return await self._ask(work)

    async def remove(self, row: VoiceRow) -> None:
        """Have it gone. A stock voice leaves its id behind, or it would be back with the next start."""

        async def work(place: VoicePlace) -> None:
            if row.kind == "stock":
                await place.change(row.id, {"status": "removed", "changed_ms": now_ms()})
            else:
                await place.drop(row.id)
            await self._look(place)

        await self._ask(work)

    # --- chores

    async def watch(self) -> None:
        """Fill the library when the database is there, and see from time to time what others have changed."""
        while True:
            pause_s = self._times.look_s
            try:
                await self.look()
            except StoreError as exc:
                log.debug("voices.unknown", extra={"reason": str(exc)})
                pause_s = pause_s if self._filled else self._times.retry_s
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """See what is there now, with the stock filled in.

        Raises:
            StoreError: the database is not there.
        """
        await self._ask(self._fill)

    async def _fill(self, place: VoicePlace) -> None:
        if not self._filled:
            added = await place.add(stock(now_ms()))
            self._filled = True
            log.info("voices.filled", extra={"added": added})
        await self._look(place)

    async def _look(self, place: VoicePlace) -> None:
        there, _ = await place.find(VoiceWish(provider=self.provider), 0, MOST_VOICES)
        gone, _ = await place.find(VoiceWish(provider=self.provider, statuses=("removed",)), 0, MOST_VOICES)
        self._known = tuple(there)
        off = (*gone, *(row for row in there if not row.enabled))
        self._off = frozenset(row.voice for row in off if row.voice)

    async def _ask(self, work: Callable[[VoicePlace], Awaitable[_Answer]]) -> _Answer:
        try:
            async with asyncio.timeout(self._times.answer_s):
                return await work(self._place())
        except TimeoutError as exc:
            raise StoreError("the database does not answer") from exc
