"""What the server needs beside services: its persona's card, and the folder of recordings."""

import os
from collections.abc import Iterator
from pathlib import Path

from backend.doctor.findings import Finding, fine, skipped, wrong
from backend.doctor.patient import Patient
from backend.errors import CardError
from backend.persona.shelf import Shelf


def persona(patient: Patient) -> Iterator[Finding]:
    """The card that `PERSONA` names is whole, and she has a voice with the provider in use."""
    settings = patient.settings
    try:
        card = Shelf().open(settings.persona)
    except CardError as exc:
        yield wrong("persona", str(exc), "mend the card, or set PERSONA to another one's id or path")
        return
    try:
        voice = settings.tts.voice or card.voice_for(settings.tts.provider)
    except CardError as exc:
        yield wrong("persona", str(exc), "give her one there in the card, or set VOICE_CALL_TTS_VOICE")
    else:
        yield fine("persona", f"{card.name}, whose voice is {voice}")


def recordings(patient: Patient) -> Iterator[Finding]:
    """`RECORD_DIR` is a folder in which files can be made, or can become one."""
    folder = patient.settings.recording.folder
    if folder is None:
        yield skipped("recordings", "RECORD_DIR is empty: nothing is recorded")
    elif _can_be_written(folder):
        yield fine("recordings", f"calls are recorded in {folder}")
    else:
        remedy = "set it to a folder where the server's user may write, or leave it empty"
        yield wrong("recordings", f"RECORD_DIR={folder} cannot be used", remedy)


def _can_be_written(folder: Path) -> bool:
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
