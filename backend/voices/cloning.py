"""Clones voices: asked for in a moment, made by the vendor in its own time, watched until they can speak."""

import asyncio
import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from backend.errors import ProviderError, StoreError, VoiceCallError
from backend.providers.dashscope.enrolment import GONE, VoiceEnrolment
from backend.store.records import now_ms
from backend.store.voice_rows import FIRST_PLACE, VoiceRow, VoiceWish
from backend.voices.library import MOST_VOICES, VoiceLibrary
from backend.voices.sample import Sample, SampleDesk
from backend.voices.stock import sample_text

log = logging.getLogger(__name__)

PROVIDER: Final = "dashscope"
SAMPLES_PATH: Final = "/api/voices/samples/"
MOST_CLONES: Final = 200
_DETAIL_CHARS: Final = 400
_PROBLEMS: Final = {
    "Audio.AudioShortError": "too_short",
    "Audio.AudioSilentError": "silent",
    "Audio.DecoderError": "format",
    "BadRequest.UnsupportedFileFormat": "format",
    "Audio.FileSizeExceed": "too_large",
    "Audio.AudioRateError": "rate",
    "Throttling.AllocationQuota": "quota",
    "InvalidApiKey": "key",
}
_UNFINISHED: Final = ("enrolling", "deploying")


class CloneError(VoiceCallError):
    """It cannot be done now; `problem` says why as a stable word."""

    def __init__(self, problem: str, words: str) -> None:
        super().__init__(words)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class CloneWish:
    """The voice that is wanted. Its owner has agreed: nothing gets here without."""

    name: str
    language: str
    gender: str
    sample_text: str | None


@dataclass(frozen=True, slots=True)
class CloneTimes:
    """How long things take.

    Attributes:
        poll_s: how often the vendor is asked about a voice that it makes.
        idle_s: how often it is looked for one that another server began.
        deploy_s: a voice that is not ready by then has failed.
        interrupted_s: the same for one that the vendor was never asked for, as its server was stopped.
    """

    poll_s: float = 3.0
    idle_s: float = 60.0
    deploy_s: float = 1800.0
    interrupted_s: float = 300.0


@dataclass(slots=True)
class _Request:
    """What the vendor is to be asked. `voice` is its answer, once it has given one; `sample` is ours to drop."""

    url: str
    sample: str = ""
    voice: str = ""


class Cloning:
    """The clones of a server.

    Args:
        enrolment: None where there is no account.
        public_url: where the vendor reaches this server's page port; empty where it cannot.
        model: the synthesis model that clones are made for.
    """

    def __init__(
        self,
        library: VoiceLibrary,
        enrolment: VoiceEnrolment | None,
        *,
        public_url: str,
        model: str,
        desk: SampleDesk | None = None,
        times: CloneTimes | None = None,
    ) -> None:
        self.is_possible = enrolment is not None
        self.takes_uploads = bool(public_url)
        self._library = library
        self._enrolment = enrolment
        self._public_url = public_url.rstrip("/")
        self._model = model
        self._desk = desk or SampleDesk()
        self._times = times or CloneTimes()
        self._requests: dict[str, _Request] = {}
        self._wake = asyncio.Event()

    # --- what may be asked

    async def begin(self, wish: CloneWish, sample: Sample | str) -> VoiceRow:
        """Have a voice made from a recording, or from what lies at an address; it is ready later.

        Raises:
            CloneError: there is no account, or the vendor could not fetch the recording from here.
            SampleError: too many recordings wait.
            StoreError: the database is not there.
        """
        await self._check_room()
        ident = f"{PROVIDER}.clone-{uuid.uuid4().hex[:12]}"
        request = self._request(sample)
        try:
            row = self._row(ident, wish)
            await self._library.add(row)
        except StoreError:
            self._desk.drop(request.sample)
            raise
        self._requests[ident] = request
        self._wake.set()
        return row

    async def all(self) -> list[VoiceRow]:
        """The clones that were made here, or added by hand."""
        rows, _ = await self._library.find(VoiceWish(kind="cloned"), 0, MOST_VOICES)
        return rows

    async def remove(self, row: VoiceRow) -> None:
        """Have a voice gone, and a clone of DashScope's at the vendor first.

        Raises:
            CloneError: it is being made just now, or there is no account to delete it from.
            ProviderError: the vendor did not delete it; it is still there.
        """
        if row.kind == "cloned" and row.status == "enrolling" and row.id in self._requests:
            raise CloneError("enrolling", "the voice is being enrolled; please try again in a moment")
        if row.kind == "cloned" and row.provider == PROVIDER and row.voice:
            await self._delete(row.voice)
        await self._library.remove(row)

    def sample(self, name: str) -> Sample | None:
        """A recording that waits for the vendor."""
        return self._desk.get(name)

    async def aclose(self) -> None:
        """Let go of the connection."""
        if self._enrolment is not None:
            await self._enrolment.aclose()

    # --- what the vendor does meanwhile

    async def watch(self) -> None:
        """Ask for the voices that are wanted, and see how those come on that are being made."""
        while self._enrolment is not None:
            pause_s = self._times.poll_s
            try:
                pause_s = self._times.poll_s if await self.step(self._enrolment) else self._times.idle_s
            except StoreError as exc:
                log.debug("voices.unknown", extra={"reason": str(exc)})
            self._desk.sweep()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            self._wake.clear()

    async def step(self, enrolment: VoiceEnrolment) -> bool:
        """Take each voice that is not ready one step further; whether there was one."""
        rows, _ = await self._library.find(VoiceWish(provider=PROVIDER, statuses=_UNFINISHED), 0, MOST_VOICES)
        for row in rows:
            await (self._enrol(enrolment, row) if row.status == "enrolling" else self._follow(enrolment, row))
        return bool(rows)

    async def _enrol(self, enrolment: VoiceEnrolment, row: VoiceRow) -> None:
        request = self._requests.get(row.id)
        if request is None:
            if self._is_older(row, self._times.interrupted_s):
                await self._fail(row, "interrupted", "the server was stopped while the voice was being enrolled")
            return
        try:
            # kept beside the row, should the database be away: the vendor is asked once
            request.voice = request.voice or await enrolment.create(row.model, _prefix(row), request.url, row.language)
        except ProviderError as error:
            await self._fail(row, _problem(error), str(error))
            return
        if await self._library.change(row.id, {"voice": request.voice, "status": "deploying"}) is None:
            self._forget(row.id)  # deleted meanwhile, by another server
            with suppress(ProviderError):
                await enrolment.delete(request.voice)

    async def _follow(self, enrolment: VoiceEnrolment, row: VoiceRow) -> None:
        try:
            progress = await enrolment.progress(row.voice)
        except ProviderError as error:
            if not error.retryable:
                await self._fail(row, _problem(error), str(error))
                return
            log.info("voices.progress_unknown", extra={"voice": row.id, "reason": str(error)})
            progress = "deploying"
        if progress == "ready":
            await self._library.change(row.id, {"status": "ready"})
            self._forget(row.id)
            log.info("voices.cloned", extra={"voice": row.id})
        elif progress == "refused":
            await self._fail(row, "refused", "the service would not make a voice of this recording")
        elif self._is_older(row, self._times.deploy_s):
            await self._fail(row, "timed_out", "the service was not ready with the voice in time")

    async def _fail(self, row: VoiceRow, problem: str, words: str) -> None:
        await self._library.change(row.id, {"status": "failed", "problem": problem, "detail": words[:_DETAIL_CHARS]})
        self._forget(row.id)
        log.warning("voices.clone_failed", extra={"voice": row.id, "problem": problem})

    def _forget(self, ident: str) -> None:
        """The recording has served."""
        if (request := self._requests.pop(ident, None)) is not None:
            self._desk.drop(request.sample)

    # --- parts

    async def _check_room(self) -> None:
        if self._enrolment is None:
            raise CloneError("no_account", "cloning needs DashScope: set DASHSCOPE_API_KEY")
        _, there = await self._library.find(VoiceWish(kind="cloned"), 0, 1)
        if there >= MOST_CLONES:
            raise CloneError("quota", f"there are {MOST_CLONES} cloned voices; delete one first")

    def _request(self, sample: Sample | str) -> _Request:
        if isinstance(sample, str):
            return _Request(sample)
        if not self._public_url:
            words = "the vendor has to fetch the recording from here: set PUBLIC_URL, or give the recording's address"
            raise CloneError("no_public_url", words)
        name = self._desk.put(sample)
        return _Request(f"{self._public_url}{SAMPLES_PATH}{name}", name)

    def _row(self, ident: str, wish: CloneWish) -> VoiceRow:
        at_ms = now_ms()
        return VoiceRow(
            id=ident,
            provider=PROVIDER,
            voice="",
            model=self._model,
            name_zh=wish.name,
            name_en=wish.name,
            language=wish.language,
            gender=wish.gender,
            sample_text=wish.sample_text or sample_text(wish.language),
            kind="cloned",
            enabled=True,
            status="enrolling",
            place=FIRST_PLACE,
            created_ms=at_ms,
            changed_ms=at_ms,
            consent_ms=at_ms,
        )

    async def _delete(self, voice: str) -> None:
        if self._enrolment is None:
            raise CloneError("no_account", "the voice is in an account whose key is not set: DASHSCOPE_API_KEY")
        try:
            await self._enrolment.delete(voice)
        except ProviderError as error:
            if error.vendor_code != GONE:
                raise

    @staticmethod
    def _is_older(row: VoiceRow, seconds: float) -> bool:
        return now_ms() - row.created_ms > seconds * 1000


def _prefix(row: VoiceRow) -> str:
    """Up to ten letters and digits, by which the vendor's console shows whose voice it is."""
    return f"lvc{row.id[-7:]}"


def _problem(error: ProviderError) -> str:
    known = _PROBLEMS.get(error.vendor_code)
    return known or ("unavailable" if error.retryable else "refused")
