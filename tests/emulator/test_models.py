"""The model cache: what it fetches, from where, and what it refuses."""

import hashlib
import io
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backend.errors import ConfigError
from emulator.model_sources import Hub, Index
from emulator.models import Manifest, ModelFile, cache_folder, fetch, main
from emulator.progress import Progress

WEIGHTS = bytes(range(256)) * 2000


class _Files(BaseHTTPRequestHandler):
    """A hub with one file; it keeps what it was asked and can break off."""

    asked: list[tuple[str, str | None]]
    body = WEIGHTS
    breaks_after: int | None = None

    def do_GET(self) -> None:
        span = self.headers.get("Range")
        type(self).asked.append((self.path, span))
        if not self.path.endswith("/weights.bin"):
            self.send_error(404)
            return
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(self.body) - start))
        self.end_headers()
        end = self.breaks_after if self.breaks_after is not None else len(self.body)
        self.wfile.write(self.body[start:end])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@pytest.fixture
def hub_files() -> Iterator[type[_Files]]:
    """The handler class of a hub on loopback, with its address in `address`."""
    handler = type("Handler", (_Files,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        handler.address = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        yield handler
        server.shutdown()
        thread.join()


def _manifest(url: str | None, members: tuple[str, ...] = (), data: bytes = WEIGHTS) -> Manifest:
    file = ModelFile("tiny/weights.bin", len(data), hashlib.sha256(data).hexdigest(), url, members)
    return Manifest({"tiny": (file,)}, {})


def _wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in members.items():
            archive.writestr(path, data)


def _pip(source: Path) -> tuple[str, ...]:
    """A stand-in for `pip download`: copies the asked package's wheel out of a folder, or fails as pip does."""
    script = (
        "import pathlib, shutil, sys\n"
        "name, _, version = sys.argv[-1].partition('==')\n"
        "found = list(pathlib.Path(sys.argv[1]).glob(f\"{name.replace('-', '_')}-{version}-*.whl\"))\n"
        "dest = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])\n"
        "dest.mkdir(parents=True, exist_ok=True)\n"
        "[shutil.copy(path, dest) for path in found] or sys.exit('ERROR: No distribution for ' + sys.argv[-1])\n"
    )
    return (sys.executable, "-c", script, str(source))


def test_a_file_comes_from_its_hub_and_is_not_fetched_twice(tmp_path: Path, hub_files: type[_Files]) -> None:
    manifest = _manifest(f"{hub_files.address}/weights.bin")  # type: ignore[attr-defined]

    fetch(["tiny"], tmp_path, manifest=manifest)
    fetch(["tiny"], tmp_path, manifest=manifest)

    assert (tmp_path / "tiny/weights.bin").read_bytes() == WEIGHTS
    assert hub_files.asked == [("/weights.bin", None)]


def test_hf_endpoint_names_the_hub(tmp_path: Path, hub_files: type[_Files], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{hub_files.address}/mirror/")  # type: ignore[attr-defined]

    fetch(["tiny"], tmp_path, manifest=_manifest("{hf}/weights.bin"))

    assert hub_files.asked == [("/mirror/weights.bin", None)]


def test_a_broken_download_goes_on_where_it_stopped(tmp_path: Path, hub_files: type[_Files]) -> None:
    manifest = _manifest(f"{hub_files.address}/weights.bin")  # type: ignore[attr-defined]
    hub_files.breaks_after = 1000
    with pytest.raises(ConfigError, match="broke off after 1000 of 512000 bytes"):
        fetch(["tiny"], tmp_path, manifest=manifest)
    hub_files.breaks_after = None

    fetch(["tiny"], tmp_path, manifest=manifest)

    assert (tmp_path / "tiny/weights.bin").read_bytes() == WEIGHTS
    assert hub_files.asked[1] == ("/weights.bin", "bytes=1000-")


def test_wrong_bytes_are_never_put_in_place(tmp_path: Path, hub_files: type[_Files]) -> None:
    hub_files.body = b"x" * len(WEIGHTS)

    with pytest.raises(ConfigError, match=r"tiny/weights\.bin.*SHA-256 differs.*HF_ENDPOINT"):
        fetch(["tiny"], tmp_path, manifest=_manifest(f"{hub_files.address}/weights.bin"))  # type: ignore[attr-defined]

    assert [path.name for path in (tmp_path / "tiny").iterdir()] == []


def test_the_package_index_stands_in_for_a_hub_that_has_other_bytes(tmp_path: Path, hub_files: type[_Files]) -> None:
    hub_files.body = b"x" * len(WEIGHTS)
    _wheel(tmp_path / "index", "tiny_a-1.0-py3-none-any.whl", {"a/part": WEIGHTS[:1000]})
    _wheel(tmp_path / "index", "tiny_b-2.0-py3-none-any.whl", {"b/part": WEIGHTS[1000:]})
    manifest = _manifest(f"{hub_files.address}/weights.bin", ("tiny-a==1.0/a/part", "tiny-b==2.0/b/part"))  # type: ignore[attr-defined]
    index = Index(tmp_path / "cache/.wheels", {}, _pip(tmp_path / "index"))

    fetch(["tiny"], tmp_path / "cache", manifest=manifest, index=index)

    assert (tmp_path / "cache/tiny/weights.bin").read_bytes() == WEIGHTS
    assert not (tmp_path / "cache/.wheels").exists()


def test_a_hub_that_is_silent_is_asked_once_for_all_files(tmp_path: Path) -> None:
    asked: list[str] = []

    class Silent(Hub):
        def _open(self, url: str, held_bytes: int) -> object:
            asked.append(url)
            raise TimeoutError("nothing within 6 s")

    digest = hashlib.sha256(WEIGHTS).hexdigest()
    files = tuple(
        ModelFile(f"tiny/{name}", len(WEIGHTS), digest, f"http://hub.invalid/{name}", ("tiny-a==1.0/a/all",))
        for name in ("one", "two")
    )
    _wheel(tmp_path / "index", "tiny_a-1.0-py3-none-any.whl", {"a/all": WEIGHTS})
    index = Index(tmp_path / ".wheels", {}, _pip(tmp_path / "index"))

    fetch(["tiny"], tmp_path, manifest=Manifest({"tiny": files}, {}), hub=Silent(), index=index)

    assert asked == ["http://hub.invalid/one"]


def test_a_hub_that_accepts_and_says_nothing_is_given_up(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Files) as server:  # listens; nobody serves
        url = f"http://127.0.0.1:{server.server_port}/weights.bin"
        with pytest.raises(ConfigError, match=r"does not answer \(nothing within 0\.05 s\)"):
            fetch(["tiny"], tmp_path, manifest=_manifest(url), hub=Hub(answer_s=0.05))


def test_a_failure_names_every_source_and_the_remedy(tmp_path: Path, hub_files: type[_Files]) -> None:
    manifest = _manifest(f"{hub_files.address}/gone", ("tiny-a==1.0/a/all",))  # type: ignore[attr-defined]
    index = Index(tmp_path / ".wheels", {}, _pip(tmp_path / "index"))

    with pytest.raises(ConfigError) as failure:
        fetch(["tiny"], tmp_path, manifest=manifest, index=index)

    said = str(failure.value)
    assert f"{hub_files.address}/gone answered 404" in said  # type: ignore[attr-defined]
    assert "pip download tiny-a==1.0 failed (No distribution for tiny-a==1.0)" in said
    assert "PIP_INDEX_URL" in said
    assert "\n" not in said


def test_a_wheel_with_wrong_bytes_is_not_kept_for_the_next_try(tmp_path: Path) -> None:
    _wheel(tmp_path / "index", "tiny_a-1.0-py3-none-any.whl", {"a/all": b"x" * len(WEIGHTS)})
    index = Index(tmp_path / ".wheels", {}, _pip(tmp_path / "index"))

    with pytest.raises(ConfigError, match="SHA-256 differs"):
        fetch(["tiny"], tmp_path, manifest=_manifest(None, ("tiny-a==1.0/a/all",)), index=index)

    assert list((tmp_path / ".wheels").glob("*.whl")) == []


def test_a_download_that_is_called_off_ends_at_once(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    endless = (sys.executable, "-c", "import signal; signal.pause()")
    index = Index(tmp_path / ".wheels", {}, endless, stop)

    with pytest.raises(ConfigError, match=r"pip download tiny-a==1\.0 failed"):
        fetch(["tiny"], tmp_path, manifest=_manifest(None, ("tiny-a==1.0/a/all",)), index=index)


def test_a_cached_file_of_the_wrong_size_is_fetched_again(tmp_path: Path, hub_files: type[_Files]) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/weights.bin").write_bytes(WEIGHTS[:-1])

    fetch(["tiny"], tmp_path, manifest=_manifest(f"{hub_files.address}/weights.bin"))  # type: ignore[attr-defined]

    assert (tmp_path / "tiny/weights.bin").read_bytes() == WEIGHTS


def test_verifying_finds_a_changed_byte(tmp_path: Path, hub_files: type[_Files]) -> None:
    manifest = _manifest(f"{hub_files.address}/weights.bin")  # type: ignore[attr-defined]
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/weights.bin").write_bytes(b"\xff" + WEIGHTS[1:])

    fetch(["tiny"], tmp_path, manifest=manifest)
    assert hub_files.asked == []
    fetch(["tiny"], tmp_path, manifest=manifest, verify=True)

    assert (tmp_path / "tiny/weights.bin").read_bytes() == WEIGHTS


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ConfigError, match="MODEL_CACHE"):
        fetch(["tiny"], tmp_path / "file/cache", manifest=_manifest("http://127.0.0.1:9/weights.bin"))


def test_the_cache_is_the_accounts_unless_told() -> None:
    assert cache_folder({"MODEL_CACHE": "/models"}) == Path("/models")
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/live-voice-call/models")
    assert cache_folder({}) == Path.home() / ".cache/live-voice-call/models"


def test_the_shipped_manifest_pins_every_file_and_names_the_size_of_every_wheel() -> None:
    manifest = Manifest.load()
    files = [file for model in manifest.models.values() for file in model]

    assert set(manifest.models) == {"whisper-base", "kokoro", "silero"}
    assert all(len(file.sha256) == 64 and file.size_bytes > 0 and file.members for file in files)
    assert {member.partition("/")[0] for file in files for member in file.members} == set(manifest.wheel_bytes)


def test_an_unknown_model_is_refused_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["whisper-large"])

    assert "no such model: whisper-large" in capsys.readouterr().err


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    lines, bar = io.StringIO(), Terminal()
    for out in (lines, bar):
        progress = Progress("tiny", 2_000_000, out)
        for done in (0, 100_000, 1_010_000, 2_000_000):
            progress.show(done)
        progress.close()

    assert lines.getvalue().splitlines() == [
        "tiny: 0 % (0.0 of 2.0 MB)",
        "tiny: 50 % (1.0 of 2.0 MB)",
        "tiny: 100 % (2.0 of 2.0 MB)",
    ]
    assert bar.getvalue().count("\r") == 4
    assert "█" * 28 + " 100 %" in bar.getvalue()
    assert bar.getvalue().endswith("\n")
