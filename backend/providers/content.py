"""How services say that they mind what was said, and not how they were asked. One table for all of them.

Doubao's speech services have numbers only, none of which is about content: where they tell, it is in the text.
"""

from typing import Final

CONTENT_CODES: Final = ("Sensitive", "InputText", "OutputText", "data_inspection_failed", "DataInspectionFailed")
"""Beginnings of codes."""
_NAMES: Final = ("SensitiveContent", "data_inspection_failed", "DataInspectionFailed")


def is_of_content(code: str) -> bool:
    """Whether this code is about what was said."""
    return code.startswith(CONTENT_CODES)


def names_content(message: str) -> bool:
    """Whether a text for people names such a code."""
    return any(name in message for name in _NAMES)
