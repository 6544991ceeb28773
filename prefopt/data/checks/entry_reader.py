"""Turn the rows of one file into entries, and report what is wrong with single rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefopt.data.checks.check_types import Entry, Finding, Part, Report
from prefopt.data.checks.finding_details import Detail, detail, detail_of_fault, detail_of_value
from prefopt.data.checks.shape_reader import ShapedRows
from prefopt.data.checks.text_checks import CONTROL_TOKEN, language_of, problem_findings, text_findings
from prefopt.errors import DataError
from prefopt.io.figure_files import FigureError, read_figure
from prefopt.io.leaving import personal_in_name
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.problem_rows import KEYS, problem_rows
from prefopt.readers.row_reader import scan
from prefopt.records import Problem
from prefopt.texts.personal_data import excerpt, masked, personal_data


def read_part(
    number: int,
    part: Part,
    language: str | None,
    findings: list[Finding],
    reasons: str | None = None,
    shaped: ShapedRows | None = None,
) -> list[Entry]:
    """Read the entries of a file.

    Args:
        number: position of the file; entries refer to it.
        part: the file.
        language: expected of texts and reasons; None: any.
        findings: faults of single rows are appended.
        reasons: expected language of reasons where it is a different one.
        shaped: reads the rows that are conversations or preferences; None: every row is read as a problem.

    Raises:
        DataError: the file exists, but its kind cannot be read.
    """

    sheet = ""

    def report(kind: str, line: int, what: Detail) -> None:
        found = Detail(f"sheet {sheet}: {what.en}", f"{sheet} 시트, {what.ko}") if sheet else what
        findings.append(Finding(kind, part.path, line, found))

    try:
        rows = scan(part.path, part.reading)
    except DataError:
        if part.path.exists():
            raise
        report("file-missing", 1, detail("no file", path=part.path))
        return []
    entries: list[Entry] = []
    is_empty = True

    def unshaped() -> Iterator[Row | Fault]:
        """The rows that are problems; what the others gave is added to the entries."""
        nonlocal sheet
        for row in rows:
            shape = "problems" if shaped is None or isinstance(row, Fault) else shaped.shape_of(row)
            if shaped is None or isinstance(row, Fault) or shape in ("problems", "argilla"):
                yield row
            else:
                sheet = row.sheet
                made = shaped.read(row, shape)
                entries.extend(made.entries)
                for question in made.entries:
                    _check_texts(question, language, reasons or language, report)
                for where, text in made.texts:
                    _check_other(text, where, row.line, report)

    for row in problem_rows(unshaped(), part.reading):
        is_empty, sheet = is_empty and isinstance(row, Note), row.sheet if isinstance(row, Row) else ""  # faults name it themselves
        if isinstance(row, Fault):
            report(row.kind, row.line, detail_of_fault(row))
            continue
        entry = _entry(number, row, report)
        if entry is not None:
            entries.append(entry)
            _check_texts(entry, language, reasons or language, report)
            _check_figure(entry, part.path, report)
    sheet = ""
    if is_empty and not (shaped and shaped.count):
        report("file-empty", 1, detail("no row"))
    if shaped is not None:
        shaped.finish()
    read_as = part if shaped is None else shaped.part
    if read_as.labeled and len(entries) > 1 and all(entry.label is None for entry in entries):
        report("file-unlabeled", 1, detail("no label in file", path=part.path.name))
    return entries


def _entry(number: int, row: Row, report: Report) -> Entry | None:
    """A row as an entry; None where not even its text is usable."""
    values = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.values.items()}
    try:
        problem = Problem.model_validate(values)
    except ValidationError as error:
        for fault in error.errors():
            report(_kind_of(fault), row.line, _detail_of(fault))
        return _usable(number, row.line, values)
    if any(not c.strip() for c in problem.concepts) or len(set(problem.concepts)) < len(problem.concepts):
        report("concept-bad", row.line, detail("concepts", concepts=list(problem.concepts)))
    return Entry(number, row.line, problem.id, problem.text, **problem.model_dump(exclude={"id", "text"}), sheet=row.sheet)


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


def _detail_of(fault: Mapping[str, Any]) -> Detail:
    key, value = ".".join(str(p) for p in fault["loc"]), repr(fault["input"])
    if fault["type"] == "extra_forbidden":
        return detail("key unknown", key=key, known=", ".join(KEYS))
    if fault["type"] == "missing":
        return detail("key missing", key=key)
    value = value if len(value) <= 60 else f"{value[:57]}… ({len(value):,} characters)"
    return detail_of_value(key, value, fault)


def _usable(number: int, line: int, values: Mapping[str, Any]) -> Entry | None:
    """The valid values of a faulty row, so that its other faults are found too."""

    def text(key: str) -> str | None:
        return values[key] if isinstance(values.get(key), str) else None

    problem_text = text("text")
    if problem_text is None or not problem_text.strip():
        return None
    return Entry(number, line, text("id") or "", problem_text, text("label"), text("reason"), text("level"), None, (), text("family"))


def _check_texts(entry: Entry, language: str | None, reasons: str | None, report: Report) -> None:
    for where, text, expected in (
        ("text", entry.text, language),
        ("reason", entry.reason, reasons),
        ("figure_alt", entry.figure_alt, None),
        ("concepts", ", ".join(entry.concepts), None),
    ):
        if not text:
            continue
        quotable = masked(text)[0] if _check_personal(text, where, entry.line, report) else text  # details of other findings quote it
        findings = [*text_findings(quotable, where), *(problem_findings(quotable) if where == "text" else ())]
        for kind, what in findings:
            if kind == "figure-missing" and entry.figure:
                continue
            report(kind, entry.line, what)
        actual = language_of(text) if expected is not None else None
        if actual is not None and actual != expected:
            what = detail("language", where=where, language=actual, expected=expected, text=excerpt(text, 30))
            report("language", entry.line, what)
    for where, name in (("id", entry.id), ("family", entry.family or "")):
        for kind in personal_in_name(name):
            report(kind, entry.line, detail("personal data in a name", where=where))


def _check_figure(entry: Entry, path: Path, report: Report) -> None:
    """Check the image beside a problem, which teachers see and no model does."""
    if not entry.figure:
        return
    try:
        read_figure(Problem.model_construct(id=entry.id, figure=entry.figure, figure_alt=None), path)
    except FigureError as error:
        report("figure-bad", entry.line, detail(f"figure {error.why}", found=entry.figure[:80]))
        return
    report("figure-unseen", entry.line, detail("picture", found=entry.figure[:80]))
    if not (entry.figure_alt or "").strip():
        report("figure-alt", entry.line, detail("picture", found=entry.figure[:80]))


def _check_other(text: str, where: str, line: int, report: Report) -> None:
    """Check a message that is not a problem: instructions, or an answer."""
    if found := CONTROL_TOKEN.search(text):
        report("control-token", line, detail("contains", where=where, found=found[0], at=found.start() + 1))
    _check_personal(text, where, line, report)


def _check_personal(text: str, where: str, line: int, report: Report) -> bool:
    """Report personal data; returns whether there is any."""
    spans = personal_data(text)
    for span in spans:
        hidden = _hidden(text[span.start : span.end])
        report(span.kind, line, detail("personal data", where=where, at=span.start + 1, hidden=hidden))
    return bool(spans)


def _hidden(text: str) -> str:
    """The first character and the length: a report must not repeat personal data."""
    return f"{text[0]}{'*' * (len(text) - 1)}"
