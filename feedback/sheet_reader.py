"""Read a teacher's file, CSV or a workbook, into rows under the sheet's own column names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from feedback.sheet import ANSWERS, BEST, LETTERS, MARKS, TEMPLATE, one_newline
from feedback.sheet_words import BESIDE
from prefopt.errors import DataError
from prefopt.io.row import Fault, Note, Row
from prefopt.io.spreadsheet import unescape_formula
from prefopt.protocols import Question
from prefopt.readers.csv_reader import CsvTable, read_csv, scan_csv
from prefopt.texts.folded import visible
from prefopt.texts.same_text import name_key

WORKBOOKS = (".xlsx", ".xlsm", ".xls")
READ = (".csv", *WORKBOOKS)
NAMES = ("slate", "problem", *LETTERS, *(f"rank_{letter}" for letter in LETTERS), BEST, *ANSWERS, MARKS)
_NAMED_OTHERWISE = {
    "problem": ("문제",),
    **{letter: (f"카드{letter}",) for letter in LETTERS},
    **{f"rank_{letter}": (f"{letter}순위", f"순위{letter}", f"{letter}rank") for letter in LETTERS},
    BEST: ("가장옳은카드", "가장옳은것", "옳은카드"),
    "none_right": ("옳은것없음", "정답없음"),
    "right_label": ("옳은성취기준", "맞는성취기준", "옳은코드"),
    "discard": ("보류", "제외"),
    "comment": ("의견", "비고"),
}


def _column_key(name: str) -> str:
    """What all spellings of a column's name share."""
    return re.sub(r"[\s_\-]", "", name_key(name))


_KEYS = {_column_key(name): name for name in NAMES}
_OTHER_KEYS = {_column_key(other): name for name, others in _NAMED_OTHERWISE.items() for other in others}
_NEEDED = ("A", "B", "rank_A", "rank_B")


@dataclass(frozen=True)
class SheetRow:
    """One row of a teacher's file; every column of NAMES has a cell, "" where the file lacks the column."""

    path: Path
    line: int
    cells: Mapping[str, str]

    @property
    def slate_id(self) -> str:
        """The text in the column of slate ids."""
        return self.cells["slate"].strip()

    @property
    def filled(self) -> dict[str, str]:
        """The cells that a teacher fills in, where there is something in them; without the comment."""
        names = (name for name in self.cells if name.startswith("rank_") or name in (BEST, "none_right", "right_label", "discard"))
        return {name: self.cells[name] for name in names if self.cells[name]}


@dataclass(frozen=True)
class Sheet:
    """A teacher's file."""

    path: Path
    rows: tuple[SheetRow, ...]
    missing: tuple[str, ...]
    """Columns that the published sheet has and this file has not."""
    extra: tuple[str, ...]
    """Columns that are not of the sheet; they are not read."""
    has_marks: bool
    """Whether the file says that O is yes and X is no."""
    question: Question = "ranking"
    """What the file asks, as its columns say."""
    faults: tuple[tuple[int, str], ...] = ()
    """Lines that are no rows of the table, and what is wrong with each."""
    beside: tuple[tuple[str, str], ...] = ()
    """What a workbook says beside the cells that are read: kind and detail."""

    @property
    def is_filled(self) -> bool:
        """Whether a teacher has written anything into it but comments."""
        return any(row.filled for row in self.rows)


def read_sheet(path: Path, published: tuple[str, ...] = ()) -> Sheet:
    """Read a teacher's file.

    Args:
        path: a CSV file or a workbook.
        published: columns of the sheet that was published; empty where it is not known.

    Raises:
        DataError: with file and line: it cannot be read as a table, or cards or ranks have no column.
    """
    table, faults = _table(path)
    names = {column: _KEYS.get(_column_key(column), "") for column in table.columns}
    for column in table.columns:
        other = _OTHER_KEYS.get(_column_key(column), "")
        if not names[column] and other not in names.values():
            names[column] = other
    present = [name for name in names.values() if name]
    if repeated := next((name for i, name in enumerate(present) if name in present[:i]), ""):
        raise DataError(f"two columns are named {repeated}", path=path, line=1, hint="delete one of them")
    is_whole = not faults and path.suffix.lower() not in WORKBOOKS  # otherwise columns without cells may be left out
    question: Question = "best" if BEST in present and "rank_A" not in present else "ranking"
    needed = ("A", "B", BEST) if question == "best" else _NEEDED
    lost = [name for name in (needed if is_whole else ("slate", "A", "B")) if name not in present]
    if lost:
        raise DataError(f"no column {', '.join(lost)}", path=path, line=1, hint=f"copy {TEMPLATE} again and keep its first line")
    rows = tuple(SheetRow(path, row.line, _cells(row.values, names)) for row in table.rows)
    gone = tuple(name for name in published if name not in present) if is_whole else ()
    extra = tuple(column for column, name in names.items() if not name)
    return Sheet(path, rows, gone, extra, MARKS in present, question, faults, _beside(path))


def _table(path: Path) -> tuple[CsvTable, tuple[tuple[int, str], ...]]:
    """The table of a file, and the lines that are not of it, with what is wrong with them."""
    if path.suffix.lower() in WORKBOOKS:
        from prefopt.readers.excel_reader import text_table  # with openpyxl, for workbooks alone

        table = text_table(path)
        rows = tuple(Row(row.line, {name: unescape_formula(cell) for name, cell in row.values.items()}, row.sheet) for row in table.rows)
        return CsvTable(table.columns, rows), ()  # a sheet that was opened as CSV and saved as a workbook has the apostrophes of the CSV
    try:
        return read_csv(path, hint=f"copy {TEMPLATE}", pad=True, is_known=_is_column), ()
    except DataError:
        found = list(scan_csv(path, _is_column)) if path.exists() else []
        rows = tuple(row for row in found if isinstance(row, Row))
        if not rows:
            raise
        columns = tuple(dict.fromkeys(name for row in rows for name in row.values))
        bad = [row for row in found if isinstance(row, Fault) and not isinstance(row, Note)]
        return CsvTable(columns, rows), tuple((row.line, row.detail) for row in bad)


def _is_column(name: str) -> bool:
    return _column_key(name) in {*_KEYS, *_OTHER_KEYS}


def _beside(path: Path) -> tuple[tuple[str, str], ...]:
    if path.suffix.lower() not in WORKBOOKS:
        return ()
    from prefopt.readers.excel_reader import scan_xlsx  # as above

    found = (row for row in scan_xlsx(path) if isinstance(row, Note) and row.kind in BESIDE)
    return tuple(dict.fromkeys((note.kind, note.detail) for note in found))


def _cells(values: Mapping[str, object], names: Mapping[str, str]) -> dict[str, str]:
    found = dict.fromkeys(NAMES, "")
    for column, name in names.items():
        if name:
            found[name] = _cell(name, str(values.get(column, "")))
    return found


def _cell(name: str, value: str) -> str:
    if name in ("slate", "problem", *LETTERS):
        return one_newline(value)
    if name == "comment":
        return unicodedata.normalize("NFC", value).strip()
    return visible(value).strip()
