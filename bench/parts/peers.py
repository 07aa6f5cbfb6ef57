"""Pipecat beside ours, from its own environment; skipped with a reason where that is not there."""

import asyncio
from collections.abc import Callable, Sequence

from bench import load_tables
from bench.contenders import OURS, OURS_VAD, PEERS, PIPECAT, PIPECAT_VAD, WITH_PEERS
from bench.figures import Sample, percentile
from bench.parts import latency
from bench.parts.load import grid
from bench.plan import Plan
from bench.processes import Cores
from bench.section import Aim, Section, judged_least

_VERSION = "from importlib.metadata import version; print(version('pipecat-ai'))"
_METHOD = """\
`pipecat-ai` {version} from the package index in an environment of its own: its FastAPI WebSocket transport with the
protobuf serializer, its OpenAI service pointed at the emulator, and small services for the emulator's recognition
(streaming) and synthesis, each on one connection for the whole call: [`bench/pipecat_bot.py`](../bench/pipecat_bot.py).
The rest is as it comes: with VAD its Silero analyser and its turn model, without VAD its turn strategy on transcripts.
It sends PCM where ours sends MP3. One process with all calls in it, on the same core as ours. Once a turn it also
sends some bytes that tell the caller which reply this is, as our wire does."""


async def run(what: Plan, on: Cores, tell: Callable[[str], None]) -> Section:
    """Both ways of running both."""
    version, reason = await _installed()
    if reason:
        tell(f"  skipped: {reason}")
        return Section("Beside pipecat", f"Skipped: {reason}.", skipped=True)
    delays, missing = await latency.measured(what, on, tell, WITH_PEERS)
    found = latency.section(delays, (), missing, what)
    samples, failures = await grid(what, on, tell, (PIPECAT, PIPECAT_VAD, OURS_VAD))
    loads = load_tables.section(samples, failures, what)
    text = "\n\n".join((_METHOD.format(version=version), "### Latency beside pipecat", found.text, loads.text))
    return Section("Beside pipecat", text, aims(delays), (*found.failures, *loads.failures))


def aims(samples: Sequence[Sample]) -> tuple[Aim, ...]:
    """Faster on Chinese replies."""

    def p50(name: str) -> float:
        return percentile([delay for each in samples if each.contender == name for delay in each.answered_ms], 50)

    ahead = p50(PIPECAT_VAD.name) - p50(OURS_VAD.name)
    also = p50(PIPECAT.name) - p50(OURS.name)
    return (
        judged_least("end of speech → first audio, ahead of pipecat, both with VAD", 150, ahead, " ms"),
        judged_least("end of speech → first audio, ahead of pipecat, both without VAD", 150, also, " ms"),
    )


async def _installed() -> tuple[str, str]:
    """The version, or the reason why there is none."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        return "", "no environment in .bench-peers (`make bench-peers` makes it)"
    asked = await asyncio.create_subprocess_exec(
        str(python), "-c", _VERSION, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(asked.communicate(), 60)
    if asked.returncode:
        return "", f"pipecat is not in .bench-peers ({err.decode(errors='replace').strip().splitlines()[-1:]})"
    return out.decode().strip(), ""
