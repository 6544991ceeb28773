"""Convert a file to another kind of file and another shape of rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefopt.config import INSTRUCTIONS_KO
from prefopt.data.formats import dataset_shapes as shapes
from prefopt.data.formats.argilla_records import record_of
from prefopt.data.formats.equation_scripts import EquationScripts
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import ConfigError, DataError
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.problem_rows import fault_of, problem_of, problem_rows, row_of
from prefopt.readers.row_reader import faultless, scan
from prefopt.records import Pair


@dataclass(frozen=True)
class ConversationSettings:
    """What conversations need and problems lack."""

    instructions: str = INSTRUCTIONS_KO
    label_key: str = "standard"
    reading: ReadOptions = AS_IT_IS
    """Which column of the source is what; for problems."""
    metadata: bool = True
    """Keep id, family, weight … as metadata, so that the round trip is exact."""
    scripts: EquationScripts | None = None
    """Converts the equation script of problems, where it is given."""


def convert(source: Path, target: Path, to: str, settings: ConversationSettings, shape: str | None = None) -> tuple[int, str]:
    """Convert the rows of a file.

    Args:
        source: any file of prefopt.readers.row_reader.
        target: its suffix selects the kind of file.
        to: one of shapes.SHAPES.
        settings: instructions, key of the label, columns.
        shape: of the source; None: detected from the keys of its first row.

    Returns:
        (rows written, shape of the source).

    Raises:
        DataError: with file and line: a row that does not have its shape or does not fit the other one.
        ConfigError: an unknown shape, or examples are to become preferences.
    """
    for name in filter(None, (to, shape)):
        if name not in shapes.SHAPES:
            raise ConfigError(f"unknown shape {name!r}", hint=f"known: {', '.join(shapes.SHAPES)}")
    scanned = scan(source, settings.reading)
    before: list[Row | Fault] = []
    for found in scanned:
        before.append(found)
        if not isinstance(found, Note):
            break
    else:
        raise DataError("the file contains no row", path=source, hint="give a file with rows")
    known = shape or (shapes.shape_of(before[-1].values) if isinstance(before[-1], Row) else "problems")
    whole, is_problem = chain(before, scanned), known in ("problems", "argilla")
    if not is_problem and (settings.reading.columns or settings.reading.join or settings.reading.ignored):
        raise ConfigError(f"the file holds rows of the shape {known}, with fixed keys", hint="leave out --columns, --join and --ignore")
    rows = faultless(problem_rows(whole, settings.reading) if is_problem else whole, source)
    converter = _converter(known, to, source, settings)
    return write_rows_to(target, _converted(rows, converter, source)), known


def _converted(rows: Iterator[Row], converter: Callable[[Row], dict[str, Any]], path: Path) -> Iterator[dict[str, Any]]:
    for row in rows:
        try:
            yield converter(row)
        except (shapes.ShapeError, ValidationError) as error:
            raise DataError(fault_of(error), path=path, line=row.line, hint="fix or delete this row") from None


def _converter(shape: str, to: str, path: Path, settings: ConversationSettings) -> Callable[[Row], dict[str, Any]]:
    """The function from a row of one shape to the values of another. Raises ConfigError for examples and preferences."""
    examples = ("problems", "argilla", *shapes.CONVERSATIONS)
    comparisons = ("pairs", *shapes.COMPARISONS)
    if settings.scripts is not None and not {shape, to} & {"problems", "argilla"}:
        raise ConfigError(
            f"--hwp-equations converts problems, and neither {shape} nor {to} contains problems",
            hint=f"prefopt data convert {path} problems.jsonl --to problems --hwp-equations"
            if shape in examples
            else f"prefopt data convert {path} OUT --to {to}",
        )
    if shape in examples and to in examples:
        return lambda row: _convert_example(row, shape, to, path, settings)
    if shape in comparisons and to in comparisons:
        return lambda row: _convert_comparison(row, shape, to, settings)
    raise ConfigError(
        f"{shape} cannot be converted to {to}: one contains examples, the other preferences",
        hint=f"examples: {', '.join(examples)}; preferences: {', '.join(comparisons)}",
    )


def _convert_example(row: Row, shape: str, to: str, path: Path, settings: ConversationSettings) -> dict[str, Any]:
    if shape in ("problems", "argilla"):
        problem = problem_of(row, path, settings.reading)
        problem = settings.scripts(problem) if settings.scripts else problem
        if to in ("problems", "argilla"):
            return row_of(problem) if to == "problems" else record_of(problem)
        made = shapes.problem_conversation(problem, settings.instructions, settings.label_key)
        return shapes.conversation_row(made if settings.metadata else made.model_copy(update={"metadata": None}), to)
    conversation = shapes.conversation_of(_with_metadata(row.values), shape)
    if to in ("problems", "argilla"):
        problem = shapes.conversation_problem(conversation, settings.label_key)
        problem = settings.scripts(problem) if settings.scripts else problem
        return row_of(problem) if to == "problems" else record_of(problem)
    return shapes.conversation_row(conversation, to)


def _convert_comparison(row: Row, shape: str, to: str, settings: ConversationSettings) -> dict[str, Any]:
    if shape == "pairs":
        pair = Pair.model_validate_json(json.dumps(row.values, ensure_ascii=False))
        if to == "pairs":
            return pair.model_dump(mode="json", exclude_none=True)
        made = shapes.pair_comparison(pair, settings.instructions, settings.label_key)
        return shapes.comparison_row(made if settings.metadata else made.model_copy(update={"metadata": None}), to)
    comparison = shapes.comparison_of(_with_metadata(row.values), shape)
    if to == "pairs":
        return shapes.comparison_pair(comparison, settings.label_key).model_dump(mode="json", exclude_none=True)
    return shapes.comparison_row(comparison, to)


def _with_metadata(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parse lists and metadata that a table stores as JSON text."""
    parsed = dict(values)
    for key, value in parsed.items():
        if isinstance(value, str) and value[:1] in "[{" and key not in ("instruction", "output"):
            if key == "input" and "output" in parsed:
                continue  # a text in the instruction shape, even if it looks like JSON
            try:
                parsed[key] = json.loads(value)
            except (ValueError, RecursionError):
                raise shapes.ShapeError(f"{key} is not JSON") from None
    return parsed
