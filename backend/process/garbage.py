"""How the collector of cyclic garbage is kept from holding calls up."""

import gc
from typing import Final

YOUNG: Final = 10_000
"""Objects more than there were, before the youngest are looked through; 700 unless told otherwise."""


def collect_seldom() -> None:
    """Look for garbage less often. Nearly all that a call leaves is freed without the collector."""
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


def keep_what_is_there() -> None:
    """Never look again at what exists now: what a library loads is hundreds of thousands of objects that live as long
    as the process, and going through them holds every call up for tens of milliseconds."""
    gc.collect()
    gc.freeze()
