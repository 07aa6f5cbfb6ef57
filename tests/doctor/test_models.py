import hashlib
from pathlib import Path

import pytest

from backend.doctor import models
from backend.doctor.findings import Level
from backend.vad import weights
from emulator.models import Manifest, ModelFile, faults
from tests.doctor.sick import only, patient


def test_models_that_are_not_there_are_fetched_by_the_first_start(tmp_path: Path) -> None:
    found = only(models.models(patient(MODEL_CACHE=str(tmp_path))), Level.WARNING, "whisper-base/model.bin")
    assert "make models" in found.remedy


def test_a_model_that_is_not_whole_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "whisper-base").mkdir()
    (tmp_path / "whisper-base" / "model.bin").write_bytes(b"half of it")

    damaged, missing = models.models(patient(MODEL_CACHE=str(tmp_path)))
    assert (damaged.level, missing.level) == (Level.WRONG, Level.WARNING)
    assert "whisper-base/model.bin" in damaged.text
    assert "whisper-base/model.bin" not in missing.text


def test_a_byte_that_has_changed_is_damage_though_the_size_is_right(tmp_path: Path) -> None:
    file = ModelFile("m/f", 4, hashlib.sha256(b"good").hexdigest(), None, ())
    manifest = Manifest({"m": (file,)}, {})
    assert faults(["m"], tmp_path, manifest) == ["missing m/f"]
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "f").write_bytes(b"goad")
    assert faults(["m"], tmp_path, manifest) == ["damaged m/f"]
    (tmp_path / "m" / "f").write_bytes(b"good")
    assert faults(["m"], tmp_path, manifest) == []


def test_models_are_no_matter_where_no_stage_runs_here() -> None:
    only(models.models(patient(VOLC_API_KEY="k", ARK_API_KEY="k")), Level.SKIPPED, "no stage")


@pytest.mark.parametrize(("mode", "level"), [("auto", Level.WARNING), ("silero", Level.WRONG)])
def test_weights_that_are_missing_or_wrong_matter_as_much_as_they_are_wanted(
    tmp_path: Path, mode: str, level: Level
) -> None:
    wants = patient(VAD=mode, MODEL_CACHE=str(tmp_path))
    only(models.activity(wants), level, "needs")
    path = tmp_path / weights.MODEL / weights.FILE
    path.parent.mkdir()
    path.write_bytes(b"something else")
    only(models.activity(wants), level, "not Silero's")


def test_without_detection_there_is_nothing_to_look_at() -> None:
    only(models.activity(patient(VAD="off")), Level.SKIPPED, "VAD=off")
