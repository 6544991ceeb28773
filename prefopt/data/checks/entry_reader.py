"""Rows of one file as entries to check: what can be used of each row, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from prefopt.data.checks.finding_kinds import KINDS, Severity
from prefopt.data.checks.personal_data import excerpt, personal_data
from prefopt.data.checks.text_checks import language_of, problem_findings, text_findings
from prefopt.data.formats.problem_rows import KEYS, renamed
from prefopt.data.formats.row_reader import scan
from prefopt.errors import DataError
from prefopt.io.row import Fault, Row
from prefopt.records import Problem

Role = Literal["gold", "pool", "holdout"]


@dataclass(frozen=True)
class Finding:
    """Something wrong, and where. `other` is the earlier place that it has to do with."""

    kind: str
    path: Path
    line: int
    detail: str
    other: tuple[Path, int] | None = None

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind].severity


@dataclass(frozen=True)
class Part:
    """A file to check. Labels are asked for in gold and hold-out, and refused in the pool; None: either."""

    path: Path
    role: Role = "gold"
    labeled: bool | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    """Columns that may stand in the file and are not looked at."""


@dataclass(slots=True)
class Entry:
    """What can be used of a row."""

    part: int
    line: int
    id: str
    text: str
    label: str | None
    """As it is spelled in the file; the label checks put the taxonomy's spelling here."""
    reason: str | None
    level: str | None
    difficulty: int | None
    concepts: tuple[str, ...]
    family: str | None
    augmented: str | None = None

    @property
    def group(self) -> str:
        """As Problem.group."""
        return self.family or self.id


@dataclass
class Checked:
    """The findings, in the order of the files and lines, and what was counted on the way."""

    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        return sum(f.severity == "error" for f in self.findings)


Report = Callable[..., None]
"""report(kind, line, detail, other=None)"""


def read_part(number: int, part: Part, language: str | None, found: list[Finding], reasons: str | None = None) -> list[Entry]:
    """Entries of a file; what is wrong with single rows goes to `found`. `reasons` is the language of reasons, where it is another one."""

    def report(kind: str, line: int, detail: str) -> None:
        found.append(Finding(kind, part.path, line, detail))

    try:
        rows = scan(part.path)
    except DataError as error:
        if part.path.exists():
            raise
        report("file-missing", 1, f"{part.path}: {error.message.split(': ')[-1]}")
        return []
    entries: list[Entry] = []
    seen = False
    for row in rows:
        seen = True
        if isinstance(row, Fault):
            report(row.kind, row.line, row.detail)
            continue
        entry = _entry(number, row, part, report)
        if entry is not None:
            entries.append(entry)
            _look_at_texts(entry, language, reasons or language, report)
    if not seen:
        report("file-empty", 1, "there is no row")
    return entries


def _entry(number: int, row: Row, part: Part, report: Report) -> Entry | None:
    """A row as an entry; None where not even a text can be used."""
    values = {k: v for k, v in renamed(row.values, part.columns).items() if k not in part.ignored}
    values = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}
    try:
        problem = Problem.model_validate(values)
    except ValidationError as error:
        for fault in error.errors():
            report(_kind_of(fault), row.line, _detail_of(fault))
        return _rest(number, row.line, values)
    if any(not c.strip() for c in problem.concepts) or len(set(problem.concepts)) < len(problem.concepts):
        report("concept-bad", row.line, f"concepts = {list(problem.concepts)}")
    kept = problem.model_dump(exclude={"id", "text"})
    return Entry(number, row.line, problem.id, problem.text, **kept)


def _kind_of(fault: Mapping[str, Any]) -> str:
    key = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        return "key-unknown"
    if fault["type"] == "missing":
        return "key-missing"
    by_key = {
        ("id", "string_pattern_mismatch"): "id-bad",
        ("id", "string_too_short"): "id-bad",
        ("id", "string_too_long"): "id-bad",
        ("text", "value_error"): "text-empty",
        ("text", "string_too_long"): "text-too-long",
        ("reason", "string_too_long"): "reason-too-long",
        ("difficulty", "greater_than_equal"): "difficulty-range",
        ("difficulty", "less_than_equal"): "difficulty-range",
    }
    return by_key.get((key, str(fault["type"])), "type-wrong")


def _detail_of(fault: Mapping[str, Any]) -> str:
    key, shown = ".".join(str(p) for p in fault["loc"]), repr(fault["input"])
    if fault["type"] == "extra_forbidden":
        return f"key {key!r}; known: {', '.join(KEYS)}"
    if fault["type"] == "missing":
        return f"key {key!r} is missing"
    shown = shown if len(shown) <= 60 else f"{shown[:57]}… ({len(shown):,} characters)"
    return f"{key} = {shown}: {fault['msg'].removeprefix('Value error, ')}"


def _rest(number: int, line: int, values: Mapping[str, Any]) -> Entry | None:
    """What can be used of a row that is no problem, so that the checks go on: a fault must not hide others."""

    def text(key: str) -> str | None:
        return values[key] if isinstance(values.get(key), str) else None

    said = text("text")
    if said is None or not said.strip():
        return None
    return Entry(number, line, text("id") or "", said, text("label"), text("reason"), text("level"), None, (), text("family"))


def _look_at_texts(entry: Entry, language: str | None, reasons: str | None, report: Report) -> None:
    for where, text, expected in (
        ("text", entry.text, language),
        ("reason", entry.reason, reasons),
        ("concepts", ", ".join(entry.concepts), None),
    ):
        if not text:
            continue
        for kind, detail in text_findings(text, where):
            report(kind, entry.line, detail)
        for found in personal_data(text):
            report(found.kind, entry.line, f"{where} holds it at character {found.start + 1}: {_hidden(text[found.start : found.end])}")
        spoken = language_of(text) if expected is not None else None
        if spoken is not None and spoken != expected:
            report("language", entry.line, f"{where} reads as {spoken}, expected is {expected}: {excerpt(text, 30)}")
    for kind, detail in problem_findings(entry.text):
        report(kind, entry.line, detail)


def _hidden(text: str) -> str:
    """Personal data is not printed again: its first character and its length."""
    return f"{text[0]}{'*' * (len(text) - 1)}"


def walk(entries: list[Entry], parts: list[Part]) -> Iterator[tuple[Entry, Part]]:
    """Each entry with its file."""
    for entry in entries:
        yield entry, parts[entry.part]
