"""How soon the server passes on the synthesiser's first sound, beside a relay."""

from collections.abc import Callable, Sequence

from bench import figures
from bench.contenders import OURS, RELAY, Contender
from bench.figures import Delays, Sample, pooled
from bench.measure import Burden, in_short, measure, warm
from bench.plan import Plan
from bench.processes import Cores
from bench.report import table
from bench.section import Aim, Section, judged

CALLS = (1, 10, 50)
FRAME_MS = 100
_HEAD = ("path", "calls", "p50 ms", "p99 ms", "seen")


async def run(what: Plan, on: Cores, tell: Callable[[str], None]) -> Section:
    """Ours, and the relay."""
    samples: list[Sample] = []
    failures: list[str] = []
    for _ in range(what.repetitions):
        for contender in (RELAY, OURS):
            try:
                samples += await _loads(contender, what, on, tell)
            except Exception as exc:
                failures.append(f"{contender.name}: {type(exc).__name__}: {exc}")
    return section(samples, failures)


async def _loads(contender: Contender, what: Plan, on: Cores, tell: Callable[[str], None]) -> list[Sample]:
    samples = []
    async with contender.start(on) as at:
        if what.warms:
            await warm(contender, at)
        for calls in CALLS:
            samples.append(await measure(contender, at, Burden(FRAME_MS, calls, what.settle_s, what.window_s)))
            tell("  " + in_short(samples[-1]))
    return samples


def section(samples: Sequence[Sample], failures: Sequence[str]) -> Section:
    """In words and tables."""
    text = (
        f"{FRAME_MS} ms frames, `VAD=off`. The emulator stamps the moment at which it hands a sound to its socket, the "
        "caller the moment at which it has it. In brackets the lowest and the highest repetition. (A turn is decided "
        "before the recogniser calls its text definite, so how soon that is passed on has no meaning.)\n\n"
        + table(_HEAD, list(_rows(samples)))
    )
    return Section("Passing on", text, aims(samples), tuple(failures))


def aims(samples: Sequence[Sample]) -> tuple[Aim, ...]:
    """At the highest load."""
    most = [each for each in samples if each.contender == OURS.name and each.calls == CALLS[-1]]
    bounds: tuple[tuple[str, Delays], ...] = (("first sound → first audio frame", lambda each: each.told_ms),)
    return tuple(
        judged(f"{what}, p99, {CALLS[-1]} calls, {FRAME_MS} ms frames", 10, pooled(most, delays, 99).middle, " ms", 1)
        for what, delays in bounds
    )


def _rows(samples: Sequence[Sample]) -> list[list[str]]:
    paths: tuple[tuple[str, str, Delays], ...] = (
        (OURS.name, "first sound → first audio frame", lambda each: each.told_ms),
        (RELAY.name, "relay, end to end", lambda each: each.told_ms),
    )
    rows = []
    for contender, path, delays in paths:
        for calls in CALLS:
            at = [each for each in samples if each.contender == contender and each.calls == calls]
            rows.append([path, str(calls), *(_cell(pooled(at, delays, p)) for p in (50, 99)), _seen(at, delays)])
    return rows


def _cell(spread: figures.Spread) -> str:
    low, high = f"{spread.low:.2f}", f"{spread.high:.2f}"
    return f"{spread.middle:.2f}" + ("" if low == high else f" ({low}-{high})")


def _seen(samples: Sequence[Sample], delays: Delays) -> str:
    return str(sum(len(delays(each)) for each in samples))
