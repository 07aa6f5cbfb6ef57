"""The shape of keys: what can be told about them without showing them to anybody. No value is ever in a finding."""

import re
from collections.abc import Iterator
from typing import Final

from backend.doctor.findings import Finding, doubtful, fine, wrong
from backend.doctor.patient import Patient

KEYS: Final = (
    *("VOLC_API_KEY", "ASR_APP_ID", "ASR_ACCESS_TOKEN", "TTS_APP_ID", "TTS_ACCESS_TOKEN"),
    *("ARK_API_KEY", "VOLC_ACCESSKEY", "VOLC_SECRETKEY", "DASHSCOPE_API_KEY", "LLM_API_KEY"),
    *("ACCESS_TOKEN", "TOKEN_SECRET", "ADMIN_TOKEN"),
)
_PLACEHOLDER: Final = re.compile(
    r"(?i)^(<.*>|\[.*\]|\*+|x{3,}|your[-_ ].*|my[-_ ](api|key|token).*|changeme|todo|none|null|sk-x+)$"
)
_SHAPES: Final = {
    "ASR_APP_ID": (r"\d{6,}", "a number"),
    "TTS_APP_ID": (r"\d{6,}", "a number"),
    "DASHSCOPE_API_KEY": (r"sk-\S{8,}", "a word that begins with sk-"),
    "VOLC_ACCESSKEY": (r"AKLT\S{8,}", "a word that begins with AKLT"),
    "LLM_ENDPOINT_ID": (r"ep-\S+", "a word that begins with ep-"),
}
_PAIR: Final = ("VOLC_ACCESSKEY", "VOLC_SECRETKEY")
_COPY: Final = "copy it from the console once more, and nothing but it"


def keys(patient: Patient) -> Iterator[Finding]:
    """Each that is set could be one."""
    there = [name for name in (*KEYS, "LLM_ENDPOINT_ID") if patient.values.get(name)]
    found = [finding for name in there for finding in _of(name, patient.values[name])]
    found += [*_confused(patient), *_halves(patient)]
    yield from found
    if not there:
        yield fine("keys", "none is set: everything runs on this machine")
    elif not found:
        yield fine("keys", f"well-formed: {', '.join(there)}")


def _of(name: str, value: str) -> Iterator[Finding]:
    if not value.isascii() or not value.isprintable():
        yield wrong("keys", f"{name} has characters in it that no key has", _COPY)
    elif value.lower().startswith("bearer "):
        yield wrong("keys", f"{name} begins with the word Bearer", "leave the word out")
    elif value[0] in "'\"" or value[-1] in "'\"":
        yield wrong("keys", f"{name} has quotation marks around it that are taken as part of it", "leave them out")
    elif re.search(r"\s", value):
        yield wrong("keys", f"{name} has white space in it", _COPY)
    elif _PLACEHOLDER.match(value):
        yield wrong("keys", f"{name} is still the example's", "put your own in, or leave it empty")
    elif name in _SHAPES and not re.fullmatch(_SHAPES[name][0], value):
        yield doubtful("keys", f"{name} usually is {_SHAPES[name][1]}, and this is not", _COPY)


def _halves(patient: Patient) -> Iterator[Finding]:
    """Of a pair, where nothing else needs the other half and so would stop the start."""
    there = [name for name in _PAIR if patient.values.get(name)]
    if len(there) == 1:
        (missing,) = set(_PAIR) - set(there)
        yield doubtful("keys", f"{there[0]} does nothing without {missing}", f"set {missing}, too, or neither")


def _confused(patient: Patient) -> list[Finding]:
    ark, speech = patient.values.get("ARK_API_KEY"), patient.values.get("VOLC_API_KEY")
    if not ark or ark != speech:
        return []
    text = "ARK_API_KEY and VOLC_API_KEY are the same, but Ark and Doubao speech give keys of their own"
    return [doubtful("keys", text, "look up which of the two consoles it is from, and get the other's")]
