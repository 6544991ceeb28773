"""Right labels of problems, for simulated teachers and for comparisons with what the same labels give without rankings."""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict, ValidationError

from prefopt.errors import DataError
from prefopt.frozen import Frozen
from prefopt.readers.problem_rows import fault_of, scan_problems
from prefopt.readers.row_reader import faultless


class TruthRow(Frozen):
    """The right label of a problem. Other keys of the row are ignored, so that a file of labeled problems can be used."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: str
    label: str


def read_truth(path: Path) -> dict[str, str]:
    """Problem id -> right label, from a file of any kind with the columns id and label. Raises DataError with file and line."""
    found: dict[str, str] = {}
    for row in faultless(scan_problems(path), path):
        try:
            truth = TruthRow.model_validate(row.values)
        except ValidationError as error:
            raise DataError(fault_of(error), path=path, line=row.line, hint="fix or delete this row") from None
        found[truth.id] = truth.label
    return found
