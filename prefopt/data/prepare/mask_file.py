"""A copy of a file with personal data masked, and a report of what was masked where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prefopt.data.checks.personal_data import masked
from prefopt.data.formats.problem_rows import read_problems_of, row_of
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import DataError


def mask_file(source: Path, target: Path, columns: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Write the problems of a file with a mark such as [전화번호] in place of personal data in text and reason.

    Returns:
        {"problems", "masked": {kind: count}, "rows": [{"id", "kinds"}]}: nothing of what was masked.

    Raises:
        DataError: the target is the source; a row that is no problem.
    """
    if target.resolve() == source.resolve():
        raise DataError("the masked copy would replace the file itself", path=target, hint="give another name")
    counts: dict[str, int] = {}
    touched: list[dict[str, Any]] = []

    def rows() -> Iterator[dict[str, Any]]:
        for problem in read_problems_of(source, columns):
            text, kinds = masked(problem.text)
            reason, more = masked(problem.reason) if problem.reason is not None else (None, [])
            if kinds or more:
                touched.append({"id": problem.id, "kinds": [*kinds, *more]})
            for kind in (*kinds, *more):
                counts[kind] = counts.get(kind, 0) + 1
            yield row_of(problem.model_copy(update={"text": text, "reason": reason}))

    return {"problems": write_rows_to(target, rows()), "masked": counts, "rows": touched}
