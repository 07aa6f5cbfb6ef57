"""All checks in order, and what a check of settings that cannot be read comes to."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from backend.config.env import environment
from backend.doctor import content, database, keys, machine, models, names, online, reach, tls
from backend.doctor.findings import Finding, wrong
from backend.doctor.patient import Patient
from backend.errors import ConfigError
from backend.process.logs import configure
from backend.settings import load

Check = Callable[[Patient], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    *(machine.python, machine.packages, machine.page, machine.ports, machine.clock),
    *(names.names, names.dotenv_file, keys.keys),
    *(reach.access, reach.microphone, tls.certificate, models.models, models.activity),
    *(content.persona, content.recordings),
)


async def examine_here(*, ask: bool) -> list[Finding]:
    """With this process's environment and this folder's `.env`."""
    configure("error", "text")
    return await examine(environment(), Path(".env"), ask=ask)


async def examine(values: Mapping[str, str], dotenv: Path, *, ask: bool) -> list[Finding]:
    """Every finding.

    Args:
        values: the environment over `.env`.
        ask: whether services are called, which costs a fraction of a cent.
    """
    try:
        patient = Patient(values, load(values), dotenv=dotenv)
    except ConfigError as exc:
        return _without_settings(values, dotenv, exc)
    found = [finding for check in CHECKS for finding in check(patient)]
    later = [database.database(patient), *((online.services(patient), online.clock(patient)) if ask else ())]
    for check in later:
        found += await _all(check)
    return found


def _without_settings(values: Mapping[str, str], dotenv: Path, error: ConfigError) -> list[Finding]:
    """What stops the start, and what else can be told: as by the defaults."""
    text = str(error)
    found = [wrong("settings", text, "mend it, and ask again: most checks need readable settings")]
    patient = Patient(values, load({}), dotenv=dotenv)
    for check in (machine.python, machine.page, machine.clock, names.names, names.dotenv_file, keys.keys):
        found += check(patient)
    return found


async def _all(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in findings]
