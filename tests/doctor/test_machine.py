import asyncio
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from aiohttp import web

from backend.doctor import machine
from backend.doctor.findings import Level
from tests.doctor.sick import only, patient


def test_a_python_without_the_on_device_voice_is_doubtful_only_where_it_speaks() -> None:
    only(machine.python(patient(), (3, 14, 0)), Level.WARNING, "Kokoro")
    only(machine.python(patient(VOLC_API_KEY="k"), (3, 14, 0)), Level.OK, "3.14.0")
    only(machine.python(patient(), (3, 12, 1)), Level.OK, "3.12.1")


def older_python() -> str | None:
    places = os.pathsep.join([*map(str, Path.home().glob(".pyenv/versions/3*/bin")), os.environ.get("PATH", "")])
    for name in ("python3.10", "python3.9", "python3.8"):
        program = shutil.which(name, path=places)
        if program and subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0:
            return program
    return None


def test_an_older_python_is_told_so_instead_of_a_traceback() -> None:
    program = older_python()
    if program is None:
        pytest.skip("there is no Python older than 3.11 here")
    done = subprocess.run(
        [program, "-m", "backend.doctor"], cwd=patient().root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "install Python 3.11" in done.stderr


def test_a_library_that_the_settings_need_and_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_LIBRARIES", {"postgresql": ("asyncpg_that_is_not_there", "no.such.package")})
    needs = patient(VAD="off", DATABASE_URL="postgresql://u:secret@h/db")

    found = only(machine.packages(needs), Level.WRONG, "asyncpg_that_is_not_there, no.such.package")
    assert "secret" not in found.text


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize(("says", "words"), [("", "not here"), ("v18.20.0", "18.20.0 is too old"), ("huh", "not here")])
def test_node_that_is_missing_or_old_matters_where_the_page_is_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, words: str, built: bool
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    if says:
        program(tools, "node", says)
    program(tools, "npm", "10")
    monkeypatch.setenv("PATH", str(tools))
    if built:
        (tmp_path / "frontend" / "dist").mkdir(parents=True)
        (tmp_path / "frontend" / "dist" / "index.html").touch()

    only(machine.page(patient(root=tmp_path)), Level.WARNING if built else Level.WRONG, words)


def test_node_without_npm_builds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "node", "v22.1.0")
    monkeypatch.setenv("PATH", str(tmp_path))

    only(machine.page(patient(root=tmp_path)), Level.WRONG, "npm")
    program(tmp_path, "npm", "10")
    only(machine.page(patient(root=tmp_path)), Level.OK, "22.1.0")


def test_a_port_that_another_program_has_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        findings = list(machine.ports(patient(VOLC_API_KEY="k", ARK_API_KEY="k", CALL_PORT=taken, WEB_PORT="0")))

    found = only([finding for finding in findings if finding.level is not Level.OK], Level.WRONG, taken)
    assert "CALL_PORT" in found.remedy


def test_two_servers_cannot_have_one_port() -> None:
    only(machine.ports(patient(CALL_PORT="4711", WEB_PORT="4711")), Level.WRONG, "CALL_PORT and WEB_PORT")


async def test_ports_that_our_own_server_has_are_no_trouble() -> None:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": "9.9", "accepting": True})

    app = web.Application()
    app.router.add_get("/healthz", health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ours = patient(WEB_PORT=str(runner.addresses[0][1]))
    only(await asyncio.to_thread(lambda: list(machine.ports(ours))), Level.OK, "live voice call 9.9 is running")
    await runner.cleanup()


def test_a_clock_that_was_never_set_is_found() -> None:
    only(machine.clock(patient(), 86_400.0), Level.WRONG, "1970-01-02")
    only(machine.clock(patient()), Level.OK, "UTC")


def test_a_clock_that_goes_backward_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(1000, 0, -1))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))

    only(machine.clock(patient(), 2e9), Level.WRONG, "backward")
