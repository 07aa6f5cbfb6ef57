"""The workload is what the method says, and the emulator takes it."""

from backend.call.sentences import Chunker
from bench import plan
from emulator.script import Script


def test_the_emulator_accepts_the_script() -> None:
    script = Script.model_validate(plan.script(3))

    assert [line.text for line in script.hears] == [plan.utterance(number) for number in range(3)]
    assert [line.text for line in script.replies] == [plan.reply(number) for number in range(3)]
    assert script.timing.asr_ms == plan.ASR_MS
    assert script.timing.first_token_ms == plan.FIRST_TOKEN_MS
    assert script.timing.token_ms == plan.TOKEN_MS
    assert script.timing.tts_first_byte_ms == plan.TTS_FIRST_BYTE_MS


def test_the_first_sentence_goes_to_the_synthesiser_whole_with_its_eighth_token() -> None:
    chunker = Chunker()

    chunks = [chunker.feed(token) for token in plan.reply(7)]

    assert next(place for place, given in enumerate(chunks) if given) == 7
    assert chunks[7] == ["第0007句好。"]


def test_no_two_turns_say_the_same() -> None:
    assert len({plan.utterance(number) for number in range(2000)}) == 2000
    assert len({plan.reply(number).partition("。")[0] for number in range(2000)}) == 2000


def test_the_relay_is_sent_a_reply_of_the_right_length() -> None:
    sound_ms = len(plan.reply(0)) * 150

    assert sum(plan.reply_pieces()) == sound_ms * 64_000 // 8 // 1000
    assert max(plan.reply_pieces()) == 1600
