"""What a worker process runs in the tests: a model that loads at once and does as it is told."""

import os
import sys
from pathlib import Path
from typing import Any


class Toy:
    """Its methods have the shape that workers call."""

    def __init__(self, greeting: str = "hello") -> None:
        self._greeting = greeting
        print("a library that prints while it loads")

    def greet(self, blob: bytes, name: str) -> tuple[str, bytes]:
        """Give back the name and the bytes."""
        print("a library that prints while it works")
        return f"{self._greeting} {name}", blob[::-1]

    def hold(self, blob: bytes, gate: str) -> tuple[None, bytes]:
        """Work until the other end of the pipe is closed."""
        Path(gate).read_bytes()
        return None, b""

    def note(self, blob: bytes, path: str, word: str) -> tuple[None, bytes]:
        """Leave a trace of the order in which calls run."""
        with Path(path).open("a") as file:
            file.write(word)
        return None, b""

    def die(self, blob: bytes) -> tuple[None, bytes]:
        """As native code does."""
        os._exit(3)

    def fail(self, blob: bytes) -> tuple[None, bytes]:
        """As Python does."""
        raise ValueError("no such word")

    def transcribe(self, blob: bytes) -> tuple[dict[str, Any], bytes]:
        """Count the milliseconds."""
        return {"text": f"{len(blob) // 32} ms"}, b""

    def say(self, blob: bytes, text: str, voice: str, rate: float, volume: float) -> tuple[None, bytes]:
        """As many samples as there are letters."""
        return None, b"\x01\x00" * len(text)


def broken() -> Toy:
    """A model that cannot be loaded."""
    sys.stdout.write("half-way\n")
    raise FileNotFoundError("weights.bin is missing")
