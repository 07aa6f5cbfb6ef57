"""Runs checks against one server, each bounded in time."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from conformance import checks
from conformance.bench import Bench, Options
from conformance.verdict import CHECKS, GROUPS, Broken, CannotRun, Check, NotOffered, NotTried, Result, Verdict

__all__ = ["checks", "run", "select"]

EVIDENCE_CHARS = 240


def select(groups: Iterable[str] = (), names: Iterable[str] = ()) -> list[Check]:
    """The checks of these groups and names, in the order of the groups; all, if nothing is named.

    Raises:
        CannotRun: no such group or check.
    """
    wanted, chosen = set(groups), set(names)
    if unknown := (wanted - set(GROUPS)) | (chosen - set(CHECKS)):
        raise CannotRun(f"there is no group or check named {', '.join(sorted(unknown))}; --list names them")
    everything = not wanted and not chosen
    found = [each for each in CHECKS.values() if everything or each.group in wanted or each.name in chosen]
    return sorted(found, key=lambda each: GROUPS.index(each.group))


async def run(
    options: Options, selected: Sequence[Check], told: Callable[[Result], None] = lambda _: None
) -> list[Result]:
    """Judge the server; results in the order of `selected`, each also told as it becomes known.

    Raises:
        CannotRun: nobody answers at the address.
    """
    bench = Bench(options)
    gate = asyncio.Semaphore(max(1, options.jobs))
    results: dict[str, Result] = {}

    async def one(each: Check) -> None:
        async with gate:
            result = await _judge(each, bench)
        results[each.name] = result
        told(result)

    try:
        async with bench.dial(ready=False):
            pass
        await asyncio.gather(*(one(each) for each in selected if not each.alone))
        for each in selected:
            if each.alone:
                await one(each)
    except (Broken, NotTried) as exc:
        raise CannotRun(str(exc)) from exc
    finally:
        await bench.aclose()
    return [results[each.name] for each in selected]


async def _judge(each: Check, bench: Bench) -> Result:
    began = time.monotonic()
    verdict, evidence = await _outcome(each, bench)
    return Result(each.name, each.section, verdict, evidence[:EVIDENCE_CHARS], time.monotonic() - began)


async def _outcome(each: Check, bench: Bench) -> tuple[Verdict, str]:
    limit_s = bench.options.timeout_s
    try:
        async with asyncio.timeout(limit_s):
            return Verdict.PASSED, await each.run(bench) or ""
    except Broken as exc:
        return Verdict.FAILED, str(exc)
    except NotOffered as exc:
        return Verdict.NOT_OFFERED, str(exc)
    except NotTried as exc:
        return Verdict.NOT_TRIED, str(exc)
    except CannotRun as exc:
        return Verdict.FAILED, str(exc)
    except TimeoutError:
        return Verdict.FAILED, f"not over within {limit_s:g} s"
