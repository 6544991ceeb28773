"""Answers as texts: written as JSON, read as people and other programs write them.

An answer is a JSON object with the label under a key, alone or in a code fence, or the label alone. A label alone is accepted where the
taxonomy has it, because any other text would become a label in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from prefopt.data.formats.shape_faults import error
from prefopt.io.jsonl_reader import decode_json
from prefopt.io.row import Fault
from prefopt.readers.column_names import PROBLEM_COLUMNS, column_key
from prefopt.readers.problem_rows import fault_of
from prefopt.records import Answer
from prefopt.taxonomy import Taxonomy, normalize_code
from prefopt.texts.folded import fold
from prefopt.texts.personal_data import excerpt

_FENCE, _LANGUAGE = "```", re.compile(r"[\w-]*[ \t]*\n?")
_CODE = re.compile(r"\[\w{1,12}(?:-\d{1,3}){1,2}\]")
_REST = ("reason", "level", "difficulty", "concepts")
_LONGEST = 200
"""Characters of a label that stands alone."""


def _is_code(text: str) -> bool:
    """Whether a text is a code of the curriculum in any usual spelling, also one that the taxonomy does not have."""
    return _CODE.fullmatch(normalize_code(text)) is not None


@dataclass(frozen=True)
class AnswerForm:
    """How the answers of a file are read."""

    label_key: str = "standard"
    is_label: Callable[[str], bool] = _is_code
    """Whether a text of one line, alone, is a label."""

    @classmethod
    def of(cls, label_key: str, taxonomy: Taxonomy | None) -> AnswerForm:
        """Labels of a taxonomy and codes of the curriculum; of None, any text of one line."""
        if taxonomy is None:
            return cls(label_key, lambda text: len(text) <= _LONGEST)
        return cls(label_key, lambda text: taxonomy.find(text) is not None or _is_code(text))


def answer_text(answer: Answer, label_key: str) -> str:
    """An answer as JSON: the label first, the reason last."""
    values = answer.model_dump(mode="json", exclude_none=True)
    rest = {key: values[key] for key in ("level", "difficulty", "concepts", "reason") if values.get(key) not in (None, [])}
    return json.dumps({label_key: values["label"], **rest}, ensure_ascii=False, separators=(",", ":"))


def text_answer(text: str, form: AnswerForm) -> Answer:
    """Read an answer. Raises ShapeError with the keys that it has, where the label is under another one."""
    values = _object_of(text)
    if values is None:
        label = _label_of(text)
        if label and "\n" not in label and form.is_label(label):
            return Answer(label=label)
        raise error("answer-unread", "no key", key=form.label_key, text=excerpt(text, 60))
    if form.label_key not in values:
        texts = [key for key, value in values.items() if isinstance(value, str)]
        likely = [key for key in texts if form.is_label(values[key])] or texts
        hint = f"--label-key {likely[0]}" if likely else ""
        raise error("answer-unread", "other keys", hint=hint, key=form.label_key, keys=", ".join(map(repr, values)) or "none")
    try:
        label = values.pop(form.label_key)
        return Answer(label=label, **_renamed(values))
    except (ValidationError, TypeError) as cause:
        raise error("answer-unread", "answer values", why=fault_of(cause)) from None


def meaning(text: str, label_key: str) -> str:
    """What all spellings of an answer share: of JSON without spaces, order of keys and empty values, with and without a fence."""
    values = _object_of(text)
    if values is None:
        return _spelled(_label_of(text))
    kept = {key: value for key, value in values.items() if value not in (None, [], "")}
    if list(kept) == [label_key] and isinstance(kept[label_key], str):
        return _spelled(kept[label_key])
    return json.dumps(_folded(kept), ensure_ascii=False, sort_keys=True)


def answer_meaning(answer: Answer) -> str:
    """As `meaning`, of an answer that has been read."""
    return meaning(answer_text(answer, "label"), "label")


def _object_of(text: str) -> dict[str, Any] | None:
    """The object of JSON text, alone or in a code fence; None for any other text. A key that occurs twice is no object."""
    inner = _inside(text)
    if not inner.startswith("{"):
        return None
    value = decode_json(inner, 1)
    return value if isinstance(value, dict) and not isinstance(value, Fault) else None


def _inside(text: str) -> str:
    """A text without the code fence around the whole of it."""
    shown = text.strip()
    if not (shown.startswith(_FENCE) and shown.endswith(_FENCE) and len(shown) >= 2 * len(_FENCE)):
        return shown
    inner = shown.removeprefix(_FENCE).removesuffix(_FENCE)
    return _LANGUAGE.sub("", inner, count=1).strip()


def _label_of(text: str) -> str:
    """A text without a code fence and without the quotes of a JSON text."""
    inner = _inside(text)
    if inner.startswith('"') and inner.endswith('"'):
        value = decode_json(inner, 1)
        return value.strip() if isinstance(value, str) else inner
    return inner


def _renamed(values: dict[str, Any]) -> dict[str, Any]:
    """The values beside the label, under the keys of an Answer: 근거 and rationale are the reason, as in the columns of a file."""
    meant = {key: PROBLEM_COLUMNS.get(column_key(key), key) for key in values}
    kept = {key: name if name in _REST and name not in values else key for key, name in meant.items()}
    return {kept[key]: value for key, value in values.items()}


def _spelled(text: str) -> str:
    return normalize_code(fold(text))


def _folded(value: Any) -> Any:
    if isinstance(value, str):
        return _spelled(value)
    if isinstance(value, list):
        return [_folded(item) for item in value]
    if isinstance(value, dict):
        return {key: _folded(item) for key, item in value.items()}
    return value
