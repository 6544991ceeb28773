"""Right labels of problems, for simulated teachers and for comparisons with what the same labels give without rankings."""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict

from prefopt.frozen import Frozen
from prefopt.io.jsonl import read_rows


class TruthRow(Frozen):
    """The right label of a problem. Other keys of the row are ignored, so that a file of labeled problems can be used."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: str
    label: str


def read_truth(path: Path) -> dict[str, str]:
    """Problem id -> right label, from JSONL rows {"id": ..., "label": ...}. Raises DataError with file and line."""
    return {row.id: row.label for row in read_rows(path, TruthRow)}
