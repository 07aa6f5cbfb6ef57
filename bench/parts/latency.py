"""From the end of speech to the first audio, taken apart."""

import math
import time
from collections.abc import Callable, Sequence
from statistics import median

import aiohttp

from bench import figures, plan, processes
from bench.contenders import OURS, OURS_VAD, REFERENCE, Contender
from bench.figures import Sample, pooled
from bench.measure import Burden, in_short, measure, warm
from bench.plan import Plan
from bench.processes import Cores
from bench.report import cell, table
from bench.section import Aim, Section, judged
from bench.vendors import Voice, chat

FRAME_MS = 20
CONTENDERS = (OURS, OURS_VAD, REFERENCE)
_ALONE = 12
_METRICS = "&events=TurnMetrics"


async def run(what: Plan, on: Cores, tell: Callable[[str], None]) -> Section:
    """Ours, the reference's logic, and the services alone."""
    samples, failures = await measured(what, on, tell, CONTENDERS)
    alone: list[float] = []
    try:
        alone = await services_alone(on, _ALONE if what.repetitions > 1 else 1)
    except Exception as exc:
        failures.append(f"services alone: {type(exc).__name__}: {exc}")
    return section(samples, alone, failures, what)


async def measured(
    what: Plan, on: Cores, tell: Callable[[str], None], contenders: Sequence[Contender]
) -> tuple[list[Sample], list[str]]:
    """Every contender at a load that strains none of them, and what went wrong."""
    samples: list[Sample] = []
    failures: list[str] = []
    for _ in range(what.repetitions):
        for contender in contenders if not what.rows else [each for each in contenders if each.name in what.rows]:
            try:
                samples.append(await _one(contender, what, on))
                tell("  " + in_short(samples[-1]))
            except Exception as exc:
                failures.append(f"{contender.name}: {type(exc).__name__}: {exc}")
                tell(f"  FAILED {failures[-1]}")
    return samples, failures


async def _one(contender: Contender, what: Plan, on: Cores) -> Sample:
    query = _METRICS if contender in (OURS, OURS_VAD) else ""
    async with contender.start(on) as at:
        if what.warms:
            await warm(contender, at)
        return await measure(contender, at, Burden(FRAME_MS, what.latency_calls, what.settle_s, what.latency_s, query))


async def services_alone(on: Cores, times: int) -> list[float]:
    """From a chat request to the first sound of its first sentence in ms, by a client that does nothing else."""
    found = []
    async with processes.emulator(on) as (_, url), aiohttp.ClientSession() as http:
        await processes.admin(url, "PUT", "script", plan.script(times + 1))
        voice = await Voice(url, "mp3").open()
        for _ in range(times + 1):
            began, sentence = time.monotonic(), ""
            async for token in chat(http, url, "?"):
                sentence += token
                if token == "。":
                    break
            async for _ in voice.say(sentence):
                found.append(1000 * (time.monotonic() - began))
                break
            await voice.close()
            voice = await Voice(url, "mp3").open()
        await voice.close()
    return found[1:]


def section(samples: Sequence[Sample], alone: Sequence[float], failures: Sequence[str], what: Plan) -> Section:
    """In words and tables."""
    names = list(dict.fromkeys(sample.contender for sample in samples))
    rows = [_row(name, [sample for sample in samples if sample.contender == name]) for name in names]
    if alone:
        own = [ms - plan.ANSWER_MS for ms in alone]
        spread = figures.of(alone)
        rows.append(["services alone", cell(spread, 0), "-", "0", *_p(own), "-", str(len(alone))])
    head = ["", "answered p50", "p95", "wait p50", "own p50", "own p95", "decision p50", "turns"]
    text = (
        f"{what.latency_calls} calls at {FRAME_MS} ms frames, {what.repetitions} repetitions of {what.latency_s:g} s "
        "with fresh processes; ms. *Answered* is end of speech → first audio; *wait* and *own* are its parts beside "
        f"the {plan.ANSWER_MS} ms of the services; *decision* is what the server tells in `TurnMetrics` of when it "
        "took the turn as over (requests on trial are sent before). In brackets the lowest and the highest repetition. "
        "*Services alone* is a client that asks chat and voice over open connections and does nothing else.\n\n"
        + table(head, rows)
    )
    return Section("Latency", text, aims(samples), tuple(failures))


def _row(name: str, samples: Sequence[Sample]) -> list[str]:
    return [
        name,
        cell(pooled(samples, lambda each: each.answered_ms, 50), 0),
        cell(pooled(samples, lambda each: each.answered_ms, 95), 0),
        cell(pooled(samples, lambda each: each.waited_ms, 50), 0),
        cell(pooled(samples, lambda each: each.own_ms, 50), 1),
        cell(pooled(samples, lambda each: each.own_ms, 95), 1),
        cell(pooled(samples, lambda each: each.decided_ms, 50), 0),
        str(sum(sample.turns for sample in samples)),
    ]


def _p(values: Sequence[float]) -> list[str]:
    return [f"{figures.percentile(values, percent):.1f}" for percent in (50, 95)]


def aims(samples: Sequence[Sample]) -> tuple[Aim, ...]:
    """Of ours."""
    found = []
    for contender in (OURS, OURS_VAD):
        mine = [sample for sample in samples if sample.contender == contender.name]
        for percent, bound in ((50, 10), (95, 30)):
            own = pooled(mine, lambda each: each.own_ms, percent).middle
            figure = f"own time in end of speech → first audio, p{percent}, {contender.name}"
            found.append(judged(figure, bound, own, " ms", 1))
        answered = [delay for sample in mine for delay in sample.answered_ms]
        whole_s = median(answered) / 1000 if answered else math.nan
        found.append(judged(f"end of speech → first audio, p50, {contender.name}", 0.9, whole_s, " s", 3))
        found.append(judged(f"the same, stretch, {contender.name}", 0.76, whole_s, " s", 3))
    return tuple(found)
