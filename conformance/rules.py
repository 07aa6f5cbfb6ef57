"""The rules that a client has to keep, and what one call showed of each."""

from dataclasses import dataclass, field
from typing import Final

from conformance import wire
from conformance.verdict import Result, Verdict

RULES: Final[dict[str, tuple[str, str]]] = {
    "client.path": ("2", "It calls at /api/live_voice_call/chat, or at /."),
    "client.query": ("5", "The parameters of its address that the protocol knows have right values; so has its `sid`."),
    "client.waits-for-ready": ("3", "Before BotReady it sends no more than the second of audio that is kept."),
    "client.binary": ("1", "Every message is a binary WebSocket message."),
    "client.message-size": ("6", "No message has more than 1 MiB."),
    "client.header": ("1", "Version 1, and a header size that is at least 1 and no longer than the message."),
    "client.flags": ("1", "The flags are 0."),
    "client.reserved": ("1", "The reserved byte is 0."),
    "client.type": ("1", "The message type is full client request (1) or audio only request (2)."),
    "client.compression": ("1", "The compression is none or gzip, and gzip is gzip, of no more than 1 MiB."),
    "client.json": ("2", "An event is JSON in UTF-8."),
    "client.event": ("2", "It is an object {event, payload}, with a name that a client may say."),
    "client.payload": ("5", "The payload has the shape that its event asks for."),
    "client.audio-is-pcm": ("1", "Audio is bare PCM: no WAV header, no WebM, Ogg, MP3, FLAC or AAC."),
    "client.audio-at-16-khz": (
        "1",
        "Audio of a steady pace comes at 16,000 samples a second: not 8, 24, 44.1 or 48 thousand.",
    ),
    "client.audio-pace": ("6", "Audio never runs more than 30 s ahead of real time."),
    "client.speaks": ("3", "It says something: audio, or typed text."),
    "client.survives-a-failed-turn": ("4", "After BotError and TTSDone it goes on with the call."),
    "client.takes-its-leave": ("4", "When the server closes, it answers the close."),
    "client.silent-after-close": ("4", "It sends nothing more once it has been told to go."),
}

CONTAINERS: Final = {
    b"RIFF": "a WAV file",
    b"OggS": "Ogg",
    b"ID3": "MP3",
    b"fLaC": "FLAC",
    b"\x1a\x45\xdf\xa3": "WebM",
    b"\xff\xf1": "AAC",
}
OTHER_RATES_HZ: Final = (8_000, 22_050, 24_000, 32_000, 44_100, 48_000)
RATE_TOLERANCE: Final = 0.04
GAP_S: Final = 0.5
AHEAD_MS: Final = 30_000


@dataclass
class Findings:
    """What was seen of each rule: how often it was met with, and how it was first broken."""

    seen: dict[str, int] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def met(self, *rules: str) -> None:
        """Something came that could have broken these."""
        for rule in rules:
            self.seen[rule] = self.seen.get(rule, 0) + 1

    def breaks(self, rule: str, how: str) -> None:
        """It did."""
        self.met(rule)
        self.broken.setdefault(rule, how)

    def results(self) -> list[Result]:
        """A verdict for each rule; what never came up was not tried."""
        return [self._result(rule, section) for rule, (section, _) in RULES.items()]

    def _result(self, rule: str, section: str) -> Result:
        if rule in self.broken:
            return Result(rule, section, Verdict.FAILED, self.broken[rule])
        if rule not in self.seen:
            return Result(rule, section, Verdict.NOT_TRIED, "it never came up")
        return Result(rule, section, Verdict.PASSED, f"{self.seen[rule]} times")


@dataclass
class Microphone:
    """Follows a client's audio: how much, and how fast."""

    findings: Findings
    measured_s: float
    chunks: list[tuple[float, int]] = field(default_factory=list)
    level_ms: float = 0.0

    def hear(self, pcm: bytes, at: float) -> None:
        """Take one frame's samples, at a time in seconds."""
        self.findings.met("client.audio-is-pcm", "client.audio-pace")
        for magic, name in CONTAINERS.items():
            if pcm.startswith(magic):
                self.findings.breaks("client.audio-is-pcm", f"looks like {name} [{wire.hexed(pcm)}]")
        since_ms = 1000 * (at - self.chunks[-1][0]) if self.chunks else 0.0
        self.level_ms = max(0.0, self.level_ms - since_ms) + len(pcm) / wire.BYTES_PER_MS
        self.chunks.append((at, len(pcm)))
        if self.level_ms > AHEAD_MS:
            self.findings.breaks("client.audio-pace", f"{self.level_ms / 1000:.1f} s ahead of real time")

    def judge(self) -> None:
        """At the end: whether a longer stretch of it came at the pace of another rate."""
        for rate_hz in map(self._rate_hz, self._stretches()):
            if rate_hz is None:
                continue
            self.findings.met("client.audio-at-16-khz")
            for other in OTHER_RATES_HZ:
                if abs(rate_hz - other) < RATE_TOLERANCE * other:
                    self.findings.breaks(
                        "client.audio-at-16-khz", f"{rate_hz:,.0f} samples a second: {other} Hz, or two channels"
                    )

    def _stretches(self) -> list[list[tuple[float, int]]]:
        stretches: list[list[tuple[float, int]]] = []
        for chunk in self.chunks:
            if not stretches or chunk[0] - stretches[-1][-1][0] > GAP_S:
                stretches.append([])
            stretches[-1].append(chunk)
        return stretches

    def _rate_hz(self, stretch: list[tuple[float, int]]) -> float | None:
        lasted_s = stretch[-1][0] - stretch[0][0]
        if lasted_s < self.measured_s:
            return None
        return sum(size for _, size in stretch[1:]) / 2 / lasted_s
