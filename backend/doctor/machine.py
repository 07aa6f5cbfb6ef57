"""Python and its packages, Node.js and the page, ports, and the clock."""

import http.client
import importlib.util
import json
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from backend.doctor.findings import Finding, doubtful, fine, wrong
from backend.doctor.patient import Patient
from backend.errors import ConfigError
from backend.process.listening import places, refuse_taken, shared_ports
from backend.settings import EMULATOR, Address
from backend.version import VERSION

_LIBRARIES: Final = {
    "on-device": ("av", "faster_whisper", "numpy"),
    "vad": ("numpy", "onnxruntime"),
    "telemetry": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "mysql": ("aiomysql",),
    "postgresql": ("asyncpg",),
}
_LEAST_NODE: Final = (20, 19)
_LAST_WITH_VOICE: Final = (3, 12)
_WRITTEN_S: Final = 1_735_689_600
"""The first second of 2025: a clock that says less has not been set."""


def python(patient: Patient, version: tuple[int, ...] = sys.version_info[:3]) -> Iterator[Finding]:
    """New enough, and not too new for the on-device voice."""
    name = ".".join(map(str, version))
    on_device = patient.settings.tts.provider == EMULATOR and patient.settings.emulator.engine == "on-device"
    if on_device and version[:2] > _LAST_WITH_VOICE:
        remedy = "install Python 3.12, and make the environment anew: make clean, then make run PYTHON=python3.12"
        yield doubtful("python", f"{name} has no Kokoro yet, so the on-device voice is eSpeak's", remedy)
    else:
        yield fine("python", name)


def packages(patient: Patient) -> Iterator[Finding]:
    """What the settings need is installed."""
    needed = {library for extra in patient.settings.extras for library in _LIBRARIES.get(extra, ())}
    if missing := sorted(library for library in needed if not _is_installed(library)):
        text = f"the settings need {', '.join(missing)}, which is not installed"
        yield wrong("packages", text, "run scripts/setup python")
    else:
        yield fine("packages", f"installed for: {', '.join(patient.settings.extras) or 'the settings as they are'}")


def page(patient: Patient) -> Iterator[Finding]:
    """Built, or can be."""
    built = (patient.root / "frontend" / "dist" / "index.html").is_file()
    node = _node_version()
    has_npm = shutil.which("npm") is not None
    shown = ".".join(map(str, node)) if node else ""
    if node[:2] >= _LEAST_NODE and has_npm:
        yield fine("page", f"Node.js {shown}; the page is {'built' if built else 'built by make run'}")
        return
    found = f"Node.js {shown} is too old" if node else "Node.js is not here"
    text = f"{found} to build the page" if not node or node[:2] < _LEAST_NODE else "npm is not here"
    remedy = "install Node.js 20.19 or newer with npm, from your package manager or nodejs.org"
    yield (doubtful if built else wrong)("page", text + (", which is built already" if built else ""), remedy)


def ports(patient: Patient) -> Iterator[Finding]:
    """Free, or taken by a server of this project; and no two the same."""
    settings = patient.settings
    if shared := shared_ports(settings):
        for port, names in shared.items():
            yield wrong("ports", f"{' and '.join(names)} are all {port}", "give each a port of its own")
    elif running := _running(settings.web_address, https=bool(settings.tls.certificate)):
        yield fine("ports", f"live voice call {running} is running here, at port {settings.web_address.port}")
    else:
        yield from _free(places(settings))


def clock(_patient: Patient, now_s: float | None = None) -> Iterator[Finding]:
    """Set, and going forward; `--online` compares it with a service's."""
    now_s = time.time() if now_s is None else now_s
    ticks = [time.monotonic() for _ in range(1000)]
    if now_s < _WRITTEN_S:
        said = time.strftime("%Y-%m-%d", time.gmtime(now_s))
        yield wrong("clock", f"it says {said}", "set it, and have it kept right (timedatectl set-ntp true)")
    elif ticks != sorted(ticks):
        yield wrong("clock", "the monotonic clock goes backward", "restart the machine, or its virtualisation's host")
    else:
        yield fine("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s)))


def _is_installed(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ModuleNotFoundError:  # a package above it
        return False


def _node_version() -> tuple[int, ...]:
    program = shutil.which("node")
    if program is None:
        return ()
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
        return tuple(int(part) for part in done.stdout.strip().lstrip("v").split("."))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ()


def _running(address: Address, *, https: bool) -> str:
    """The version of a server of ours at this address; empty where there is none."""
    unproven = ssl._create_unverified_context()  # noqa: S323 - it is asked for its version, and told nothing
    connection = (
        http.client.HTTPSConnection(address.host, address.port, timeout=2, context=unproven)
        if https
        else http.client.HTTPConnection(address.host, address.port, timeout=2)
    )
    try:
        connection.request("GET", "/healthz")
        said: Any = json.loads(connection.getresponse().read(4096))
        return str(said.get("version") or VERSION) if "accepting" in said else ""
    except (OSError, ValueError, TypeError, AttributeError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def _free(wanted: dict[str, Address]) -> Iterator[Finding]:
    for name, address in wanted.items():
        try:
            refuse_taken(address, name)
        except ConfigError as exc:
            text, _, remedy = str(exc).partition(": ")
            yield wrong("ports", text, remedy)
        else:
            yield fine("ports", f"{name} {address.port} is free")
