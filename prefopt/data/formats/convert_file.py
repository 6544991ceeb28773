"""Convert a file to another kind of file and another shape of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefopt.config import INSTRUCTIONS_KO
from prefopt.data.formats import shapes
from prefopt.data.formats.answers import AnswerForm
from prefopt.data.formats.openai_rows import LEAST_EXAMPLES
from prefopt.data.formats.row_conversion import Conversion
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.data.formats.shape_faults import ShapeError, fault
from prefopt.errors import ConfigError, DataError
from prefopt.io.row import Row
from prefopt.readers.problem_rows import fault_of
from prefopt.readers.row_reader import read_rows_of


@dataclass(frozen=True)
class ConversationSettings:
    """What conversations need and problems lack."""

    instructions: str = INSTRUCTIONS_KO
    label_key: str = "standard"
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column of the file -> key of a Problem."""
    metadata: bool = True
    """Keep id, family, weight … as metadata, so that the round trip is exact."""
    answers: AnswerForm | None = None
    """How answers are read; None: JSON with the label under `label_key`, or a code of the curriculum alone."""


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
    rows = read_rows_of(source)
    first = next(rows, None)
    if first is None:
        raise DataError("the file contains no row", path=source, hint="give a file with rows")
    known = shape or _shape_of(first, settings.columns)
    form = settings.answers or AnswerForm(settings.label_key)
    _refuse_family(known, to, source, first.line)
    conversion = Conversion(known, to, source, settings.instructions, form, settings.columns, settings.metadata)
    count = write_rows_to(target, _converted(chain([first], rows), conversion, source, detected=shape is None))
    for note in (*conversion.notes(), *_provider_notes(to, count, target, metadata=conversion.has_metadata)):
        if on_note is not None:
            on_note(note)
    return count, known


def _shape_of(row: Row, columns: Mapping[str, str]) -> str:
    """The shape of a row; columns that are given by name make it a problem."""
    return "problems" if any(name in row.values for name in columns) else shapes.shape_of(row.values)


def _converted(rows: Iterator[Row], conversion: Conversion, path: Path, *, detected: bool) -> Iterator[dict[str, Any]]:
    for row in rows:
        shape = _shape_of(row, conversion.columns) if detected else conversion.shape
        try:
            if shape != conversion.shape:
                raise ShapeError(fault("shape-mixed", "two shapes", shape=shape, first=conversion.shape))
            yield conversion(row)
        except ShapeError as error:
            raise DataError(str(error), path=path, line=row.line, hint=error.fault.hint or "fix or delete this row") from None
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
