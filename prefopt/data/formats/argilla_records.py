"""Convert problems to and from the records that Argilla exports and imports (`dataset.records.to_json`). Argilla is not imported.

A labeled problem is a record whose questions `label` and `reason` are answered. Its other values are metadata, so the round trip is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError

from prefopt.data.formats.shape_faults import error
from prefopt.readers.exports import ExportError, argilla_values
from prefopt.readers.problem_rows import fault_of, renamed, row_of
from prefopt.records import Problem

EXPERT = str(uuid5(NAMESPACE_URL, "prefopt/expert"))
"""User id of the responses that are written; Argilla requires one."""
QUESTIONS = ("label", "reason")


def record_of(problem: Problem) -> dict[str, Any]:
    """A problem as a record, without values that the problem lacks."""
    values = row_of(problem)
    answers = {q: [{"value": values.pop(q), "user_id": EXPERT}] for q in QUESTIONS if q in values}
    number, text = values.pop("id"), values.pop("text")
    status = "completed" if "label" in answers else "pending"
    empty: dict[str, Any] = {"suggestions": {}, "vectors": {}, "_server_id": None}
    return {"id": number, "fields": {"text": text}, "metadata": values, "responses": answers, "status": status, **empty}


def problem_of_record(values: Mapping[str, Any]) -> Problem:
    """The problem of an exported record. Fields may have any name that a column may have (text, problem, 문제 …).

    Raises:
        ShapeError: an unknown key, a field that problems do not have, or responses that differ.
    """
    try:
        return Problem.model_validate(renamed(argilla_values(values)))
    except ExportError as cause:
        raise error("type-wrong", "record", why=str(cause)) from None
    except (ValidationError, TypeError) as cause:
        raise error("type-wrong", "record", why=fault_of(cause)) from None
