"""What the checks look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backend.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Patient:
    """This machine and what the operator has set.

    Attributes:
        values: the environment over `.env`; keys are in it.
        settings: what they mean.
        root: the project's folder.
        dotenv: the file of settings, which need not be there.
    """

    values: Mapping[str, str] = field(repr=False)
    settings: Settings
    root: Path = ROOT
    dotenv: Path = Path(".env")
