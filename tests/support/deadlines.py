"""How long services may take in a test: longer than a busy machine, but where the deadline is what is tested."""


def deadlines(seconds: str) -> dict[str, str]:
    """The settings, for every service."""
    return {f"{stage}_TIMEOUT_S": seconds for stage in ("ASR", "LLM", "TTS")}


def deadlines_for(code: str) -> dict[str, str]:
    """Short ones, if this error is that of a deadline."""
    return deadlines("1") if code.endswith("Timeout") else {}
