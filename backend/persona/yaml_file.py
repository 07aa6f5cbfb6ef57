"""Reads a YAML file, and says where it is broken."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

from backend.errors import CardError

MAX_BYTES: Final = 1024 * 1024


class _NoKeyTwice(yaml.constructor.SafeConstructor):
    """Plain values only, and no key twice: the second would silently replace the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value} stands here twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


class _Loader(_NoKeyTwice, yaml.SafeLoader):
    """Says best what is wrong."""


_FastLoader: type[_Loader] = _Loader
if hasattr(yaml, "CSafeLoader"):
    # libyaml reads a card of a hundred dialogues in a tenth of the time
    _FastLoader = type("_FastLoader", (_NoKeyTwice, yaml.CSafeLoader), {})


def read_yaml(path: Path) -> Any:
    """The value that the file holds.

    Raises:
        CardError: `FILE: KEY: REASON`; the key is `line N` where the syntax is broken.
    """
    try:
        text = _read(path)
        return _load(text)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        raise CardError(f"{path.name}: line {mark.line + 1 if mark else 1}: {exc.problem or 'is not YAML'}") from exc
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        raise CardError(f"{path.name}: line {line}: has a character that YAML does not allow") from exc
    except RecursionError as exc:
        raise CardError(f"{path.name}: card: is nested too deeply") from exc
    except (ValueError, OverflowError) as exc:
        raise CardError(f"{path.name}: card: has a date or a number that does not exist; put it in quotes") from exc


def _load(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_FastLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader, for its better words


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise CardError(f"{path.name}: file: cannot be read ({exc.strerror or exc})") from exc
    if len(data) > MAX_BYTES:
        raise CardError(f"{path.name}: file: is larger than {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise CardError(f"{path.name}: line {line}: is not UTF-8") from exc
