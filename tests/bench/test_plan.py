"""The workload is what the method says, and the emulator takes it."""

from backend.call.completeness import Completeness, judge
from backend.call.sentences import Chunker
from bench import plan
from bench.voice import cut, speech
from emulator.script import Script


def test_the_emulator_accepts_the_script() -> None:
    script = Script.model_validate(plan.script(3))

    assert [line.text for line in script.hears] == [plan.utterance(number) for number in range(3)]
    assert [line.text for line in script.replies[:3]] == [plan.reply(number) for number in range(3)]
    assert script.timing.asr_ms == plan.ASR_MS
    assert script.timing.first_token_ms == plan.FIRST_TOKEN_MS
    assert script.timing.token_ms == plan.TOKEN_MS
    assert script.timing.tts_first_byte_ms == plan.TTS_FIRST_BYTE_MS


def test_the_services_take_740_ms_in_all() -> None:
    assert plan.ASR_MS + plan.ANSWER_MS == 740


def test_the_first_sentence_goes_to_the_synthesiser_whole_with_its_eighth_token() -> None:
    chunker = Chunker()

    chunks = [chunker.feed(token) for token in plan.reply(7)]

    assert next(place for place, given in enumerate(chunks) if given) == plan.FIRST_SENTENCE_TOKENS - 1
    assert plan.begins_reply(chunks[plan.FIRST_SENTENCE_TOKENS - 1][0])


def test_no_two_turns_say_the_same_and_a_reply_is_known_by_its_first_token() -> None:
    assert len({plan.utterance(number) for number in range(2000)}) == 2000
    assert len({plan.first_token(plan.reply(number)) for number in range(2000)}) == 2000


def test_the_text_is_complete_and_comes_whole_with_the_last_of_the_speech() -> None:
    (line,) = plan.script(1)["hears"]

    assert judge(line["text"]) is Completeness.COMPLETE
    assert line["partials"][-1] == line["text"]
    assert len(line["partials"]) == speech().partials
    assert all(
        later.startswith(earlier) for earlier, later in zip(line["partials"], line["partials"][1:], strict=False)
    )


def test_speech_fills_whole_frames_of_both_sizes_and_ends_with_a_sound() -> None:
    said = speech()

    assert [said.ms % frame_ms for frame_ms in plan.FRAMES_MS] == [0, 0]
    assert said.loud_ms % 200 == 0
    assert any(said.pcm[-320:])
    assert b"".join(said.frames(20)) == said.pcm


def test_speech_is_cut_from_silence_at_both_ends() -> None:
    loud, quiet = b"\x00\x20" * 160, bytes(320)

    said = cut(quiet * 30 + loud * 43 + quiet * 50)

    assert said.loud_ms == 400
    assert said.pcm == loud * 40


def test_the_relay_is_sent_a_reply_of_the_right_length() -> None:
    assert sum(plan.reply_pieces()) == plan.reply_ms() * 8
    assert plan.reply_ms() == len(plan.reply(0)) * 120
    assert max(plan.reply_pieces()) == 1600
