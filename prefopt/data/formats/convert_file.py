"""One file into another: any kind of file, any shape that can hold the same rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefopt.config import INSTRUCTIONS_KO
from prefopt.data.formats import dataset_shapes as shapes
from prefopt.data.formats.argilla_records import problem_of_record, record_of
from prefopt.data.formats.problem_rows import fault_of, problem_of, row_of
from prefopt.data.formats.row_reader import read_rows_of
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import ConfigError, DataError
from prefopt.io.row import Row
from prefopt.records import Pair


@dataclass(frozen=True)
class Words:
    """What a conversation needs that a problem does not have."""

    instructions: str = INSTRUCTIONS_KO
    label_key: str = "standard"
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column of the file -> key of a Problem."""
    metadata: bool = True
    """Keep id, family, weight … beside what the shape has a place for, so that the rows come back exactly."""


def convert(source: Path, target: Path, to: str, words: Words, shape: str | None = None) -> tuple[int, str]:
    """Write a file's rows in another shape or kind of file.

    Args:
        source: any file of prefopt.data.formats.row_reader.
        target: its ending chooses the kind of file.
        to: one of shapes.SHAPES.
        words: instructions, key of the label, columns.
        shape: of the source; None: what the keys of its first row show.

    Returns:
        (rows written, shape of the source).

    Raises:
        DataError: with file and line: a row that is not of its shape or that the other shape cannot hold. ConfigError: no such shape.
    """
    for name in filter(None, (to, shape)):
        if name not in shapes.SHAPES:
            raise ConfigError(f"no shape is called {name!r}", hint=f"known: {', '.join(shapes.SHAPES)}")
    rows = read_rows_of(source)
    first = next(rows, None)
    if first is None:
        raise DataError("holds no row", path=source, hint="give a file with rows")
    known = shape or shapes.shape_of(first.values)
    turn = _turner(known, to, source, words)
    return write_rows_to(target, _turned(chain([first], rows), turn, source)), known


def _turned(rows: Iterator[Row], turn: Callable[[Row], dict[str, Any]], path: Path) -> Iterator[dict[str, Any]]:
    for row in rows:
        try:
            yield turn(row)
        except (shapes.ShapeError, ValidationError) as error:
            raise DataError(fault_of(error), path=path, line=row.line, hint="mend or remove this row") from None


def _turner(shape: str, to: str, path: Path, words: Words) -> Callable[[Row], dict[str, Any]]:
    """The function from a row of one shape to the values of another. Raises ConfigError where the two hold different things."""
    examples = ("problems", "argilla", *shapes.CONVERSATIONS)
    comparisons = ("pairs", *shapes.COMPARISONS)
    if shape in examples and to in examples:
        return lambda row: _example(row, shape, to, path, words)
    if shape in comparisons and to in comparisons:
        return lambda row: _compared(row, shape, to, words)
    raise ConfigError(
        f"{shape} cannot become {to}: one holds examples, the other preferences",
        hint=f"examples: {', '.join(examples)}; preferences: {', '.join(comparisons)}",
    )


def _example(row: Row, shape: str, to: str, path: Path, words: Words) -> dict[str, Any]:
    if shape in ("problems", "argilla"):
        problem = problem_of_record(_with_metadata(row.values)) if shape == "argilla" else problem_of(row, path, words.columns, set())
        if to in ("problems", "argilla"):
            return row_of(problem) if to == "problems" else record_of(problem)
        made = shapes.problem_conversation(problem, words.instructions, words.label_key)
        return shapes.conversation_row(made if words.metadata else made.model_copy(update={"metadata": None}), to)
    found = shapes.conversation_of(_with_metadata(row.values), shape)
    if to in ("problems", "argilla"):
        problem = shapes.conversation_problem(found, words.label_key)
        return row_of(problem) if to == "problems" else record_of(problem)
    return shapes.conversation_row(found, to)


def _compared(row: Row, shape: str, to: str, words: Words) -> dict[str, Any]:
    if shape == "pairs":
        pair = Pair.model_validate_json(json.dumps(row.values, ensure_ascii=False))
        if to == "pairs":
            return pair.model_dump(mode="json", exclude_none=True)
        made = shapes.pair_comparison(pair, words.instructions, words.label_key)
        return shapes.comparison_row(made if words.metadata else made.model_copy(update={"metadata": None}), to)
    found = shapes.comparison_of(_with_metadata(row.values), shape)
    if to == "pairs":
        return shapes.comparison_pair(found, words.label_key).model_dump(mode="json", exclude_none=True)
    return shapes.comparison_row(found, to)


def _with_metadata(values: Mapping[str, Any]) -> dict[str, Any]:
    """Lists and metadata that a table holds as JSON text, as what they are."""
    found = dict(values)
    for key, value in found.items():
        if isinstance(value, str) and value[:1] in "[{" and key not in ("instruction", "output"):
            if key == "input" and "output" in found:
                continue  # instruction/input/output: a text, whatever it looks like
            try:
                found[key] = json.loads(value)
            except (ValueError, RecursionError):
                raise shapes.ShapeError(f"{key} is no JSON") from None
    return found
