"""Settings whose names are misspelt, which nothing else would ever notice."""

import difflib
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from dotenv import dotenv_values

from backend.config.env import Env
from backend.doctor.findings import Finding, doubtful, fine
from backend.doctor.patient import Patient
from backend.settings import read

_ELSEWHERE: Final = frozenset({"HF_ENDPOINT", "PIP_INDEX_URL", "XDG_CACHE_HOME", "PYTHON"})
"""Names that our tools read and that are no settings."""
_OTHERS: Final = ("OTEL_", "PIP_", "PYTHON", "POSTGRES_", "LVC_", "NGINX_")
_FAMILIES: Final = ("VOICE_CALL_", "VOLC_", "DASHSCOPE_", "EMULATOR_", "ASR_", "TTS_", "LLM_", "ARK_")
_ALIKE: Final = 0.84


def names(patient: Patient) -> Iterator[Finding]:
    """Every name in `.env` is a setting, and no name of the environment looks like one without being one."""
    known = _known()
    mine = {name for name, value in dotenv_values(patient.dotenv).items() if value} if patient.dotenv.is_file() else ()
    strangers = [name for name in mine if name not in known and not name.startswith(_OTHERS)]
    strangers += [name for name in patient.values if name not in mine and name not in known and _is_like(name, known)]
    for name in sorted(strangers):
        nearest = _nearest(name, known)
        remedy = f"write {nearest}" if nearest else "remove it, or look its name up in .env.example"
        yield doubtful("settings", f"{name} is no setting, so it does nothing", remedy)
    if not strangers:
        yield fine("settings", "every name that is set is one")


def dotenv_file(patient: Patient) -> Iterator[Finding]:
    """Only its owner may read the file with the keys."""
    if not patient.dotenv.is_file():
        yield fine(".env", "there is none; the environment and the defaults hold")
    elif patient.dotenv.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield doubtful(".env", "other users of this machine can read its keys", "chmod 600 .env")
    else:
        yield fine(".env", "only its owner can read it")


def _known() -> frozenset[str]:
    env = Env({})
    read(env)
    return frozenset(env.names) | _ELSEWHERE


def _is_like(name: str, known: Iterable[str]) -> bool:
    if name.startswith(_OTHERS):
        return False
    return name.startswith(_FAMILIES) or bool(_nearest(name, known))


def _nearest(name: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name.upper(), list(known), n=1, cutoff=_ALIKE)), "")
