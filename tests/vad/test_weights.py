"""Where the weights come from, and what is said where they are missing."""

import importlib.util
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backend import compose
from backend.errors import ConfigError
from backend.ports import ActivityDetector
from backend.settings import Settings, load
from backend.vad import weights
from backend.vad.detector import SileroDetector
from emulator.models import Manifest, cache_folder


def settings(folder: Path, vad: str = "auto") -> Settings:
    return load({"MODEL_CACHE": str(folder), "VAD": vad})


def detector(settings: Settings) -> ActivityDetector | None:
    return compose.providers(settings).detector


def put(folder: Path, data: bytes) -> Path:
    path = folder / weights.MODEL / weights.FILE
    path.parent.mkdir()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("environ", [{}, {"XDG_CACHE_HOME": "/x"}])
def test_they_are_where_the_fetcher_puts_them(environ: dict[str, str]) -> None:
    assert weights.default_cache(environ) == cache_folder(environ)
    (file,) = Manifest.load().models[weights.MODEL]
    assert (file.path, file.sha256) == (f"{weights.MODEL}/{weights.FILE}", weights.SHA256)


def test_the_models_bytes_are_found(silero_weights: Path, tmp_path: Path) -> None:
    path = put(tmp_path, silero_weights.read_bytes())

    assert weights.find(settings(tmp_path)) == path


def test_without_them_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"python -m backend\.vad\.weights"):
        detector(settings(tmp_path, "silero"))


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    put(tmp_path, b"not a model")

    with pytest.raises(ConfigError, match="is not Silero's model"):
        detector(settings(tmp_path, "silero"))


def test_without_the_libraries_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else object())

    with pytest.raises(ConfigError, match="needs onnxruntime: run scripts/setup python"):
        detector(settings(tmp_path, "silero"))


def test_unless_asked_for_it_is_left_out_with_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert detector(settings(tmp_path, "auto")) is None
        assert detector(settings(tmp_path, "off")) is None

    assert [record.message for record in caplog.records] == ["vad.off"]


async def test_where_all_is_there_it_is_used_and_nothing_is_loaded_yet(silero_weights: Path) -> None:
    used = detector(settings(silero_weights.parents[1], "auto"))

    assert isinstance(used, SileroDetector)
    await used.aclose()


def test_a_server_that_hears_no_call_imports_no_model_library() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import backend.compose, sys; print('onnxruntime' in sys.modules, 'numpy' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(("vad", "fetched", "status"), [("auto", 1, 0), ("silero", 1, 1), ("silero", 0, 0)])
def test_fetching_fails_only_where_it_was_asked_for(
    vad: str, fetched: int, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        asked.append(command)
        return subprocess.CompletedProcess(command, fetched)

    monkeypatch.setenv("MODEL_CACHE", str(tmp_path))
    monkeypatch.setenv("VAD", vad)
    monkeypatch.setattr(subprocess, "run", run)

    assert weights.main() == status
    assert asked == [[sys.executable, "-m", "emulator.models", "silero", "--cache", str(tmp_path)]]


def test_what_is_there_or_unwanted_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    monkeypatch.setenv("MODEL_CACHE", str(tmp_path))
    monkeypatch.setenv("VAD", "off")
    assert weights.main() == 0

    put(tmp_path, b"any")
    monkeypatch.setenv("VAD", "auto")
    assert weights.main() == 0
