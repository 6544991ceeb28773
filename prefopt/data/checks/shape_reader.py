"""Read the rows of a file that are conversations, preferences or judged answers, by the rules of their format."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from prefopt.data.checks.check_types import Entry, Finding, Part
from prefopt.data.checks.finding_details import Detail, detail_of_record
from prefopt.data.formats import shapes
from prefopt.data.formats.answers import AnswerForm, text_answer
from prefopt.data.formats.messages import Comparison, Conversation, Judgment, Message
from prefopt.data.formats.openai_rows import LEAST_EXAMPLES
from prefopt.data.formats.problem_turns import judged_judgment, pair_comparison
from prefopt.data.formats.repeats import Repeats
from prefopt.data.formats.shape_faults import Faults, ShapeError, ShapeFault, fault
from prefopt.io.row import Row
from prefopt.records import Answer, Judged, Pair
from prefopt.texts.same_text import key

_TURN = 20
"""Characters of an earlier message of the user from which it counts as a question of its own."""


@dataclass
class Read:
    """What a row gave."""

    entries: list[Entry] = field(default_factory=list)
    """Its questions, for duplicates and leaks; of a conversation the last one has the label."""
    texts: list[tuple[str, str]] = field(default_factory=list)
    """(place, text) of everything else that a person or a model wrote."""


class ShapedRows:
    """The rows of one file that are not problems. Findings are appended to `findings`."""

    def __init__(self, number: int, part: Part, findings: list[Finding], form: AnswerForm) -> None:
        self.part = part
        """The file; when rows have been read, with their shape."""
        self.answers: list[Entry] = []
        """Answers of preferences, for the checks of labels alone."""
        self.count = 0
        """Rows that were read here."""
        self._number, self._findings, self._form = number, findings, form
        self._repeats, self._first = Repeats(form.label_key), 0
        self._given = part.shape
        self._questions: set[str] = set()
        self._texts: set[str] = set()

    def shape_of(self, row: Row) -> str:
        """The shape of a row; a finding where it is not that of the first row."""
        reading = self.part.reading
        named = any(name in row.values for name in (*reading.columns, *(column for _, column in reading.join)))
        shape = self._given or ("problems" if named else shapes.shape_of(self._kept(row)))
        if not self._first:
            self._first = row.line
            labeled = self.part.labeled if shape in ("problems", "argilla") or self.part.labeled is False else None
            self.part = replace(self.part, shape=shape, labeled=labeled)
        elif shape != self.part.shape:
            self._report(fault("shape-mixed", "two shapes", shape=shape, first=self.part.shape), row.line, self._first)
        return shape

    def read(self, row: Row, shape: str) -> Read:
        """The questions and texts of a row, as far as they can be read."""
        self.count += 1
        try:
            return self._read(shapes.unpacked(self._kept(row)), shape, row.line)
        except ShapeError as error:
            self._report(error.fault, row.line)
        except ValidationError as error:
            what = detail_of_record(error.errors()[0])
            self._findings.append(Finding("type-wrong", self.part.path, row.line, what))
        return Read()

    def _kept(self, row: Row) -> dict[str, Any]:
        return {name: value for name, value in row.values.items() if name not in self.part.reading.ignored}

    def finish(self) -> None:
        """Findings of the file as a whole."""
        if (self.part.shape or "").startswith("openai-") and 0 < self.count < LEAST_EXAMPLES:
            self._report(fault("examples-few", "few", count=self.count, needed=LEAST_EXAMPLES), self._first)

    def _read(self, values: Mapping[str, Any], shape: str, line: int) -> Read:
        faults: Faults = []
        found = self._record(values, shape) if shape in ("pairs", "judged") else shapes.read(values, shape, faults, self._form.label_key)
        for what in faults:
            self._report(what, line)
        if found is None:
            return Read()
        made = Read(texts=[*self._new_texts(found)])
        if isinstance(found, Conversation):
            self._add_conversation(found, line, made, is_whole=not faults)
        else:
            self._add_judgment(found, line, made, is_whole=not faults)
        return made

    def _record(self, values: Mapping[str, Any], shape: str) -> Comparison | Judgment | None:
        """A pair or a judged answer as messages; None for a tie, which has two answers and no preference."""
        kept = {name: value for name, value in values.items() if value is not None}
        if shape == "judged":
            return judged_judgment(Judged.model_validate(kept), "", self._form.label_key)
        pair = Pair.model_validate(kept)
        return None if pair.tie else pair_comparison(pair, "", self._form.label_key)

    def _add_conversation(self, found: Conversation, line: int, made: Read, *, is_whole: bool) -> None:
        asked = [m.content for m in found.messages if m.role == "user" and m.content.strip()]
        if not asked:
            return
        metadata, last = found.metadata or {}, found.messages[-1]
        answer = self._answer(last, line) if last.role == "assistant" and last.content.strip() else None
        if answer is None and is_whole:
            repeat = self._repeats.of(found, line)
            if repeat and repeat[0].kind == "contradiction":
                self._report(repeat[0], line, repeat[1])
        for number, text in enumerate(asked[:-1], 1):
            if len(text) >= _TURN and key(text) not in self._questions:
                self._questions.add(key(text))
                made.entries.append(self._entry(f"{self._place(line)}.{number}", text, line, None, {}))
        self._questions.add(key(asked[-1]))
        made.entries.append(self._entry(self._id(metadata, line), asked[-1], line, answer, metadata))

    def _add_judgment(self, found: Comparison | Judgment, line: int, made: Read, *, is_whole: bool) -> None:
        outputs = (found.completion,) if isinstance(found, Judgment) else (found.preferred, found.rejected)
        if is_whole and (repeat := self._repeats.of(found, line)):
            self._report(repeat[0], line, repeat[1])
        metadata = found.metadata or {}
        given = metadata.get("problem")
        problem: Mapping[str, Any] = given if isinstance(given, dict) else metadata
        asked = [m.content for m in found.prompt if m.role == "user" and m.content.strip()]
        for text in asked[-1:]:
            if key(text) not in self._questions:  # a question may have several preferences
                self._questions.add(key(text))
                made.entries.append(self._entry(self._id(problem, line), text, line, None, problem))
        for output in outputs:
            for message in output[-1:]:
                if message.role == "assistant" and message.content.strip() and (answer := self._answer(message, line)):
                    self.answers.append(self._entry(self._place(line), "", line, answer, {}))

    def _answer(self, message: Message, line: int) -> Answer | None:
        try:
            answer = text_answer(message.content, self._form)
            return answer if answer.reason or not message.thinking else answer.model_copy(update={"reason": message.thinking})
        except ShapeError as error:
            self._report(error.fault, line)
            return None

    def _entry(self, name: str, text: str, line: int, answer: Answer | None, known: Mapping[str, Any]) -> Entry:
        said = (value if isinstance(value := known.get(key), str) else None for key in ("family", "augmented", "figure", "figure_alt"))
        family, augmented, figure, alt = said
        if answer is None:
            return Entry(self._number, line, name, text, None, None, None, None, (), family, augmented, figure, alt)
        rest = (answer.label, answer.reason, answer.level, answer.difficulty, answer.concepts)
        return Entry(self._number, line, name, text, *rest, family, augmented, figure, alt)

    def _new_texts(self, found: shapes.Row) -> Iterator[tuple[str, str]]:
        """Messages that are no question, each text once: instructions are the same in every row."""
        for name in ("messages", "prompt", "completion", "preferred", "rejected"):
            messages: tuple[Message, ...] = getattr(found, name, ())
            for number, message in enumerate(messages):
                if message.role != "user" and message.content not in self._texts:
                    self._texts.add(message.content)
                    yield f"{name}.{number}", message.content

    def _id(self, known: Mapping[str, Any], line: int) -> str:
        given = known.get("id")
        return str(given) if isinstance(given, (str, int)) and not isinstance(given, bool) and given != "" else self._place(line)

    def _place(self, line: int) -> str:
        return f"{os.fspath(self.part.path)}:{line}"

    def _report(self, what: ShapeFault, line: int, other: int | None = None) -> None:
        where = None if other is None else (self.part.path, other)
        self._findings.append(Finding(what.kind, self.part.path, line, Detail(what.en, what.ko), where))
