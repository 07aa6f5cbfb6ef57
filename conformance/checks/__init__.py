"""All checks, by group. Importing this registers them."""

from conformance.checks import (
    bounds,
    call_names,
    cuts,
    errors,
    events,
    extended_turns,
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
    "call_names",
    "cuts",
    "errors",
    "events",
    "extended_turns",
    "extensions",
    "frames",
    "ordering",
    "resume",
    "shutdown",
    "states",
    "tolerance",
]
