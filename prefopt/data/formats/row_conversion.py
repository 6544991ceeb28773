"""Convert single rows, and remember what is repeated or left out on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prefopt.data.formats import shapes
from prefopt.data.formats.answers import AnswerForm, answer_meaning, answer_text
from prefopt.data.formats.argilla_records import record_of
from prefopt.data.formats.equation_scripts import EquationScripts
from prefopt.data.formats.messages import Comparison, Conversation, Judgment, Message
from prefopt.data.formats.openai_rows import left_out
from prefopt.data.formats.problem_turns import (
    OF_PAIR,
    OF_PROBLEM,
    comparison_pair,
    conversation_problem,
    judged_judgment,
    judgment_judged,
    pair_comparison,
    problem_conversation,
)
from prefopt.data.formats.repeats import Repeats
from prefopt.data.formats.shape_faults import Faults, ShapeError, error
from prefopt.errors import DataError
from prefopt.io.row import Row
from prefopt.readers.options import ReadOptions
from prefopt.readers.problem_rows import problem_of, row_of
from prefopt.records import Judged, Pair, Problem
from prefopt.texts.personal_data import excerpt

RECORDS = ("problems", "argilla", "pairs", "judged")
"""Shapes whose rows need ids of their own."""
_SHOWN = 3  # pairs of lines that a note lists


class Conversion:
    """The function from a row of one shape to the values of another of its family."""

    def __init__(
        self,
        shape: str,
        to: str,
        path: Path,
        instructions: str,
        form: AnswerForm,
        reading: ReadOptions,
        metadata: bool,
        scripts: EquationScripts | None = None,
    ) -> None:
        self.shape, self._reading, self._scripts = shape, reading, scripts
        self._to, self._path, self._instructions, self._form, self._metadata = to, path, instructions, form, metadata
        self._repeats, self._ids = Repeats(form.label_key), dict[str, int]()
        self._repeated: dict[str, list[tuple[int, int]]] = {}
        self._dropped: dict[str, int] = {}
        self.has_metadata = False
        """Whether a row was written with metadata."""

    def __call__(self, row: Row) -> dict[str, Any]:
        """The values of the converted row.

        Raises:
            ShapeError: the row does not have its shape, or the other shape cannot express it.
            ValidationError: a record with invalid values.
            DataError: two rows that would have one id.
        """
        if self.shape in ("problems", "argilla"):
            return self._of_problem(problem_of(row, self._path, self._reading), row.line)
        values = shapes.unpacked({name: value for name, value in row.values.items() if name not in self._reading.ignored})
        if self.shape == "pairs":
            return self._of_pair(Pair.model_validate_json(_json(values)), row.line)
        if self.shape == "judged":
            return self._of_judged(Judged.model_validate_json(_json(values)), row.line)
        faults: Faults = []
        found = shapes.read(values, self.shape, faults, self._form.label_key)
        if faults or found is None:
            raise ShapeError(faults[0])
        for name in left_out(values):
            self._drop(name)
        if self._to in RECORDS:
            return self._record(found, row.line)
        self._note_repeat(found, row.line)
        return self._written(found)

    def notes(self) -> Iterator[str]:
        """What a person should know about the rows so far."""
        for what, places in self._repeated.items():
            shown = "; ".join(f"lines {first} and {line}" for first, line in places[:_SHOWN])
            yield f"{what}: {shown}{f'; and {len(places) - _SHOWN:,} more' if len(places) > _SHOWN else ''}"
        if self._dropped:
            yield f"left out: {', '.join(f'{name} ({count:,} rows)' for name, count in self._dropped.items())}"

    def _of_problem(self, problem: Problem, line: int) -> dict[str, Any]:
        self._refuse_id(problem.id, line)
        problem = self._scripts(problem) if self._scripts else problem
        if self._to in RECORDS:
            return row_of(problem) if self._to == "problems" else record_of(problem)
        made = problem_conversation(problem, self._instructions, self._form.label_key)
        self._note_repeat(made, line)
        return self._written(made)

    def _of_pair(self, pair: Pair, line: int) -> dict[str, Any]:
        if self._to == "pairs":
            if not pair.tie and answer_meaning(pair.chosen) == answer_meaning(pair.rejected):
                raise error("preference-equal", "equal", text=excerpt(answer_text(pair.chosen, self._form.label_key), 60))
            return pair.model_dump(mode="json", exclude_none=True)
        made = pair_comparison(pair, self._instructions, self._form.label_key)
        self._note_repeat(made, line)
        return self._written(made)

    def _of_judged(self, judged: Judged, line: int) -> dict[str, Any]:
        if self._to == "judged":
            return judged.model_dump(mode="json", exclude_none=True)
        made = judged_judgment(judged, self._instructions, self._form.label_key)
        self._note_repeat(made, line)
        return self._written(made)

    def _record(self, row: shapes.Row, line: int) -> dict[str, Any]:
        """A problem, a pair or a judged answer. Where its id comes from its text, a row that repeats another one is refused."""
        known = OF_PROBLEM if isinstance(row, Conversation) else OF_PAIR
        metadata = row.metadata or {}
        for name in metadata:
            if name not in known and name != "id":
                self._drop(f"metadata.{name}")
        self._drop_of_messages(row)
        if isinstance(row, Conversation):
            problem = conversation_problem(row, self._form)
            self._see(row, line, named="id" in metadata)
            self._refuse_id(problem.id, line)
            problem = self._scripts(problem) if self._scripts else problem
            return row_of(problem) if self._to == "problems" else record_of(problem)
        made: Pair | Judged = comparison_pair(row, self._form) if isinstance(row, Comparison) else judgment_judged(row, self._form)
        self._see(row, line, named="slate_id" in metadata)
        return made.model_dump(mode="json", exclude_none=True)

    def _see(self, row: shapes.Row, line: int, *, named: bool) -> None:
        if named:
            self._note_repeat(row, line)
        elif repeat := self._repeats.of(row, line):
            found, first = repeat
            what = f"{found.en}: lines {first} and {line} ({found.kind})"
            raise DataError(what, path=self._path, line=line, hint="delete one of the two")

    def _note_repeat(self, row: shapes.Row, line: int) -> None:
        if repeat := self._repeats.of(row, line):
            found, first = repeat
            self._repeated.setdefault(f"{found.en} ({found.kind})", []).append((first, line))

    def _refuse_id(self, name: str, line: int) -> None:
        first = self._ids.setdefault(name, line)
        if first != line:
            raise DataError(f"id {name!r} is already in line {first}", path=self._path, line=line, hint="delete one of the two")

    def _drop(self, name: str) -> None:
        self._dropped[name] = self._dropped.get(name, 0) + 1

    def _drop_of_messages(self, row: shapes.Row) -> None:
        """Remember the names of messages, which records do not have."""
        if any(m.name is not None for m in _messages(row)):
            self._drop("name of a message")

    def _written(self, row: shapes.Row) -> dict[str, Any]:
        kept = row if self._metadata else row.model_copy(update={"metadata": None})
        self.has_metadata |= kept.metadata is not None
        return shapes.write(kept, self._to, self._form.label_key)


def _messages(row: shapes.Row) -> tuple[Message, ...]:
    if isinstance(row, Conversation):
        return row.messages
    if isinstance(row, Judgment):
        return (*row.prompt, *row.completion)
    return (*row.prompt, *row.preferred, *row.rejected)


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in values.items() if value is not None}, ensure_ascii=False)
