import os
from pathlib import Path

import pytest

from backend.doctor import content
from backend.doctor.findings import Level
from tests.doctor.sick import only, patient
from tests.persona.small import SMALL, write_card


def test_a_persona_that_there_is_not_is_named() -> None:
    only(content.persona(patient(PERSONA="nobody")), Level.WRONG, "nobody")
    only(content.persona(patient()), Level.OK, "乔青青")


def test_a_card_that_is_broken_is_told_with_its_file_and_key(tmp_path: Path) -> None:
    card = write_card(tmp_path, SMALL.replace("answer: 拜拜。", "answer: （挥手）拜拜。"))

    only(content.persona(patient(PERSONA=str(card))), Level.WRONG, "examples[2].answer")


def test_recordings_need_a_folder_that_can_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    only(content.recordings(patient()), Level.SKIPPED, "nothing is recorded")
    only(content.recordings(patient(RECORD_DIR=str(tmp_path / "new" / "one"))), Level.OK, "new/one")
    only(content.recordings(patient(RECORD_DIR=str(tmp_path / "file" / "in"))), Level.WRONG, "RECORD_DIR=")
    assert not (tmp_path / "new").exists(), "examining changes nothing"


def test_a_folder_that_only_reads_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anything

    only(content.recordings(patient(RECORD_DIR=str(tmp_path))), Level.WRONG, "RECORD_DIR=")
