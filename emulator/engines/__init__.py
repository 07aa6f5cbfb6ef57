"""What is behind the services: scripted, or models on this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from emulator.engines.base import Engines
from emulator.prompter import Prompter

SCRIPTED: Final = "scripted"
ON_DEVICE: Final = "on-device"
NAMES: Final = (SCRIPTED, ON_DEVICE)


async def build(name: str, prompter: Prompter, cache: Path | None, progress: Callable[[str], None]) -> Engines:
    """Load the engines of this name.

    Raises:
        ConfigError: a model cannot be fetched or a library is missing; the message says how to mend it.
    """
    if name == SCRIPTED:
        from emulator.engines.scripted import ScriptedEngines  # noqa: PLC0415 - each start loads its own libraries

        return ScriptedEngines(prompter)
    from emulator.engines import on_device  # noqa: PLC0415

    return await on_device.load(cache, progress)
