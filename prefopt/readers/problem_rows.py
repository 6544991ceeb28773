"""Convert rows to problems and back: names of columns, and lists inside one cell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefopt.errors import ConfigError, DataError
from prefopt.io.row import Row
from prefopt.readers.row_reader import read_rows_of
from prefopt.records import Problem
from prefopt.texts.label_codes import read_cell, revision_of

KEYS = tuple(Problem.model_fields)
ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("번호", "문항번호", "problem_id", "key"),
    "text": ("문제", "문항", "지문", "problem", "question"),
    "label": ("성취기준", "성취기준코드", "standard", "standard_code", "class"),
    "reason": ("근거", "이유", "rationale", "explanation"),
    "level": ("성취수준", "achievement_level"),
    "difficulty": ("난이도",),
    "concepts": ("개념",),
    "family": ("유형군",),
}
"""Accepted names of columns besides the key itself."""
REVISION = ("revision", "교육과정", "개정")
"""Names of a column with the revision of the curriculum that a row's label is of: 2022, "2015 개정"."""


def parse_columns(text: str) -> dict[str, str]:
    """ "text=question,label=class" -> {"question": "text", "class": "label"}. Raises ConfigError on anything else."""
    columns: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, equals, column = (p.strip() for p in part.partition("="))
        if key not in KEYS or not equals or not column:
            raise ConfigError(f"--columns {part!r}: not KEY=COLUMN", hint=f"keys: {', '.join(KEYS)}; e.g. text=question,label=class")
        columns[column] = key
    return columns


def renamed(values: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """A row's values under the keys of a Problem: by `columns`, by the key itself, or by ALIASES. Other columns keep their names."""
    by_key = {columns.get(name, name): value for name, value in values.items()}
    for key, aliases in ALIASES.items():
        if key not in by_key:
            name = next((alias for alias in aliases if alias in by_key), None)
            if name is not None:
                by_key[key] = by_key.pop(name)
    return _from_cells(_with_revision(by_key))


def _with_revision(values: dict[str, Any]) -> dict[str, Any]:
    """The label with the revision that a column of its own says; a column with anything else stays, and is an unknown one."""
    column = next((name for name in REVISION if values.get(name) is not None and (not values[name] or revision_of(values[name]))), None)
    if column is None:
        return values
    revision, label = revision_of(values.pop(column)), values.get("label")
    if revision and isinstance(label, str) and label.strip() and not read_cell(label).revision:
        values["label"] = f"{revision}:{label.strip()}"
    return values


def _from_cells(values: dict[str, Any]) -> dict[str, Any]:
    """Parse numbers and lists that a cell stores as text, and ids that a sheet stores as numbers."""
    concepts, difficulty, name = values.get("concepts"), values.get("difficulty"), values.get("id")
    if isinstance(concepts, str):
        values["concepts"] = _listed(concepts)
    if isinstance(difficulty, str) and difficulty.strip().lstrip("-").isdecimal() and len(difficulty) < 9:
        values["difficulty"] = int(difficulty)
    if isinstance(name, int) and not isinstance(name, bool) and name.bit_length() < 64:
        values["id"] = str(name)
    return values


def _listed(cell: str) -> Any:
    if cell.startswith("["):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, list):
            return value
    return [part.strip() for part in cell.replace(",", "|").split("|") if part.strip()]


def read_problems_of(path: Path, columns: Mapping[str, str] | None = None, *, keep: Iterable[str] = ()) -> Iterator[Problem]:
    """Stream the problems of a file of any kind.

    Args:
        path: see prefopt.readers.row_reader.
        columns: column of the file -> key of a Problem, for names outside ALIASES.
        keep: columns that are skipped.

    Raises:
        DataError: with file and line: an unreadable row, an unknown column, an invalid value.
    """
    ignored = set(keep)
    for row in read_rows_of(path):
        yield problem_of(row, path, columns or {}, ignored)


def problem_of(row: Row, path: Path, columns: Mapping[str, str], ignored: set[str]) -> Problem:
    """One row as a problem. Raises DataError with file and line."""
    kept = {k: v for k, v in row.values.items() if k not in ignored}
    values = {k: v for k, v in renamed(kept, columns).items() if k not in ignored}
    unknown = [k for k in values if k not in KEYS]
    if unknown:
        raise DataError(
            f"unknown column {unknown[0]!r}",
            path=path,
            line=row.line,
            hint=f"known: {', '.join(KEYS)}; rename: --columns text=COLUMN",
        )
    try:
        return Problem.model_validate_json(json.dumps(values, ensure_ascii=False, allow_nan=False, default=str))
    except (ValidationError, ValueError) as error:
        raise DataError(fault_of(error), path=path, line=row.line, hint="fix or delete this row") from None


def fault_of(error: Exception) -> str:
    """The first fault of a row in one line: key, value, message."""
    if not isinstance(error, ValidationError):
        return str(error)[:200]
    first = error.errors()[0]
    key, shown = ".".join(str(p) for p in first["loc"]), repr(first["input"])
    if first["type"] == "missing":
        return f"key {key!r} is missing"
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}"
    shown = shown if len(shown) <= 60 else f"{shown[:57]}… ({len(shown):,} characters)"
    return f"{key} = {shown}: {first['msg'].removeprefix('Value error, ')}"


def row_of(problem: Problem) -> dict[str, Any]:
    """A problem as keys and values, without values that it lacks."""
    values = problem.model_dump(mode="json", exclude_none=True)
    if not problem.concepts:
        values.pop("concepts", None)
    return values
