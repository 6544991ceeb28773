"""Read CSV files (RFC 4180) with the line on which each row starts. The encoding rule is that of prefopt.io.row.

`scan_csv` continues after a fault, for the checks of data files; `read_csv` and `parse_csv` raise the first fault. A row without any
filled cell is skipped.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefopt.errors import DataError
from prefopt.io.row import Fault, Row, decoded

_LONE_RETURN = re.compile(r"(?<=\r)(?!\n|$)")


@dataclass(frozen=True)
class CsvTable:
    """A whole CSV file. Every row has every column; an empty cell is ""."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_csv(path: Path, *, hint: str, pad: bool = False) -> CsvTable:
    """Read a CSV file whole.

    Args:
        path: the file.
        hint: what to type where the file is missing.
        pad: accept rows whose trailing empty cells are missing or too many, as spreadsheet programs write them.

    Raises:
        DataError: with file and line: no such file, another encoding, not CSV, a column that is unnamed or repeated, a row with more or
            fewer cells than columns.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError("no such file", path=path, hint=hint) from None
    return _table(raw, path, pad)


def parse_csv(text: str, source: str) -> CsvTable:
    """Parse the text of a CSV file; `source` names it in errors. Raises DataError as `read_csv`."""
    return _table(text.encode(), source, pad=False)


def scan_csv(path: Path) -> Iterator[Row | Fault]:
    """Stream the rows and faults of a .csv file, or of a .tsv file with tabs between the cells. Empty cells are left out."""
    with path.open("rb") as file:
        for found in _Scanner(file, "\t" if path.suffix.lower() == ".tsv" else ","):
            yield Row(found.line, {name: cell for name, cell in found.values.items() if cell}) if isinstance(found, Row) else found


def _table(raw: bytes, source: Path | str, pad: bool) -> CsvTable:
    scanner = _Scanner(io.BytesIO(raw), ",", pad=pad)
    rows: list[Row] = []
    for found in scanner:
        if isinstance(found, Fault):
            raise found.as_error(source)
        rows.append(found)
    return CsvTable(tuple(scanner.columns), tuple(rows))


class _Scanner:
    """Rows and faults of CSV lines. `columns` is filled when the first row has been read."""

    def __init__(self, lines: Iterable[bytes], delimiter: str, *, pad: bool = False) -> None:
        self._faults: list[Fault] = []
        self._lines = _CountedLines(_text_lines(lines, self._faults))
        self._reader = csv.reader(self._lines, strict=True, delimiter=delimiter)
        self._pad = pad
        self.columns: Sequence[str] = ()

    def __iter__(self) -> Iterator[Row | Fault]:
        while True:
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Fault(self._lines.start, "not-csv", f"not CSV: {error}")
                return  # after an unclosed quote, cells and text cannot be distinguished
            finally:
                yield from self._faults
                self._faults.clear()
            start = self._lines.take()
            if not any(cell.strip() for cell in cells):
                continue
            if self.columns:
                yield self._row(cells, start)
            else:
                yield from self._header([cell.strip() for cell in cells], start)

    def _header(self, names: list[str], line: int) -> Iterator[Fault]:
        while self._pad and not names[-1]:
            names.pop()
        self.columns = names
        yield from header_faults(names, line)

    def _row(self, cells: list[str], line: int) -> Row | Fault:
        width = len(self.columns)
        if self._pad:
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            cells += [""] * (width - len(cells))
        return row_of_cells(self.columns, cells, line)


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


def _text_lines(lines: Iterable[bytes], faults: list[Fault]) -> Iterator[str]:
    """Decode lines. One that is not UTF-8 goes to `faults` and is replaced by an empty line, which keeps the line numbers right."""
    for number, raw in enumerate(lines, 1):
        text = decoded(raw, number)
        if isinstance(text, Fault):
            faults.append(Fault(number, text.kind, text.detail, text.values))
            text = "\n"
        yield from _LONE_RETURN.split(text) if "\r" in text else (text,)  # Excel for Mac ends lines with \r alone


class _CountedLines:
    """Lines for csv.reader, which may take several lines for one row: remembers where the current row starts."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._taken, self.start = lines, 0, 1

    def __iter__(self) -> _CountedLines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken += 1
        return line

    def take(self) -> int:
        """Line on which the row that was just read starts; the next row starts after the lines taken so far."""
        start, self.start = self.start, self._taken + 1
        return start
