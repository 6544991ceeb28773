"""Convert a file to another kind of file and another shape of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefopt.config import INSTRUCTIONS_KO
from prefopt.data.formats import shapes
from prefopt.data.formats.answers import AnswerForm
from prefopt.data.formats.equation_scripts import EquationScripts
from prefopt.data.formats.openai_rows import LEAST_EXAMPLES
from prefopt.data.formats.row_conversion import Conversion
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.data.formats.shape_faults import ShapeError, fault
from prefopt.errors import ConfigError, DataError
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.problem_rows import fault_of, problem_rows
from prefopt.readers.row_reader import faultless, scan


@dataclass(frozen=True)
class ConversationSettings:
    """What conversations need and problems lack."""

    instructions: str = INSTRUCTIONS_KO
    label_key: str = "standard"
    reading: ReadOptions = AS_IT_IS
    """Which column of the source is what; for problems."""
    metadata: bool = True
    """Keep id, family, weight … as metadata, so that the round trip is exact."""
    answers: AnswerForm | None = None
    """How answers are read; None: JSON with the label under `label_key`, or a code of the curriculum alone."""
    scripts: EquationScripts | None = None
    """Converts the equation script of problems, where it is given."""


def convert(
    source: Path,
    target: Path,
    to: str,
    settings: ConversationSettings,
    shape: str | None = None,
    on_note: Callable[[str], None] | None = None,
) -> tuple[int, str]:
    """Convert the rows of a file.

    Args:
        source: any file of prefopt.readers.row_reader.
        target: its suffix selects the kind of file.
        to: one of shapes.SHAPES.
        settings: instructions, key of the label, columns.
        shape: of the source; None: detected from its first row.
        on_note: called with each thing that a person should know: repeated questions, values that are left out, too few examples.

    Returns:
        (rows written, shape of the source).

    Raises:
        DataError: with file and line: a row that does not have its shape or does not fit the other one, or two rows that would have one id.
        ConfigError: an unknown shape, or one whose family is another one.
    """
    for name in filter(None, (to, shape)):
        if name not in shapes.SHAPES:
            raise ConfigError(f"unknown shape {name!r}", hint=f"known: {', '.join(shapes.SHAPES)}")
    scanned = scan(source, settings.reading)
    before: list[Row | Fault] = []
    for found in scanned:
        before.append(found)
        if not isinstance(found, Note):
            break
    else:
        raise DataError("the file contains no row", path=source, hint="give a file with rows")
    reading = settings.reading
    known = shape or (shape_of_row(before[-1], reading) if isinstance(before[-1], Row) else "problems")
    is_problem = known in ("problems", "argilla")
    if not is_problem and (reading.columns or reading.join):
        raise ConfigError(f"the file holds rows of the shape {known}, with fixed keys", hint="leave out --columns and --join")
    _refuse_family(known, to, source, before[-1].line)
    if settings.scripts is not None and not {known, to} & {"problems", "argilla"}:
        raise ConfigError(
            f"--hwp-equations converts problems, and neither {known} nor {to} contains problems",
            hint=f"prefopt data convert {source} problems.jsonl --to problems --hwp-equations"
            if known in shapes.EXAMPLES
            else f"prefopt data convert {source} OUT --to {to}",
        )
    form = settings.answers or AnswerForm(settings.label_key)
    conversion = Conversion(known, to, source, settings.instructions, form, reading, settings.metadata, settings.scripts)
    whole = chain(before, scanned) if shape else _of_one_shape(chain(before, scanned), known, source, reading)
    rows = faultless(problem_rows(whole, reading) if is_problem else whole, source)
    count = write_rows_to(target, _converted(rows, conversion, source, reading), source)
    for note in (*conversion.notes(), *_provider_notes(to, count, target, metadata=conversion.has_metadata)):
        if on_note is not None:
            on_note(note)
    return count, known


def shape_of_row(row: Row, reading: ReadOptions) -> str:
    """The shape of a row; columns that are given by name make it a problem."""
    named = any(name in row.values for name in (*reading.columns, *(column for _, column in reading.join)))
    return "problems" if named else shapes.shape_of({k: v for k, v in row.values.items() if k not in reading.ignored})


def _of_one_shape(rows: Iterable[Row | Fault], shape: str, path: Path, reading: ReadOptions) -> Iterator[Row | Fault]:
    """The same rows. Raises DataError at a row that has another shape."""
    for row in rows:
        if isinstance(row, Row) and (other := shape_of_row(row, reading)) != shape:
            found = fault("shape-mixed", "two shapes", shape=other, first=shape)
            raise DataError(found.en, path=path, line=row.line, hint="fix or delete this row")
        yield row


def _converted(rows: Iterator[Row], conversion: Conversion, path: Path, reading: ReadOptions) -> Iterator[dict[str, Any]]:
    for row in rows:
        try:
            yield conversion(row)
        except ShapeError as error:
            key = error.fault.key
            hint = f"skip it: {reading.skipping((key,))}" if key else error.fault.hint or "fix or delete this row"
            raise DataError(str(error), path=path, line=row.line, hint=hint) from None
        except ValidationError as error:
            raise DataError(fault_of(error), path=path, line=row.line, hint="fix or delete this row") from None


def _refuse_family(shape: str, to: str, path: Path, line: int) -> None:
    """Raise where rows of one shape cannot become rows of the other."""
    if shape in shapes.NAMED:
        found = shapes.named_fault(shape)
        raise DataError(f"{shape}: {found.en}", path=path, line=line, hint=found.hint or "give a file with prompt and completion")
    families = {"examples": shapes.EXAMPLES, "preferences": shapes.PREFERENCES, "judged answers": shapes.JUDGED}
    of = {name: family for family, names in families.items() for name in names}
    if of[shape] != of[to]:
        raise ConfigError(
            f"{shape} cannot be converted to {to}: one contains {of[shape]}, the other {of[to]}",
            hint="; ".join(f"{family}: {', '.join(names)}" for family, names in families.items()),
        )


def _provider_notes(to: str, count: int, target: Path, *, metadata: bool) -> Iterator[str]:
    """What OpenAI requires of a file, and this one does not have."""
    if not to.startswith("openai-"):
        return
    if count < LEAST_EXAMPLES:
        yield fault("examples-few", "few", count=count, needed=LEAST_EXAMPLES).en
    if metadata:
        yield "metadata is not a key of OpenAI's format: --bare omits it"
    if target.suffix.lower() != ".jsonl":
        yield "OpenAI takes files that end in .jsonl"
