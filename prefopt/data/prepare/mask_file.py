"""Copy a file with personal data masked, and report which rows were changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prefopt.data.formats.convert_file import shape_of_row
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.data.formats.shapes import NAMED
from prefopt.errors import DataError
from prefopt.io.row import Row
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.problem_rows import read_problems_of, row_of
from prefopt.readers.row_reader import read_rows_of, scan
from prefopt.texts.personal_data import masked


def mask_file(source: Path, target: Path, reading: ReadOptions = AS_IT_IS) -> dict[str, Any]:
    """Write the rows of a file with marks such as [전화번호] in place of personal data: in text, reason, concepts and figure_alt of
    problems, in all texts of conversations, preferences and judged answers.

    Returns:
        {"problems", "masked": {kind: count}, "rows": [{"id", "kinds"}]}, without the masked data itself; the id of a row that is no problem
        is its line.

    Raises:
        DataError: the target is the source, or a row is neither a problem nor of the shape of the first row.
    """
    if target.resolve() == source.resolve():
        raise DataError("the masked copy would replace the source", path=target, hint="give another name")
    counts: dict[str, int] = {}
    changed: list[dict[str, Any]] = []

    def other_rows() -> Iterator[dict[str, Any]]:
        for row in read_rows_of(source, reading):
            kinds: list[str] = []
            values = _masked_texts({key: value for key, value in row.values.items() if key not in reading.ignored}, kinds)
            if kinds:
                changed.append({"id": f"line {row.line}", "kinds": kinds})
            for kind in kinds:
                counts[kind] = counts.get(kind, 0) + 1
            yield values

    def rows() -> Iterator[dict[str, Any]]:
        for problem in read_problems_of(source, reading):
            text, in_text = masked(problem.text)
            reason, in_reason = masked(problem.reason) if problem.reason is not None else (None, [])
            alt, in_alt = masked(problem.figure_alt) if problem.figure_alt is not None else (None, [])
            concepts = [masked(concept) for concept in problem.concepts]
            kinds = [*in_text, *in_reason, *in_alt, *(kind for _, found in concepts for kind in found)]
            if kinds:
                changed.append({"id": problem.id, "kinds": kinds})
            for kind in kinds:
                counts[kind] = counts.get(kind, 0) + 1
            changes = {"text": text, "reason": reason, "figure_alt": alt, "concepts": tuple(c for c, _ in concepts)}
            yield row_of(problem.model_copy(update=changes))

    first = next((row for row in scan(source, reading) if isinstance(row, Row)), None)
    is_other = first is not None and shape_of_row(first, reading) not in ("problems", "argilla", *NAMED)
    return {"problems": write_rows_to(target, other_rows() if is_other else rows(), source), "masked": counts, "rows": changed}


def _masked_texts(value: Any, kinds: list[str]) -> Any:
    """A value with all its texts masked, at every depth; the kinds of the marks are added to `kinds`."""
    if isinstance(value, str):
        text, found = masked(value)
        kinds += found
        return text
    if isinstance(value, Mapping):
        return {key: _masked_texts(inner, kinds) for key, inner in value.items()}
    return [_masked_texts(inner, kinds) for inner in value] if isinstance(value, list) else value
