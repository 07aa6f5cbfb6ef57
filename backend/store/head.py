"""Which shape of the tables this server knows."""

from typing import Final

HEAD: Final = "0006"
"""The revision of the newest migration."""
