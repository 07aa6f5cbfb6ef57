"""Group `ordering`: a turn's frames in the order of section 3, and sound that is what it should be."""

from conformance import mp3
from conformance.bench import Bench
from conformance.call import names
from conformance.verdict import Broken, check
from conformance.wire import Down


async def _turn_of(bench: Bench) -> list[Down]:
    """The plain call's turn, from SentenceRecognized to TTSDone, without errors of the kit's own making."""
    frames = await bench.plain()
    told = names(frames)
    return frames[told.index("SentenceRecognized") : told.index("TTSDone") + 1]


def _groups(turn: list[Down]) -> list[list[Down]]:
    """Each TTSSentenceStart with the audio that follows it."""
    groups: list[list[Down]] = []
    for down in turn:
        if down.name == "TTSSentenceStart":
            groups.append([down])
        elif down.is_audio and groups:
            groups[-1].append(down)
    return groups


@check("ordering.recognized-before-the-reply", "3")
async def recognized_before_the_reply(bench: Bench) -> None:
    """Nothing of a reply comes before its SentenceRecognized."""
    for down in await bench.plain():
        if down.name == "SentenceRecognized":
            return
        if down.name in ("TTSSentenceStart", "audio", "TTSDone"):
            raise Broken("it came before SentenceRecognized", down)


@check("ordering.reply-is-spoken", "3")
async def reply_is_spoken(bench: Bench) -> str:
    """A reply has one or more groups of TTSSentenceStart and audio."""
    groups = _groups(await _turn_of(bench))
    if not groups:
        raise Broken(f"got {', '.join(names(await _turn_of(bench)))}")
    return f"{len(groups)} sentences"


@check("ordering.sentence-before-its-audio", "3")
async def sentence_before_its_audio(bench: Bench) -> None:
    """No audio comes before the TTSSentenceStart that it speaks."""
    for down in await _turn_of(bench):
        if down.name == "TTSSentenceStart":
            return
        if down.is_audio:
            raise Broken("audio without a sentence", down)


@check("ordering.no-sentence-without-audio", "3")
async def no_sentence_without_audio(bench: Bench) -> None:
    """Each TTSSentenceStart is followed by audio."""
    for group in _groups(await _turn_of(bench)):
        if len(group) < 2:
            raise Broken("no audio follows", group[0])


@check("ordering.one-audio-frame-a-sentence", "3")
async def one_audio_frame_a_sentence(bench: Bench) -> str:
    """With the default delivery a sentence has exactly one audio frame."""
    groups = _groups(await _turn_of(bench))
    for group in groups:
        if len(group) > 2:
            raise Broken(f"{len(group) - 1} audio frames follow", group[0])
    return f"{len(groups)} sentences"


@check("ordering.audio-is-not-empty", "3")
async def audio_is_not_empty(bench: Bench) -> None:
    """No audio frame is empty."""
    for down in await _turn_of(bench):
        if down.is_audio and not down.body:
            raise Broken("an audio frame without sound", down)


@check("ordering.audio-is-mp3", "3")
async def audio_is_mp3(bench: Bench) -> str:
    """With the default delivery each audio frame is a whole MP3 file: MPEG frames from the first byte to the last,
    none cut off.
    """
    return f"{sum(sound.frames for _, sound in await _sounds(bench))} MPEG frames"


@check("ordering.mp3-stands-alone", "3")
async def mp3_stands_alone(bench: Bench) -> None:
    """Each of these files decodes on its own: its first MPEG frame borrows no bits from one before."""
    for down, sound in await _sounds(bench):
        if sound.borrows:
            raise Broken("the first MPEG frame needs what came before", down)


@check("ordering.mp3-at-24-khz", "1")
async def mp3_at_24_khz(bench: Bench) -> None:
    """Unless asked otherwise the sound has 24,000 samples a second."""
    for down, sound in await _sounds(bench):
        if sound.rate_hz != 24_000:
            raise Broken(f"{sound.rate_hz} Hz", down)


async def _sounds(bench: Bench) -> list[tuple[Down, mp3.Sound]]:
    frames = [down for down in await _turn_of(bench) if down.is_audio]
    if not frames:
        raise Broken("no audio came")
    found = []
    for down in frames:
        try:
            found.append((down, mp3.read(down.body or b"")))
        except mp3.NotMp3 as exc:
            raise Broken(f"no whole MP3 file, {exc}", down) from exc
    return found


@check("ordering.done-is-last", "3")
async def done_is_last(bench: Bench) -> None:
    """Nothing of a turn comes after its TTSDone."""
    frames = await bench.plain()
    for down in frames[names(frames).index("TTSDone") + 1 :]:
        if down.name in ("TTSSentenceStart", "audio", "TTSDone"):
            raise Broken("it came after TTSDone", down)


@check("ordering.nothing-between-turns", "3")
async def nothing_between_turns(bench: Bench) -> None:
    """While Idle neither audio nor TTSSentenceStart comes, in a call of three turns."""
    async with bench.dial() as call:
        for _ in range(3):
            await bench.turn(call)
        await call.fenced()
        idle = True
        for down in call.frames:
            idle = down.name == "TTSDone" or (idle and down.name != "SentenceRecognized")
            if idle and down.name in ("audio", "TTSSentenceStart"):
                raise Broken("it came while Idle", down)
