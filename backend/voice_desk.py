"""From settings to the voices of a server: the library, cloning, and what answers for them over HTTP."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from backend.cast import Cast
from backend.ports import Synthesizer
from backend.providers.dashscope import build as dashscope
from backend.settings import DASHSCOPE, Settings
from backend.store.voice_rows import VoicePlace
from backend.voices.cloning import Cloning
from backend.voices.library import VoiceLibrary
from backend.voices.speaking import Samples

if TYPE_CHECKING:
    from aiohttp import web


class VoiceDesk:
    """The voices of a server.

    Args:
        place: where they are kept, as it stands now; may raise `StoreError`.
    """

    def __init__(self, settings: Settings, place: Callable[[], VoicePlace]) -> None:
        provider = settings.tts.provider
        model = dashscope.voice_model(settings)
        self.library = VoiceLibrary(place, provider, model if provider == DASHSCOPE else "")
        self._cloning = Cloning(
            self.library, dashscope.enrolment(settings), public_url=settings.public_url, model=model
        )

    def routes(self, cast: Cast, synthesizer: Synthesizer) -> "list[web.RouteDef]":
        """The paths under `/api/voices`, and those of a persona's voices."""
        from backend.api.clones import CloneRoutes  # noqa: PLC0415 - with the page's server, after the calls'
        from backend.api.samples import SampleRoutes  # noqa: PLC0415
        from backend.api.voices import VoiceRoutes  # noqa: PLC0415

        samples = SampleRoutes(cast, self.library, Samples(synthesizer))
        clones = CloneRoutes(self._cloning)
        library = VoiceRoutes(self.library, self._cloning, samples)
        return [*clones.routes(), *samples.routes(), *library.routes()]

    async def watch(self) -> None:
        """See `VoiceLibrary.watch` and `Cloning.watch`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.library.watch())
            tasks.create_task(self._cloning.watch())

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._cloning.aclose()
