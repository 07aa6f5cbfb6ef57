"""What is written, for whom, within which bounds, and what happens to the call when it cannot be written."""

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import replay
from backend.config.recording import RecordingSettings
from backend.errors import ConfigError
from backend.recording import recorder as module
from backend.recording.recorder import FileRecorder, open_recorder
from backend.recording.shelf import RecordingShelf
from backend.recording.tape import NoRecorder
from backend.settings import load
from tests.recording.recorded import eventful, only_file, recording
from tests.support.caller import SPEECH_100_MS, dialled


async def test_only_the_servers_user_may_read_a_recording(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    async with recording(folder) as board:
        await eventful(board)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600


async def test_a_recording_has_no_token_no_conversations_id_and_no_sound(tmp_path: Path) -> None:
    async with recording(tmp_path) as board:
        board.access_token = "a-secret-token"
        async with dialled(board.url, headers={"Authorization": "Bearer a-secret-token"}, sid="sid-4711") as caller:
            await caller.turn()
    content = only_file(tmp_path).read_bytes()

    assert b"a-secret-token" not in content
    assert b"sid-4711" not in content
    assert b"sid-4711" not in only_file(tmp_path).name.encode()
    assert b"IADg" not in content  # the caller's samples, in base64
    assert b'"pcm_bytes":3200' in content


async def test_a_recording_has_the_sound_where_that_is_wished(tmp_path: Path) -> None:
    async with recording(tmp_path, RecordingSettings(audio=True)) as board, dialled(board.url) as caller:
        await caller.turn()

    assert SPEECH_100_MS[:4] == b"\x00\x20\x00\xe0"
    assert b"IADg" in only_file(tmp_path).read_bytes()
    assert replay.main([str(only_file(tmp_path))]) == 0


async def test_a_recording_ends_at_its_bound_and_the_call_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with recording(tmp_path, RecordingSettings(call_bytes=5000)) as board:
        await eventful(board)

    assert 5000 < only_file(tmp_path).stat().st_size < 10_000
    assert replay.main([str(only_file(tmp_path))]) == 0
    assert "it had reached RECORD_CALL_MB" in capsys.readouterr().out


async def test_the_oldest_recordings_make_room_for_new_ones(tmp_path: Path) -> None:
    for name in ("20200101T000000Z-a", "20200102T000000Z-b"):
        (tmp_path / f"{name}.lvcrec").write_bytes(bytes(10_000))
    (tmp_path / "notes.txt").write_bytes(bytes(100_000))
    async with recording(tmp_path, RecordingSettings(total_bytes=19_000, call_bytes=5000)) as board:
        await eventful(board)

    kept = names(tmp_path)
    assert kept[0] == "20200102"
    assert len(kept) == 3
    assert kept[-1] == "notes.tx"


def names(folder: Path) -> list[str]:
    """How each file's begins."""
    return sorted(path.name[:8] for path in folder.iterdir())


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that takes nothing until the event is set."""
    free = threading.Event()
    create = RecordingShelf.create

    def late(self: RecordingShelf, name: str) -> object:
        free.wait()
        return create(self, name)

    monkeypatch.setattr(RecordingShelf, "create", late)
    monkeypatch.setattr(module, "WAITING_ITEMS", 20)
    yield free
    free.set()


async def test_a_slow_disk_ends_the_recording_and_delays_no_turn(
    tmp_path: Path, stuck: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    async with recording(tmp_path) as board:
        await eventful(board)
        stuck.set()

    assert replay.main([str(only_file(tmp_path))]) == 0
    assert "the disk was too slow" in capsys.readouterr().out


async def test_a_broken_disk_costs_the_recording_and_not_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_self: RecordingShelf, _name: str) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RecordingShelf, "create", broken)
    async with recording(tmp_path) as board:
        await eventful(board)

    assert [record.msg for record in caplog.records].count("record.failed") == 1


def test_nothing_is_recorded_unless_a_folder_is_named() -> None:
    assert load({}).recording == RecordingSettings()
    assert isinstance(open_recorder(load({}).recording)[0], NoRecorder)


def test_a_folder_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(
        ConfigError, match=r"^RECORD_DIR=.*/file/folder cannot be used: Not a directory; name a folder that "
    ):
        FileRecorder(tmp_path / "file" / "folder", RecordingSettings())
