"""All checks, by group. Importing this registers them."""

from conformance.checks import (
    bounds,
    errors,
    events,
    extensions,
    frames,
    ordering,
    resume,
    shutdown,
    states,
    tolerance,
)

__all__ = [
    "bounds",
    "errors",
    "events",
    "extensions",
    "frames",
    "ordering",
    "resume",
    "shutdown",
    "states",
    "tolerance",
]
