"""Convert rows to problems and back: columns, lists inside one cell, ids, exports of annotation programs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefopt.errors import DataError
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.column_names import KEYS as KEYS
from prefopt.readers.column_names import PROBLEM_COLUMNS, column_key
from prefopt.readers.exports import Exports, program_of
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.row_columns import Columns
from prefopt.readers.row_reader import faultless, scan
from prefopt.records import Problem, content_id
from prefopt.texts.label_codes import read_cell, revision_of
from prefopt.texts.same_text import key as text_key

DIFFICULTIES = {"최하": 1, "하": 2, "중": 3, "상": 4, "최상": 5}
"""The words of Korean item cards on the scale of 1 to 5."""
REVISION = ("revision", "교육과정", "개정")
"""column_key of columns with the revision of the curriculum that a row's label is of: 2022, "2015 개정"."""
BEFORE_TEXT = ("body", "passage", "context", "paragraph", "제시문", "자료", "조건")
AFTER_TEXT = ("choices", "options", "보기", "선택지", "선지")
"""column_key of columns that hold a part of the text in files that divide it."""


def scan_problems(path: Path, options: ReadOptions = AS_IT_IS) -> Iterator[Row | Fault]:
    """Stream the rows of a file of problems under the keys of a Problem, with faults and Notes; values are not validated.

    Args:
        path: see prefopt.readers.row_reader.
        options: which column is what.

    Raises:
        DataError: no such file, or an unknown kind of file.
    """
    return problem_rows(scan(path, options), options)


def problem_rows(found: Iterable[Row | Fault], options: ReadOptions = AS_IT_IS) -> Iterator[Row | Fault]:
    """As `scan_problems`, of rows that are read already."""
    made = _Problems(options)
    for row in found:
        if isinstance(row, Fault):
            yield row
        elif (problem := made.read(row)) is not None:
            yield problem
    yield from made.at_the_end()


def read_problem_rows(path: Path, options: ReadOptions = AS_IT_IS) -> Iterator[tuple[Row, Problem]]:
    """Stream the problems of a file, each with its row; Notes are logged.

    Raises:
        DataError: with file and line: an unreadable row, an unknown column, an invalid value.
    """
    for row in faultless(scan_problems(path, options), path):
        yield row, problem_of(row, path, options)


def read_problems_of(path: Path, options: ReadOptions = AS_IT_IS) -> Iterator[Problem]:
    """Stream the problems of a file of any kind. Raises as `read_problem_rows`."""
    return (problem for _, problem in read_problem_rows(path, options))


_PREFERENCES = {"preferred_output", "non_preferred_output", "chosen", "rejected"}


class _Problems:
    """Reads the rows of one file: the first one tells whether it has ids."""

    def __init__(self, options: ReadOptions) -> None:
        self._options, self._columns, self._exports = options, Columns(options), Exports()
        self._makes_ids: bool | None = None
        self._made: dict[str, int] = {}
        self._words: list[int] = []
        self._joined = False
        self._seen: dict[str, None] = {}
        self._first = 1

    def read(self, row: Row) -> Row | Fault | None:
        """The row under the keys of a Problem; None where it is not to be read."""
        plain = self._exports.plain(self._without_ignored(row))
        if not isinstance(plain, Row):
            return plain if plain is None or not row.sheet else replace(plain, detail=f"sheet {row.sheet}: {plain.detail}")
        if len(self._seen) < 50:
            self._seen |= dict.fromkeys(map(str, plain.values))
        plan = self._columns.plan(tuple(plain.values))
        if plan.clash is not None:
            return self._clash(row, *plan.clash)
        self._joined |= bool(plan.joined)
        values = _from_cells(_with_revision(plan.values(plain.values)))
        if isinstance(word := values.get("difficulty"), str) and (level := DIFFICULTIES.get(word.strip())) is not None:
            values["difficulty"] = level
            self._words.append(row.line)
        if self._makes_ids is None:
            self._makes_ids, self._first = "id" not in values, row.line
        if self._makes_ids and "id" not in values and isinstance(values.get("text"), str) and values["text"].strip():
            values = {"id": self._id_of(values["text"]), **values}
        return replace(row, values=values)

    def _without_ignored(self, row: Row) -> Row:
        """The row of an export without what is skipped; of other rows it is Columns that skips."""
        skipped = [name for name in self._options.ignored if name in row.values and column_key(name) not in PROBLEM_COLUMNS]
        program = program_of(row.values) if skipped else None
        left = {name: value for name, value in row.values.items() if name not in skipped}
        if program is None or (program_of(left) != program and program != "doccano"):  # a row of doccano is a plain one without Comments
            return row
        self._columns.met.update(skipped)
        return replace(row, values=left)

    def at_the_end(self) -> Iterator[Fault]:
        """What concerns the file as a whole."""
        yield from self._exports.notes()
        if self._words:
            what = "the words of the difficulty were read as " + ", ".join(f"{word} = {level}" for word, level in DIFFICULTIES.items())
            yield Note(self._words[0], "difficulty-words", f"{what}: {len(self._words):,} rows", (len(self._words),))
        if self._made:
            again = sum(self._made.values()) - len(self._made)
            what = f"the file has no ids: {len(self._made) + again:,} were made from the texts; {again:,} texts occur again"
            yield Note(self._first, "ids-made", what, (len(self._made) + again, again))
        absent = self._columns.absent if self._seen else ()
        if half := [column for _, column in self._options.join if self._joined and column in absent]:
            what = f"no row has a column {half[0]!r}: every text would lack its part"
            yield Fault(self._first, "join-incomplete", what, (half[0],))
        if self._options.of == "options" and (names := [name for name in absent if name not in half]):
            known = ", ".join(self._seen)[:200]
            what = f"no row has a column {', '.join(map(repr, names))}; columns: {known}"
            yield Note(self._first, "column-absent", what, (", ".join(map(repr, names)), known))

    def _id_of(self, text: str) -> str:
        """An id that all spellings of a text share; a repeated text has its number behind."""
        name = content_id(text_key(text))
        count = self._made[name] = self._made.get(name, 0) + 1
        return name if count == 1 else f"{name}-{count}"

    def _clash(self, row: Row, key: str, columns: tuple[str, ...]) -> Fault:
        ways = [f"skip one: {self._options.skipping(columns[1:])}"]
        if not any(column in self._options.columns for column in columns):
            ways.append(f"say which it is: {self._options.naming(key, columns[0])} and {self._options.skipping(columns[1:])}")
        if key == "text":
            ways[1:] = [f"or make one text of them: {self._options.joining(columns)}"]
        shown = " and ".join(map(repr, columns))
        where = f"sheet {row.sheet}: " if row.sheet else ""
        return Fault(
            row.line,
            "column-ambiguous",
            f"{where}the columns {shown} both mean {key}; {'; '.join(ways)}",
            (", ".join(map(repr, columns)), key),
            row.sheet,
        )


def renamed(values: Mapping[str, Any], options: ReadOptions = AS_IT_IS) -> dict[str, Any]:
    """A row's values under the keys of a Problem. Other columns keep their names."""
    return _from_cells(_with_revision(Columns(options).plan(tuple(values)).values(values)))


def _with_revision(values: dict[str, Any]) -> dict[str, Any]:
    """The label with the revision that a column of its own says; a column with anything else stays, and is an unknown one."""
    names = [name for name in values if column_key(name) in REVISION]
    column = next((name for name in names if values[name] is not None and (not values[name] or revision_of(values[name]))), None)
    if column is None:
        return values
    revision, label = revision_of(values.pop(column)), values.get("label")
    if revision and isinstance(label, str) and label.strip() and not read_cell(label).revision:
        values["label"] = f"{revision}:{label.strip()}"
    return values


def _from_cells(values: dict[str, Any]) -> dict[str, Any]:
    """Parse numbers and lists that a cell stores as text, and ids and texts that a sheet stores as numbers."""
    concepts, difficulty, name = values.get("concepts"), values.get("difficulty"), values.get("id")
    if isinstance(concepts, str):
        values["concepts"] = _listed(concepts)
    if isinstance(difficulty, str) and len(difficulty) < 9 and difficulty.strip().removesuffix(".0").lstrip("-").isdecimal():
        values["difficulty"] = int(difficulty.strip().removesuffix(".0"))
    if isinstance(name, int) and not isinstance(name, bool) and name.bit_length() < 64:
        values["id"] = str(name)
    return values


def _listed(cell: str) -> Any:
    if cell.startswith("["):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, list):
            return value
    return [part.strip() for part in cell.replace(",", "|").split("|") if part.strip()]


def problem_of(row: Row, path: Path, options: ReadOptions = AS_IT_IS) -> Problem:
    """A row of `scan_problems` as a problem. Raises DataError with file and line."""
    name = row.values.get("id")
    where = f"sheet {row.sheet}: " if row.sheet else ""
    where += f"row {name!r}: " if isinstance(name, str) and name else ""
    if any(map(_is_conversation, row.values.values())) or (_PREFERENCES & row.values.keys() and "text" not in row.values):
        is_preference = bool(_PREFERENCES & row.values.keys())
        what, hint = (
            ("a preference", "give a file of problems; preferences are read by `prefopt data check`, `convert` and `mask`")
            if is_preference
            else ("a conversation", f"prefopt data convert {shlex.quote(str(path))} NEW.jsonl --to problems")
        )
        raise DataError(f"{where}{what}, not a problem", path=path, line=row.line, hint=hint)
    if unknown := tuple(k for k in row.values if k not in KEYS):
        what = f"{where}unknown column {', '.join(map(repr, unknown))}"
        raise DataError(what, path=path, line=row.line, hint=_way_on(row.values, unknown, options))
    try:
        return Problem.model_validate_json(json.dumps(row.values, ensure_ascii=False, allow_nan=False, default=str))
    except (ValidationError, ValueError) as error:
        hint = "fix or delete this row" if "text" in row.values else f"say which column is the text: {options.naming('text', 'COLUMN')}"
        raise DataError(f"{where}{fault_of(error)}", path=path, line=row.line, hint=hint) from None


def _way_on(values: Mapping[str, Any], unknown: tuple[str, ...], options: ReadOptions) -> str:
    """What to type for columns that no problem has."""
    skip = f"skip it: {options.skipping(unknown)}; known: {', '.join(KEYS)}"
    for column in unknown if "text" in values and not options.join else ():
        if column_key(column) in BEFORE_TEXT:
            return f"if {column!r} is part of the text: {options.joining((column, 'text'))}; or {skip}"
        if column_key(column) in AFTER_TEXT:
            return f"if {column!r} is part of the text: {options.joining(('text', column), mark='|')}; or {skip}"
    lacking = next((key for key in ("text", "label") if key not in values), None)
    return f"if {unknown[0]!r} holds the {lacking}: {options.naming(lacking, unknown[0])}; or {skip}" if lacking else skip


def _is_conversation(value: Any) -> bool:
    """Whether a value is a list of messages."""
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) and ({"role", "from"} & turn.keys()) for turn in value)


def fault_of(error: Exception) -> str:
    """The first fault of a row in one line: key, value, message."""
    if not isinstance(error, ValidationError):
        return str(error)[:200]
    first = error.errors()[0]
    key, shown = ".".join(str(p) for p in first["loc"]), repr(first["input"])
    if first["type"] == "missing":
        return f"key {key!r} is missing"
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}"
    shown = shown if len(shown) <= 60 else f"{shown[:57]}… ({len(shown):,} characters)"
    return f"{key} = {shown}: {first['msg'].removeprefix('Value error, ')}"


def row_of(problem: Problem) -> dict[str, Any]:
    """A problem as keys and values, without values that it lacks."""
    values = problem.model_dump(mode="json", exclude_none=True)
    if not problem.concepts:
        values.pop("concepts", None)
    return values
