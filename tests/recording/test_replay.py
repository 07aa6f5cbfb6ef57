"""A recorded call, played back, decides the same; and says so when it doesn't."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend import replay
from backend.call.history import History
from backend.config.recording import RecordingSettings
from backend.recording.lines import Seal
from backend.recording.recorder import FileRecorder
from tests.recording.recorded import eventful, only_file, recording
from tests.soak.life import Life
from tests.support.virtual import virtually


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")

    async def call() -> None:
        async with recording(folder) as board:
            await eventful(board)

    asyncio.run(call())
    return only_file(folder)


def test_a_call_that_could_be_resumed_plays_back_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What BotReady says of that has an order, as all on the wire has."""

    async def call() -> None:
        async with recording(tmp_path) as board:
            await eventful(board, resume="true")

    asyncio.run(call())

    assert told(only_file(tmp_path), capsys)[0] == 0


def told(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = replay.main([str(path)])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_a_call_over_a_socket_plays_back_the_same(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = told(recorded, capsys)

    assert (status, said.split(",")[0]) == (0, f"{recorded}: the same effects")
    assert "5 turns" in said
    assert "breaks off" not in said


@pytest.mark.parametrize("audio", [False, True])
def test_calls_in_which_everything_goes_wrong_play_back_the_same(tmp_path: Path, audio: bool) -> None:
    recorder = FileRecorder(tmp_path, RecordingSettings(audio=audio, call_bytes=2**30))
    for call in range(6):
        virtually(Life(f"replay/{call}", turns=5, recorder=recorder).live())
    recorder.close()

    assert replay.main([str(path) for path in tmp_path.iterdir()]) == 0
    assert len(list(tmp_path.iterdir())) == 6


def test_another_decision_is_shown_with_what_came_before(
    recorded: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(History, "messages", property(lambda _: ()))  # she forgets everything

    status, said = told(recorded, capsys)

    assert status == 1
    first, *rest = said.splitlines()
    assert first.startswith(f"{recorded}: line ")
    assert first.endswith("the call no longer does what it did")
    assert sum(line.startswith("  before  line ") for line in rest) == 5
    assert [line.split("  ")[1] for line in rest if line.startswith("  effects")] == ["effects then", "effects now"]
    assert "你好呀" in said


@settings(max_examples=60)
@given(data=st.data())
def test_a_byte_that_is_not_as_it_was_written_is_noticed(
    recorded: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(recorded.read_bytes())
    at = data.draw(st.integers(0, len(content) - 2))
    content[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("changed") / recorded.name
    path.write_bytes(content)

    assert replay.main([str(path)]) in {1, 2}


def test_a_recording_that_breaks_off_plays_back_as_far_as_it_goes(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / recorded.name
    path.write_bytes(recorded.read_bytes()[:-100])

    status, said = told(path, capsys)

    assert status == 0
    assert "it breaks off there" in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "this is no recording of a call: it is empty"),
        (b"hello\n", "this is no recording of a call: its first line is no header"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe\n", "this is no recording of a call: its first line is no header"),
        (Seal().line({"recording": 99}), "this recording has format 99; this version reads format 1"),
        (Seal().line({"recording": 1}), "the recording's header cannot be read: 'framing' is missing"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "some.lvcrec"
    if content is not None:
        path.write_bytes(content)

    status, said = told(path, capsys)

    assert status == 2
    assert said.endswith(f"{sentence}\n")
    assert said.count("\n") == 1


def test_a_recording_of_a_later_version_is_refused(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, seal = tmp_path / recorded.name, Seal()
    texts = [line.decode()[17:].replace('"is":"Joined"', '"is":"Jointed"') for line in recorded.open("rb")]
    path.write_text("".join(f"{seal.next(text.rstrip())} {text}" for text in texts), encoding="utf-8")

    status, said = told(path, capsys)

    assert status == 2
    assert "cannot be played back: this version of the server knows no 'Jointed'" in said
