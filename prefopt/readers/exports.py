"""Rows as annotation programs export them: Label Studio, doccano, Prodigy and Argilla, recognized by their keys.

`Exports.plain` turns such a row into columns and values; what cannot be one label is a fault, and what is no label is counted.

    Label Studio   {"id", "data": {…}, "annotations": [{"result": [{"type": "choices", "value": {"choices": ["A"]}}], "was_cancelled"}]}
                   and as JSON-MIN or CSV {"id", "text", "NAME OF THE CONTROL": "A", "annotator", "annotation_id", "lead_time" …}
    doccano        {"id", "text" or "data", "label": ["A"], "Comments": […]}; spans of sequence labeling are [start, end, "A"]
    Prodigy        {"text", "label" or "options" and "accept": ["A"], "answer": "accept" | "reject" | "ignore", "_input_hash" …}
    Argilla        {"id", "fields": {…}, "responses": {"label": [{"value": "A", "user_id"}]}, "metadata", "status"}

Sources: labelstud.io/guide/export (JSON, JSON-MIN, CSV), doccano's export of text classification, prodi.gy/docs/api-interfaces
(classification, choice), Argilla's `records.to_json`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from prefopt.io.row import Fault, Note, Row
from prefopt.readers.column_names import PROBLEM_COLUMNS, column_key

ARGILLA_KEYS = {"id", "fields", "metadata", "suggestions", "responses", "vectors", "status", "_server_id", "_score"}
_STUDIO_FLAT = {"annotator", "annotation_id", "created_at", "updated_at", "lead_time"}
_PRODIGY = {
    "_input_hash", "_task_hash", "_session_id", "_annotator_id", "_view_id", "_timestamp", "_is_binary", "answer", "options", "accept",
    "config", "meta", "tokens", "spans", "version", "priority", "score", "style", "html",
}  # fmt: skip
_DOCCANO = {"id", "data", "label", "Comments", "comments", "meta"}
_ANSWERS = ("accept", "reject", "ignore")


class ExportError(ValueError):
    """An export's row is no problem with one label. `kind` is one of findings, `values` are the facts of the message."""

    def __init__(self, message: str, kind: str = "label-several", values: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.kind, self.values = kind, values


class Exports:
    """Reads the rows of one file, and counts what is no label."""

    def __init__(self) -> None:
        self._program: str | None = None
        self._first = 1
        self._passed: Counter[str] = Counter()

    def plain(self, row: Row) -> Row | Fault | None:
        """The row as columns and values; None where it is not a problem that was annotated."""
        values = row.values
        program = _program_of(values)
        if program is None and not isinstance(_labels_of(values), list):
            return row
        if program is not None and self._program is None:
            self._program, self._first = program, row.line
        try:
            found = self._read(program, values)
            return None if found is None else replace(row, values=_one_label(found))
        except ExportError as error:
            return Fault(row.line, error.kind, str(error), error.values, row.sheet)

    def notes(self) -> Iterator[Note]:
        """What to say of the file at its end."""
        if self._program is not None:
            yield Note(self._first, "export", f"read as an export of {self._program}", (self._program,))
        if self._passed:
            what = ", ".join(f"{count:,} {why}" for why, count in sorted(self._passed.items()))
            yield Note(self._first, "not-a-label", f"no labels: {what}", (what,))

    def _read(self, program: str | None, values: Mapping[str, Any]) -> dict[str, Any] | None:
        if program == "Label Studio":
            return self._of_label_studio(values) if "data" in values else _of_label_studio_flat(values)
        if program == "Prodigy":
            return self._of_prodigy(values)
        if program == "Argilla":
            return argilla_values(values)
        return _of_doccano(values)

    def _of_label_studio(self, values: Mapping[str, Any]) -> dict[str, Any]:
        data = dict(values["data"])
        if not any(PROBLEM_COLUMNS.get(column_key(name)) == "id" for name in data):
            data = {"id": str(values.get("id", "")), **data}
        chosen: dict[str, list[str]] = {}
        notes: dict[str, str] = {}
        for annotation in _objects(values.get("annotations", values.get("completions"))):
            if annotation.get("was_cancelled") or annotation.get("skipped"):
                self._passed["annotations that were skipped"] += 1
                continue
            for control, labels in _choices(annotation, notes).items():
                if chosen.setdefault(control, labels) != labels:
                    shown = f"{', '.join(chosen[control])} / {', '.join(labels)}"
                    raise ExportError(f"annotators chose differently: {shown}", "annotators-differ", (shown,))
        named = {control: PROBLEM_COLUMNS.get(column_key(control)) for control in chosen}
        free = [control for control, key in named.items() if key is None]
        if len(free) > 1 or (free and "label" in named.values()):
            raise ExportError(f"choices of several questions: {', '.join(chosen)}", values=(", ".join(chosen),))
        for control, labels in chosen.items():
            key = named[control] or "label"
            data[key] = labels[0] if len(labels) == 1 and key not in ("label", "concepts") else labels
        return {**data, **notes}

    def _of_prodigy(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        if values["answer"] != "accept":
            self._passed[{"reject": "rows that were rejected", "ignore": "rows that were ignored"}[values["answer"]]] += 1
            return None
        found = {key: value for key, value in values.items() if key not in _PRODIGY}
        meta = values.get("meta")
        if "id" not in found and isinstance(meta, dict) and isinstance(meta.get("id"), (str, int)):
            found["id"] = str(meta["id"])
        if isinstance(values.get("accept"), list):
            found["label"] = values["accept"]
        elif "label" not in found and values.get("spans"):
            raise ExportError("labels of parts of the text, not of the text", "label-spans")
        return found


def _program_of(values: Mapping[str, Any]) -> str | None:
    if isinstance(values.get("data"), dict) and isinstance(values.get("annotations", values.get("completions")), list):
        return "Label Studio"
    if "annotation_id" in values and len(_STUDIO_FLAT & values.keys()) >= 3:
        return "Label Studio"
    if values.get("answer") in _ANSWERS and _PRODIGY & (values.keys() - {"answer", "version", "score", "meta"}):
        return "Prodigy"
    if "fields" in values and values.keys() & {"responses", "metadata", "status"}:
        return "Argilla"
    if "label" in values and isinstance(values.get("data"), str) and values.keys() <= _DOCCANO:
        return "doccano"
    if "Comments" in values and "label" in values:
        return "doccano"
    return None


def _labels_of(values: Mapping[str, Any]) -> Any:
    """The value of the column of the label."""
    return next((value for name, value in values.items() if PROBLEM_COLUMNS.get(column_key(name)) == "label"), values.get("labels"))


def _one_label(values: dict[str, Any]) -> dict[str, Any]:
    """The row with one label in place of a list of one; an empty list is no label."""
    name = next((n for n in values if PROBLEM_COLUMNS.get(column_key(n)) == "label"), "labels" if "labels" in values else None)
    found = values.get(name) if name is not None else None
    if name is None or not isinstance(found, list):
        return values
    if any(isinstance(label, (list, dict)) for label in found):
        raise ExportError("labels of parts of the text, not of the text", "label-spans")
    rest = {key: value for key, value in values.items() if key != name}
    if not found:
        return rest
    if len({*map(str, found)}) > 1:
        shown = ", ".join(map(str, found))[:80]
        raise ExportError(f"{len(found)} labels: {shown}", values=(shown,))
    return {**rest, "label" if name == "labels" else name: found[0]}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _choices(annotation: Mapping[str, Any], notes: dict[str, str]) -> dict[str, list[str]]:
    """The choices of an annotation by the name of their control; texts that a person wrote for a known column go to `notes`."""
    found: dict[str, list[str]] = {}
    for result in _objects(annotation.get("result")):
        value, control = result.get("value"), str(result.get("from_name", "label"))
        if not isinstance(value, dict):
            continue
        if result.get("type") == "textarea":
            if PROBLEM_COLUMNS.get(column_key(control)) in ("reason", "concepts") and isinstance(value.get("text"), list):
                notes[control] = "\n".join(map(str, value["text"]))
        elif isinstance(value.get("choices"), list):
            found.setdefault(control, []).extend(map(str, value["choices"]))
        elif isinstance(value.get("taxonomy"), list):
            found.setdefault(control, []).extend(str(way[-1]) for way in value["taxonomy"] if isinstance(way, list) and way)
        elif "start" in value or "labels" in value:
            raise ExportError("labels of parts of the text, not of the text", "label-spans")
    return found


def _of_label_studio_flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """A row of JSON-MIN or CSV. The only column that nothing else explains is the control's."""
    found = {key: _parsed(value) for key, value in values.items() if key not in _STUDIO_FLAT}
    for name, value in found.items():
        if isinstance(value, dict) and isinstance(value.get("choices"), list):
            found[name] = value["choices"]
        elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
            raise ExportError("labels of parts of the text, not of the text", "label-spans")
    unknown = [name for name in found if column_key(name) not in PROBLEM_COLUMNS]
    if len(unknown) == 1 and _labels_of(found) is None:
        found["label"] = found.pop(unknown[0])
    if isinstance(found.get("id"), int):
        found["id"] = str(found["id"])
    return found


def _of_doccano(values: Mapping[str, Any]) -> dict[str, Any]:
    found = {"text" if key == "data" else key: _parsed(value) if key == "label" else value for key, value in values.items()}
    label = found.get("label")
    if isinstance(values.get("data"), str) and isinstance(label, str) and "#" in label:  # how its CSV joins several
        found["label"] = [part for part in label.split("#") if part]
    comments = found.get("Comments", found.get("comments"))
    return {key: value for key, value in found.items() if key not in ("Comments", "comments") or (comments and key not in values)}


def argilla_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields, metadata and agreed responses of a record of Argilla as one row. Raises ExportError."""
    unknown = [k for k in values if k not in ARGILLA_KEYS]
    if unknown:
        raise ExportError(f"unknown key {unknown[0]!r}; a record has {', '.join(sorted(ARGILLA_KEYS))}", "key-unknown")
    parts = {key: _parsed(values.get(key)) or {} for key in ("fields", "metadata", "responses")}
    for key, part in parts.items():
        if not isinstance(part, dict):
            raise ExportError(f"{key} is not an object", "type-wrong")
    answers = {question: _agreed(question, responses) for question, responses in parts["responses"].items()}
    return {"id": values.get("id"), **parts["metadata"], **parts["fields"], **{k: v for k, v in answers.items() if v is not None}}


def _agreed(question: str, responses: Any) -> Any:
    """The value of all responses to a question; None where there is none."""
    if not isinstance(responses, list) or any(not isinstance(r, dict) for r in responses):
        raise ExportError(f"responses.{question} is not a list of responses", "type-wrong")
    values = [r.get("value") for r in responses if r.get("value") is not None]
    if any(value != values[0] for value in values):
        shown = ", ".join(str(v)[:20] for v in values[:3])
        raise ExportError(f"{len(values)} responses to {question!r} differ: {shown}", "annotators-differ", (shown,))
    return values[0] if values else None


def _parsed(value: Any) -> Any:
    """The list or object that a cell of a table holds as JSON."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            pass
    return value
