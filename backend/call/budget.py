"""The end of a call that has cost as much as it may: she says goodbye, and then it ends. Pure."""

from enum import Enum, auto


class Leave(Enum):
    """How far that is."""

    NONE = auto()
    DUE = auto()
    SAID = auto()
