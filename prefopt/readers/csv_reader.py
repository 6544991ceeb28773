"""Read tables in text files (RFC 4180 and what programs make of it) with the line on which each row starts.

`scan_csv` continues after a fault, for the checks of data files; `read_csv` and `parse_csv` raise the first fault. Encodings are those of
text_file, separators and titles those of table_layout. A row without any filled cell is skipped. The apostrophe before what a spreadsheet
program would run as a formula is taken off.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from prefopt.errors import DataError
from prefopt.io.row import Fault, Note, Row
from prefopt.io.spreadsheet import unescape_formula
from prefopt.readers.column_names import PROBLEM_COLUMNS, column_key, is_column
from prefopt.readers.notes import tell
from prefopt.readers.table_layout import LOOKED_AT, Layout, cells_of, layout_of, stated_separator
from prefopt.readers.text_file import text_lines
from prefopt.texts.personal_data import excerpt

_ROW_LINES = 400  # lines of one row; more means a quote that nothing closes
_LONGEST_NAME = 40  # characters of a column's name; more are a text
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class CsvTable:
    """A whole table. Every row has every column; an empty cell is ""."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_csv(path: Path, *, hint: str, pad: bool = False, is_known: Callable[[str], bool] = is_column) -> CsvTable:
    """Read a table of a text file whole.

    Args:
        path: the file.
        hint: what to type where the file is missing.
        pad: accept rows whose trailing empty cells are missing, as spreadsheet programs write them; too many of them always are.
        is_known: whether a cell is the name of a column: it tells the separator, and the header below a title.

    Raises:
        DataError: with file and line: no such file, no encoding, not a table, a column that is unnamed or repeated, a row with more or
            fewer cells than columns.
    """
    if not path.is_file():
        raise DataError("no such file", path=path, hint=hint)
    found: list[Fault] = []
    return _table(_Scanner(text_lines(path, found), found, _SEPARATORS.get(path.suffix.lower(), ","), is_known, pad=pad), path)


def parse_csv(text: str, source: str) -> CsvTable:
    """Parse the text of a CSV file; `source` names it in errors. Raises DataError as `read_csv`."""
    return _table(_Scanner(iter(io.StringIO(text.removeprefix("\ufeff"), newline="")), [], ",", is_column), source)


def scan_csv(path: Path, is_known: Callable[[str], bool] = is_column) -> Iterator[Row | Fault]:
    """Stream the rows and faults of a .csv, .tsv or .txt file. Empty cells are left out."""
    found: list[Fault] = []
    for row in _Scanner(text_lines(path, found), found, _SEPARATORS.get(path.suffix.lower()), is_known):
        yield row if isinstance(row, Fault) else Row(row.line, {name: cell for name, cell in row.values.items() if cell})


def _table(scanner: _Scanner, source: Path | str) -> CsvTable:
    rows: list[Row] = []
    for found in scanner:
        if isinstance(found, Note) and found.kind not in ("header-changed", "index-column"):  # every row has every column
            tell(source, found)
        elif isinstance(found, Fault):
            raise found.as_error(source)
        else:
            rows.append(found)
    return CsvTable(tuple(scanner.columns), tuple(rows))


class _Scanner:
    """Rows and faults of the lines of a table. `columns` is filled when the first row has been read."""

    def __init__(
        self, lines: Iterator[str], found: list[Fault], preferred: str | None, is_known: Callable[[str], bool], *, pad: bool = False
    ) -> None:
        self._lines, self._found = _CountedLines(lines), found
        self._preferred, self._is_known, self._pad = preferred, is_known, pad
        self._is_index_told = self._is_unnamed_told = False
        self.columns: Sequence[str] = ()

    def __iter__(self) -> Iterator[Row | Fault]:
        layout = self._layout()
        yield from self._said()
        if not layout.is_table:
            if self._lines.ahead:
                yield Fault(1, "not-table", "a text without columns: no comma, semicolon, tab or | separates cells")
            return
        titles = layout.titles
        for row in self._cells(layout.separator):
            yield from self._said()
            if isinstance(row, Fault):
                yield row
                continue
            start, cells = row
            if not any(cell.strip() for cell in cells):
                continue
            if titles:
                titles -= 1
                title = " ".join(filter(None, (c.strip() for c in cells)))[:60]
                yield Note(start, "title-row", f"{title!r} above the names of the columns was not read", (title,))
            elif not self.columns and (found := nameless([cell.strip() for cell in cells], start, self._is_known)):
                yield found
                return
            elif not self.columns:
                yield from self._header([cell.strip() for cell in cells], start)
            elif (names := [cell.strip() for cell in cells]) and len(names) > 1 and names == list(self.columns):
                yield Note(start, "header-repeated", "the names of the columns again, as where files are joined; no row", (start,))
            elif self._is_other_header(names):
                shown = ", ".join(names)[:100]
                yield Note(
                    start, "header-changed", f"other names of columns, as where files are joined; they count from here: {shown}", (shown,)
                )
                yield from self._header(names, start)
            else:
                yield from self._without_name(cells[0].strip(), start)
                yield self._row(cells, start)
        yield from self._said()

    def _layout(self) -> Layout:
        ahead = self._lines.look(LOOKED_AT)
        stated = stated_separator(ahead[0]) if ahead else None
        if stated is not None:
            self._lines.skip()
            ahead = ahead[1:]
        return layout_of(ahead, self._preferred, self._is_known, stated)

    def _said(self) -> Iterator[Fault]:
        yield from self._found
        self._found.clear()

    def _cells(self, separator: str) -> Iterator[tuple[int, list[str]] | Fault]:
        """The cells of each row with its first line. A row whose quotes cannot be understood is a fault, and ends with its line."""
        for line in self._lines:
            start = self._lines.number
            if '"' not in line:
                yield start, [unescape_formula(cell) for cell in line.rstrip("\r\n").split(separator)]
                continue
            taken = [line]
            try:
                cells = [unescape_formula(cell) for cell in next(cells_of(_taking(taken, self._lines), separator, strict=True))]
            except (csv.Error, StopIteration, _TooManyLinesError):
                self._lines.push_back(taken[1:])
                cell = line[: line.index('"')].count(separator) + 1
                what = f'a quote that opens in cell {cell} does not end, or is part of the text: write it twice, as ""'
                yield Fault(start, "quote-open", what, (cell,))
                continue
            if self._looks_like_rows(taken, separator):
                what = f"one cell holds lines {start} to {self._lines.number}, each of which looks like a row: is a quote missing?"
                yield Note(start, "quote-spans", what, (start, self._lines.number))
            yield start, cells

    def _looks_like_rows(self, lines: Sequence[str], separator: str) -> bool:
        width = len(self.columns)
        return len(lines) > 2 and width > 2 and all(line.count(separator) == width - 1 for line in lines)

    def _is_other_header(self, names: Sequence[str]) -> bool:
        """Whether a row names columns: the same ones in another order, or only known ones, each once."""
        filled = [name for name in names if name]
        if len(filled) > 1 and sorted(names) == sorted(self.columns):
            return True
        return len(filled) > 2 and all(map(self._is_known, filled)) and _differ(filled)

    def _header(self, names: list[str], line: int) -> Iterator[Fault]:
        while len(names) > 1 and not names[-1]:  # empty columns at the right, which spreadsheet programs write
            names.pop()
        self.columns = names
        yield from (found for found in header_faults(names, line) if found.kind != "column-unnamed" or found.values != (1,))

    def _without_name(self, cell: str, line: int) -> Iterator[Fault]:
        """What to say, once, of a first column without a name: the row numbers that pandas writes, or a fault."""
        if self.columns[0] or not cell or self._is_unnamed_told:
            return
        if not cell.isdecimal():
            self._is_unnamed_told = True
            yield Fault(line, "column-unnamed", "column 1 has no name", (1,))
        elif not self._is_index_told:
            self._is_index_told = True
            yield Note(line, "index-column", "column 1 has no name and holds row numbers; it was not read", (1,))

    def _row(self, cells: list[str], line: int) -> Row | Fault:
        width = len(self.columns)
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if self._pad:
            cells += [""] * (width - len(cells))
        return row_of_cells(self.columns, cells, line)


def _differ(names: Sequence[str]) -> bool:
    """Whether each name means another column."""
    return len({PROBLEM_COLUMNS.get(column_key(name), name) for name in names}) == len(names)


def nameless(names: Sequence[str], line: int, is_known: Callable[[str], bool], sheet: str = "") -> Fault | None:
    """The fault of a table that begins without names of columns: its first row would be lost as names."""
    text = next((name for name in names if len(name) > _LONGEST_NAME), None)
    if text is None or any(map(is_known, names)):
        return None
    shown = excerpt(text)
    return Fault(line, "not-table", f"the first row seems to hold a problem, not the names of the columns: {shown}", (shown,), sheet)


def header_faults(names: Sequence[str], line: int) -> Iterator[Fault]:
    """Columns without a name, and names that occur twice."""
    for i, name in enumerate(names):
        if name and name in names[:i]:
            yield Fault(line, "column-repeated", f"two columns are named {name!r}", (name,))
        if not name:
            yield Fault(line, "column-unnamed", f"column {i + 1} has no name", (i + 1,))


def row_of_cells(names: Sequence[str], cells: Sequence[object], line: int) -> Row | Fault:
    """The cells under their column names; a fault where there are more or fewer cells than columns."""
    if len(cells) != len(names):
        what = f"{len(cells)} cells in a table of {len(names)} columns"
        return Fault(line, "ragged-row", what, (len(cells), len(names)))
    return Row(line, {name: cell for name, cell in zip(names, cells, strict=True) if name})


class _TooManyLinesError(Exception):
    """A row takes more lines than any real one."""


def _taking(taken: list[str], lines: Iterator[str]) -> Iterator[str]:
    """The first line and then further ones, each added to `taken`."""
    yield taken[0]
    for line in lines:
        if len(taken) >= _ROW_LINES:
            taken.append(line)
            raise _TooManyLinesError
        taken.append(line)
        yield line


class _CountedLines:
    """Lines with the number of the last one, of which some can be looked at, or put back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self.ahead, self.number = lines, deque[str](), 0

    def __iter__(self) -> _CountedLines:
        return self

    def __next__(self) -> str:
        line = self.ahead.popleft() if self.ahead else next(self._lines)
        self.number += 1
        return line

    def look(self, count: int) -> list[str]:
        """The first lines; they are given again."""
        self.ahead.extend(islice(self._lines, count - len(self.ahead)))
        return list(self.ahead)

    def skip(self) -> None:
        """Take a line."""
        next(self)

    def push_back(self, lines: Sequence[str]) -> None:
        """Give lines again."""
        self.ahead.extendleft(reversed(lines))
        self.number -= len(lines)
