"""Doubao streaming recognition on its three paths.

Source: docs 6561/1354869; the fact sheet's sequence rules and error texts.
"""

import asyncio
import zlib
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Any, Final

from aiohttp import web

from backend.errors import ProtocolError
from backend.protocol.header import MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import LAST_BIT, SpeechFrame
from emulator import asr_request, asr_result
from emulator.asr_request import AsrRequest
from emulator.decode import BYTES_PER_MS, decoder
from emulator.engines.base import Heard, Hearing, HearOptions
from emulator.house import House
from emulator.link import BAD_REQUEST, INVALID_PARAMETERS, Link, VendorError, accept
from emulator.script import Kind

EMPTY_AUDIO: Final = 45000002
PACKET_GAP: Final = 45000081
RESOURCES: Final = frozenset(
    f"volc.{model}.sauc.{billing}" for model in ("bigasr", "seedasr") for billing in ("duration", "concurrent")
)

_NOSTREAM_TEXT_AFTER_MS: Final = 15_000


class Policy(Enum):
    """When a path answers."""

    EACH_PACKET = "/api/v3/sauc/bigmodel"
    ON_CHANGE = "/api/v3/sauc/bigmodel_async"
    TEXT_AT_END = "/api/v3/sauc/bigmodel_nostream"


async def serve(house: House, request: web.Request) -> web.StreamResponse:
    """One recognition: one connection, one session."""
    house.stats.stamp("handshake", request.headers.get("X-Api-Connect-Id", ""), "asr")
    accepted = await accept(house, "asr", request, RESOURCES)
    if isinstance(accepted, web.StreamResponse):
        return accepted
    link, fault = accepted
    async with link:
        if fault is None or await link.is_used(within_ms=fault.ms):
            await link.telling(Recognition(house, link, Policy(request.path)).run)
        else:
            house.stats.struck(fault)
        if link.muted:
            await _until_gone(link)
    return link.response


class Recognition:
    """One session: packets in, results out, at the same time."""

    def __init__(self, house: House, link: Link, policy: Policy) -> None:
        self._house = house
        self._link = link
        self._policy = policy
        self._gap_s = house.script.limits.asr_packet_gap_ms / 1000
        self._compression = 0
        self._billed = house.invoice.hears(link.header("X-Api-Resource-Id"))
        self._packets = 0
        self._answers = 0
        self._audio_bytes = 0
        self._heard = Heard(0, ())
        self._told_definite = 0
        self._last_result: dict[str, Any] | None = None
        self._finishing = False

    async def run(self) -> None:
        """Serve until the last packet is answered, or something ends it early."""
        opening = await self._next(MessageType.CLIENT_REQUEST)
        if opening is None:
            return
        self._asked = _parsed(opening)
        self._compression = opening.compression
        self._decoder = decoder(self._asked.audio_format, self._asked.channels)
        self._begin(opening)
        await self._misbehave("start")
        await self._send({"additions": {"log_id": self._link.log_id}, "text": ""})
        options = HearOptions(
            self._asked.end_window_ms,
            partials=self._policy is not Policy.TEXT_AT_END,
            hot_words=self._asked.hot_words,
            force_to_speech_ms=self._asked.force_to_speech_ms,
        )
        async with self._house.loaded.recognition.open(options) as hearing, asyncio.TaskGroup() as tasks:
            teller = tasks.create_task(self._link.telling(partial(self._tell, hearing)))
            await self._link.telling(partial(self._listen, hearing, teller))
            teller.cancel()

    def _begin(self, opening: SpeechFrame) -> None:
        self._fault = self._house.prompter.fault("asr", connecting=False)
        request = {"path": self._policy.value, "headers": self._link.headers, "json": opening.json()}
        self._record = self._link.begin({**request, "audio_ms": 0, "packets": 0, "audio_crc32": 0, "finished": False})

    async def _listen(self, hearing: Hearing, teller: asyncio.Task[None]) -> None:
        while (packet := await self._next(MessageType.CLIENT_AUDIO)) is not None:
            pcm = self._decoder.feed(packet.payload)
            self._count(pcm)
            if pcm:
                await hearing.feed(pcm)
            await asyncio.sleep(0)  # lets the teller take in, and tell, what this packet has changed
            if packet.is_last:
                return await self._finish(hearing, teller)
            if self._policy is not Policy.ON_CHANGE:
                await self._answer()
        return None

    async def _finish(self, hearing: Hearing, teller: asyncio.Task[None]) -> None:
        if not self._audio_bytes:
            raise VendorError(EMPTY_AUDIO, "empty audio")
        self._record["finished"] = self._finishing = True
        await hearing.finish()
        await teller

    async def _tell(self, hearing: Hearing) -> None:
        async for heard in hearing:
            self._heard = heard
            if heard.text:
                await self._misbehave("mid")
            if self._policy is Policy.ON_CHANGE and not self._finishing:
                await self._answer()
        if self._finishing:
            self._heard = asr_result.settled(self._heard)
            await self._answer(last=True)
            if not self._link.muted:
                await self._link.close()

    async def _answer(self, *, last: bool = False) -> None:
        result = self._result(last=last)
        if self._policy is Policy.ON_CHANGE and result == self._last_result and not last:
            return
        self._last_result = result
        if result["text"]:
            self._stamp()
        await self._send(result, last=last)

    def _result(self, *, last: bool) -> dict[str, Any]:
        heard = self._heard
        if self._policy is Policy.TEXT_AT_END and not last and self._audio_ms <= _NOSTREAM_TEXT_AFTER_MS:
            heard = Heard(heard.audio_ms, ())
        if self._asked.single:
            heard = asr_result.since(heard, self._told_definite)
        return asr_result.result(heard, self._link.log_id, show_utterances=self._asked.show_utterances)

    def _stamp(self) -> None:
        definite = asr_result.definite(self._heard)
        for utterance in self._heard.utterances[self._told_definite : definite]:
            self._house.stats.stamp("definite", self._link.connect_id, utterance.text)
        self._told_definite = definite

    async def _send(self, result: dict[str, Any], *, last: bool = False, sequence: int | None = None) -> None:
        self._answers += 1
        answer = {"audio_info": {"duration": self._audio_ms}, "result": result}
        await self._link.send(
            SpeechFrame(
                MessageType.SERVER_RESPONSE,
                json_bytes(answer),
                flags=LAST_BIT if last else 0,
                serialization=Serialization.JSON,
                compression=self._compression,
                sequence=sequence or (-self._answers if last else self._answers),
            )
        )

    async def _next(self, wanted: MessageType) -> SpeechFrame | None:
        try:
            frame = await self._link.receive(self._gap_s)
        except TimeoutError as exc:
            reason = f"waiting next packet timeout: {self._gap_s:.6f} seconds, session has ended"
            raise VendorError(PACKET_GAP, f"[Timeout waiting next packet] {reason}") from exc
        if frame is None:
            return None
        self._packets += 1
        _check(frame, wanted, self._packets)
        return frame

    async def _misbehave(self, at: str) -> None:
        if self._fault is not None and self._fault.at == at:
            fault, self._fault = self._fault, None
            if fault.kind is Kind.WRONG_ORDER:
                await self._send({"text": ""}, last=False, sequence=99)
            await self._link.misbehave(fault)

    def _count(self, pcm: bytes) -> None:
        self._audio_bytes += len(pcm)
        self._billed.has(self._audio_ms)
        self._record["packets"] += 1
        self._record["audio_ms"] = self._audio_ms
        self._record["audio_crc32"] = zlib.crc32(pcm, self._record["audio_crc32"])

    @property
    def _audio_ms(self) -> int:
        return self._audio_bytes // BYTES_PER_MS


async def _until_gone(link: Link) -> None:
    """A stalled service neither speaks nor hangs up."""
    gone = False
    while not gone:
        with suppress(VendorError):
            gone = await link.receive() is None


def _parsed(opening: SpeechFrame) -> AsrRequest:
    try:
        return asr_request.parse(opening.json())
    except ProtocolError as exc:
        raise VendorError(INVALID_PARAMETERS, f"invalid request: {exc}") from exc


def _check(frame: SpeechFrame, wanted: MessageType, number: int) -> None:
    """Hold a client's explicit sequence against the service's own count; a last packet has it negated."""
    if frame.message_type != wanted:
        repeated = frame.message_type == MessageType.CLIENT_REQUEST
        code = INVALID_PARAMETERS if repeated else BAD_REQUEST
        raise VendorError(code, "repeated request" if repeated else f"unexpected message type {frame.message_type}")
    due = -number if frame.is_last else number
    if frame.sequence is not None and frame.sequence != due:
        reason = f"autoAssignedSequence ({due}) mismatch sequence in request ({frame.sequence})"
        raise VendorError(BAD_REQUEST, f"decode ws request failed: unable to decode V1 protocol message: {reason}")
