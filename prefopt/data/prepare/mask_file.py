"""Copy a file with personal data masked, and report which rows were changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import DataError
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.problem_rows import read_problems_of, row_of
from prefopt.texts.personal_data import masked


def mask_file(source: Path, target: Path, reading: ReadOptions = AS_IT_IS) -> dict[str, Any]:
    """Write the problems of a file with marks such as [전화번호] in place of personal data in text, reason and concepts.

    Returns:
        {"problems", "masked": {kind: count}, "rows": [{"id", "kinds"}]}, without the masked data itself.

    Raises:
        DataError: the target is the source, or a row is not a problem.
    """
    if target.resolve() == source.resolve():
        raise DataError("the masked copy would replace the source", path=target, hint="give another name")
    counts: dict[str, int] = {}
    changed: list[dict[str, Any]] = []

    def rows() -> Iterator[dict[str, Any]]:
        for problem in read_problems_of(source, reading):
            text, in_text = masked(problem.text)
            reason, in_reason = masked(problem.reason) if problem.reason is not None else (None, [])
            concepts = [masked(concept) for concept in problem.concepts]
            kinds = [*in_text, *in_reason, *(kind for _, found in concepts for kind in found)]
            if kinds:
                changed.append({"id": problem.id, "kinds": kinds})
            for kind in kinds:
                counts[kind] = counts.get(kind, 0) + 1
            yield row_of(problem.model_copy(update={"text": text, "reason": reason, "concepts": tuple(c for c, _ in concepts)}))

    return {"problems": write_rows_to(target, rows()), "masked": counts, "rows": changed}
