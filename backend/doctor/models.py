"""On-device models: there, and whole by their digests."""

import subprocess
import sys
from collections.abc import Iterator

from backend.doctor.findings import Finding, doubtful, fine, skipped, wrong
from backend.doctor.patient import Patient
from backend.errors import ConfigError
from backend.settings import OFF, SILERO, model_cache
from backend.vad import weights


def models(patient: Patient) -> Iterator[Finding]:
    """Those that the emulator hears and speaks with, in the words of `python -m emulator.models --check`."""
    settings = patient.settings
    if not settings.needs_emulator or settings.emulator.engine == "scripted":
        yield skipped("models", "no stage runs on a model of this machine")
        return
    cache = model_cache(settings.emulator)
    command = [sys.executable, "-m", "emulator.models", "--check", *(["--cache", str(cache)] if cache else [])]
    done = subprocess.run(command, cwd=patient.root, capture_output=True, text=True, check=False)  # noqa: S603
    damaged = [line.split(" ", 1)[1] for line in done.stdout.splitlines() if line.startswith("damaged ")]
    missing = [line.split(" ", 1)[1] for line in done.stdout.splitlines() if line.startswith("missing ")]
    if damaged:
        remedy = "run python -m emulator.models --verify, which fetches them again"
        yield wrong("models", f"not what they should be: {', '.join(damaged)}", remedy)
    if missing:
        text = f"not there: {', '.join(missing)}"
        yield doubtful("models", text, "the first start fetches them (200 MB); make models does it now")
    if done.returncode and not (damaged or missing):
        yield wrong("models", (done.stderr.strip().splitlines() or ["they could not be looked at"])[-1], "make models")
    if not done.returncode:
        yield fine("models", "all there, and whole")


def activity(patient: Patient) -> Iterator[Finding]:
    """The weights of voice activity detection."""
    mode = patient.settings.vad
    if mode == OFF:
        yield skipped("vad", "VAD=off")
        return
    try:
        weights.find(patient.settings)
    except ConfigError as exc:
        text, _, remedy = str(exc).rpartition(": ")
        yield (wrong if mode == SILERO else doubtful)("vad", text, remedy)
    else:
        yield fine("vad", "Silero's weights are there, and whole")
