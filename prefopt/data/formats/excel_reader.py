"""CSV and Excel: rows of text cells under a first row of column names."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from prefopt.io.row import Fault, Row, decoded

MAX_SHEET = 1 << 30  # bytes of a workbook when unpacked: a small file can unpack to any size


def scan_csv(path: Path) -> Iterator[Row | Fault]:
    """Rows of a CSV (or .tsv) file; empty cells are left out. The line is that on which the row starts."""
    with path.open("rb") as file:
        faults: list[Fault] = []
        lines = _Lines(_text_lines(file, faults))
        reader = csv.reader(lines, strict=True, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        names: list[str] | None = None
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                yield Fault(lines.start, "not-csv", f"not CSV: {error}")
                return  # what follows an open quote cannot be told from what is inside it
            finally:
                yield from faults
                faults.clear()
            start = lines.take()
            if not any(cell.strip() for cell in cells):
                continue
            if names is None:
                names = [name.strip() for name in cells]
                yield from _header_faults(names, start)
                continue
            yield _row(names, cells, start)


def _text_lines(file: io.BufferedReader, faults: list[Fault]) -> Iterator[str]:
    """Lines as text. One that is not UTF-8 is put into `faults` and stands empty, so that line numbers stay right."""
    for number, raw in enumerate(file, 1):
        text = decoded(raw, number)
        if isinstance(text, Fault):
            faults.append(Fault(number, text.kind, text.detail))
            text = "\n"
        yield text


class _Lines:
    """Lines of a file for csv.reader, which may take several for one row; knows where the row started."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._taken, self.start = lines, 0, 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken += 1
        return line

    def take(self) -> int:
        """Line on which the row that was just read starts."""
        start, self.start = self.start, self._taken + 1
        return start


def _header_faults(names: Sequence[str], line: int) -> Iterator[Fault]:
    for i, name in enumerate(names):
        if name and name in names[:i]:
            yield Fault(line, "column-repeated", f"two columns are called {name!r}")
        if not name:
            yield Fault(line, "column-unnamed", f"column {i + 1} has no name")


def _row(names: Sequence[str], cells: Sequence[Any], line: int) -> Row | Fault:
    if len(cells) != len(names):
        return Fault(line, "ragged-row", f"{len(cells)} cells under {len(names)} columns: quote cells that hold commas")
    return Row(line, {name: cell for name, cell in zip(names, cells, strict=True) if name and cell != "" and cell is not None})


def scan_xlsx(path: Path) -> Iterator[Row | Fault]:
    """Rows of the first sheet. Numbers come as numbers, dates as ISO text; a formula's stored value, or a fault where it has none."""
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        yield Fault(1, "not-excel", f"not an Excel workbook (.xlsx): {error}")
        return
    if size > MAX_SHEET:
        yield Fault(1, "file-too-long", f"the workbook unpacks to {size >> 20} MiB; at most {MAX_SHEET >> 20} are read")
        return
    yield from _sheet_rows(path)


def _sheet_rows(path: Path) -> Iterator[Row | Fault]:
    import openpyxl

    names: list[str] | None = None
    number = 0
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
                found = [_cell(value) for value in cells]
                if all(value is None or value == "" for value in found):
                    continue
                if names is None:
                    while found and found[-1] is None:
                        found.pop()
                    names = ["" if value is None else str(value).strip() for value in found]
                    yield from _header_faults(names, number)
                    continue
                padded = [*found, *[None] * (len(names) - len(found))]
                while len(padded) > len(names) and padded[-1] is None:
                    padded.pop()
                yield _row(names, padded, number)
        finally:
            book.close()
    except GeneratorExit:
        raise
    except Exception as error:  # a broken workbook raises anything in openpyxl: KeyError, ParseError, zlib.error …
        yield Fault(max(number, 1), "not-excel", f"not a workbook that can be read: {type(error).__name__}: {error}")


def _cell(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
