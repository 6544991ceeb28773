"""Convert problems to and from the records that Argilla exports and imports (`dataset.records.to_json`). Argilla is not imported.

A labeled problem is a record whose questions `label` and `reason` are answered. Its other values are metadata, so the round trip is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError

from prefopt.data.formats.shape_faults import error
from prefopt.readers.problem_rows import fault_of, renamed, row_of
from prefopt.records import Problem

EXPERT = str(uuid5(NAMESPACE_URL, "prefopt/expert"))
"""User id of the responses that are written; Argilla requires one."""
QUESTIONS = ("label", "reason")
_KEYS = {"id", "fields", "metadata", "suggestions", "responses", "vectors", "status", "_server_id", "_score"}


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
    unknown = [k for k in values if k not in _KEYS]
    if unknown:
        raise error("key-unknown", "key unknown", key=unknown[0], known=", ".join(sorted(_KEYS)))
    parts = {key: values.get(key) or {} for key in ("fields", "metadata", "responses")}
    for key, part in parts.items():
        if not isinstance(part, dict):
            raise error("type-wrong", "not object", where=key)
    answers = {question: _agreed(question, responses) for question, responses in parts["responses"].items()}
    merged = {"id": values.get("id"), **parts["metadata"], **parts["fields"], **{k: v for k, v in answers.items() if v is not None}}
    try:
        return Problem.model_validate(renamed(merged, {}))
    except (ValidationError, TypeError) as cause:
        raise error("type-wrong", "record", why=fault_of(cause)) from None


def _agreed(question: str, responses: Any) -> Any:
    """The value of all responses to a question; None where there is none."""
    if not isinstance(responses, list) or any(not isinstance(r, dict) for r in responses):
        raise error("type-wrong", "record", why=f"responses.{question} is not a list of responses")
    values = [r.get("value") for r in responses if r.get("value") is not None]
    if any(value != values[0] for value in values):
        shown = ", ".join(str(v)[:20] for v in values[:3])
        raise error("contradiction", "record", why=f"{len(values)} responses to {question!r} differ: {shown}")
    return values[0] if values else None
