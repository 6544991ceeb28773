"""Records as Argilla exports and imports them (`dataset.records.to_json`): fields, metadata, responses. Without Argilla itself.

A labeled problem is a record whose questions `label` and `reason` are answered; the rest of it is metadata, so that it comes back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError

from prefopt.data.formats.dataset_shapes import ShapeError
from prefopt.data.formats.problem_rows import fault_of, renamed, row_of
from prefopt.records import Problem

EXPERT = str(uuid5(NAMESPACE_URL, "prefopt/expert"))
"""User of the responses that are written: Argilla asks for one."""
QUESTIONS = ("label", "reason")
_KEYS = {"id", "fields", "metadata", "suggestions", "responses", "vectors", "status", "_server_id", "_score"}


def record_of(problem: Problem) -> dict[str, Any]:
    """A problem as a record; only what it has stands in it."""
    values = row_of(problem)
    answers = {q: [{"value": values.pop(q), "user_id": EXPERT}] for q in QUESTIONS if q in values}
    number, text = values.pop("id"), values.pop("text")
    status = "completed" if "label" in answers else "pending"
    empty: dict[str, Any] = {"suggestions": {}, "vectors": {}, "_server_id": None}
    return {"id": number, "fields": {"text": text}, "metadata": values, "responses": answers, "status": status, **empty}


def problem_of_record(values: Mapping[str, Any]) -> Problem:
    """The problem of an exported record; fields may be called as columns may (text, problem, 문제 …).

    Raises:
        ShapeError: unknown keys, a field that no problem has, or teachers who answered differently.
    """
    unknown = [k for k in values if k not in _KEYS]
    if unknown:
        raise ShapeError(f"unknown key {unknown[0]!r}; a record has {', '.join(sorted(_KEYS))}")
    parts = {key: values.get(key) or {} for key in ("fields", "metadata", "responses")}
    for key, part in parts.items():
        if not isinstance(part, dict):
            raise ShapeError(f"{key} is not an object")
    said = {question: _agreed(question, given) for question, given in parts["responses"].items()}
    merged = {"id": values.get("id"), **parts["metadata"], **parts["fields"], **{k: v for k, v in said.items() if v is not None}}
    try:
        return Problem.model_validate(renamed(merged, {}))
    except (ValidationError, TypeError) as error:
        raise ShapeError(fault_of(error)) from None


def _agreed(question: str, given: Any) -> Any:
    """The value that all responses to a question have; None where there is none."""
    if not isinstance(given, list) or any(not isinstance(r, dict) for r in given):
        raise ShapeError(f"responses.{question} is not a list of responses")
    found = [r.get("value") for r in given if r.get("value") is not None]
    if any(value != found[0] for value in found):
        raise ShapeError(f"{len(found)} responses to {question!r} differ: {', '.join(str(v)[:20] for v in found[:3])}")
    return found[0] if found else None
