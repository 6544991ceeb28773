"""What the checks of data files take and return: parts, entries and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from prefopt.data.checks.finding_details import LABEL_WORD, Detail
from prefopt.data.checks.finding_kinds import KINDS, Severity
from prefopt.frozen import Frozen
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.records import Problem
from prefopt.texts.same_text import name_key

Role = Literal["gold", "pool", "holdout", "questions", "audit"]
Report = Callable[[str, int, Detail], None]
"""report(kind, line, detail) adds a finding of one file."""


@dataclass(frozen=True)
class Part:
    """A file to check."""

    path: Path
    role: Role = "gold"
    labeled: bool | None = None
    """Whether its problems must have labels (gold, hold-out) or must not (pool); None: both are accepted."""
    reading: ReadOptions = AS_IT_IS
    """Which column is what."""
    shape: str | None = None
    """Shape of its rows (prefopt.data.formats.shapes); None: detected from each row."""


@dataclass(slots=True)
class Entry:
    """The usable values of a row. Checks continue with what is left of a faulty row, so that one fault does not hide others."""

    part: int
    """Position of its file."""
    line: int
    id: str
    text: str
    label: str | None
    """As spelled in the file, until the label checks replace it by the taxonomy's spelling."""
    reason: str | None
    level: str | None
    difficulty: int | None
    concepts: tuple[str, ...]
    family: str | None
    augmented: str | None = None
    figure: str | None = None
    figure_alt: str | None = None
    served: str | None = None
    sheet: str = ""
    """Of a workbook of which several sheets are read."""

    @property
    def group(self) -> str:
        """As Problem.group."""
        return self.family or self.id

    @property
    def problem(self) -> Problem:
        """As a Problem, whatever faults the row has."""
        return Problem.model_construct(
            id=self.id, text=self.text, label=self.label, family=self.family, augmented=self.augmented, served=self.served
        )


@dataclass(frozen=True)
class Finding:
    """A fault and its place."""

    kind: str
    """A key of finding_kinds.KINDS."""
    path: Path
    line: int
    detail: Detail
    other: tuple[Path, int] | None = None
    """The earlier place that the fault is about, e.g. the first occurrence of a repeated id."""
    row: str = ""
    """Fingerprint of what it is about: the values of the row, and of the other one (accepted.with_fingerprints)."""

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind].severity


class Acceptance(Frozen):
    """One group of findings that somebody accepted."""

    id: str
    kind: str
    file: str
    """Name of the file, without its folder."""
    by: str
    on: date
    because: str = ""
    rows: tuple[str, ...] = Field(min_length=1)
    """Fingerprints of the rows."""

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is one of those that were accepted."""
        return self.kind == finding.kind and name_key(self.file) == name_key(finding.path.name) and finding.row in self.rows


@dataclass
class Checked:
    """Findings in the order of files and lines, and the counts of what was read."""

    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    accepted: list[Finding] = field(default_factory=list)
    """Findings that somebody accepted before; they are not among `findings`."""
    outdated: list[Acceptance] = field(default_factory=list)
    """Acceptances that no finding of the checked files matches any more."""
    label_word: str = LABEL_WORD
    """What a label is called in Korean."""

    @property
    def errors(self) -> int:
        """Number of findings that are errors."""
        return sum(f.severity == "error" for f in self.findings)


def with_parts(entries: list[Entry], parts: list[Part]) -> Iterator[tuple[Entry, Part]]:
    """Each entry with its file."""
    for entry in entries:
        yield entry, parts[entry.part]


def in_sheets(what: Detail, sheet: str, other: str = "") -> Detail:
    """A detail with the sheet of its row, and that of the earlier one; the detail itself where only one sheet is read."""
    if not sheet:
        return what
    beside = (f"; the other is in the sheet {other}", f"; 다른 하나는 {other} 시트") if other else ("", "")
    return Detail(f"sheet {sheet}: {what.en}{beside[0]}", f"{sheet} 시트, {what.ko}{beside[1]}")
