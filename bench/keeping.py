"""What was measured is kept part by part, so that one can be run again, and none is lost when another fails."""

import json
from collections.abc import Mapping
from pathlib import Path

from bench import report
from bench.section import Section


def load(file: Path) -> dict[str, Section]:
    """What is there."""
    if not file.exists():
        return {}
    return {name: Section.from_json(kept) for name, kept in json.loads(file.read_text("utf-8")).items()}


def keep(file: Path, document: Path, sections: Mapping[str, Section]) -> None:
    """These in the place of their forerunners, and the document made anew."""
    kept = load(file)
    kept |= {name: section for name, section in sections.items() if not (section.skipped and name in kept)}
    told = {name: section.as_json() for name, section in kept.items()}
    file.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
    document.write_text(report.document(kept), "utf-8")
