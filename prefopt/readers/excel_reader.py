"""Read Excel workbooks: the rows of the first sheet, under a first row of column names."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from prefopt.io.row import Fault, Row
from prefopt.readers.csv_reader import CsvTable, header_faults, row_of_cells

MAX_SHEET = 1 << 30  # bytes of an unpacked workbook; a small file can unpack to any size (zip bomb)


def scan_xlsx(path: Path) -> Iterator[Row | Fault]:
    """Stream the rows of the first sheet: numbers as numbers, dates as ISO text, formulas as their stored value."""
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        yield Fault(1, "not-excel", f"not an Excel workbook (.xlsx): {error}")
        return
    if size > MAX_SHEET:
        yield Fault(1, "file-too-long", f"the workbook unpacks to {size >> 20} MiB; the limit is {MAX_SHEET >> 20} MiB")
        return
    yield from _sheet_rows(path)


def text_table(path: Path) -> CsvTable:
    """Read a workbook as `read_csv` reads a CSV file that Excel saved from it: every cell as text, an empty one as "".

    Raises:
        DataError: with file and row: not a workbook, no column names, a column that is repeated.
    """
    columns: dict[str, None] = {}
    rows: list[Row] = []
    for found in scan_xlsx(path):
        if isinstance(found, Fault):
            raise found.as_error(path)
        columns |= dict.fromkeys(found.values)
        rows.append(found)
    filled = (Row(row.line, {name: _text(row.values.get(name, "")) for name in columns}) for row in rows)
    return CsvTable(tuple(columns), tuple(filled))


def _text(value: Any) -> str:
    return str(value).upper() if isinstance(value, bool) else str(value)


def _sheet_rows(path: Path) -> Iterator[Row | Fault]:
    import openpyxl

    names: list[str] | None = None
    number = 0
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
                values = [_cell(value) for value in cells]
                if all(value is None or value == "" for value in values):
                    continue
                if names is None:
                    while values and values[-1] is None:
                        values.pop()
                    names = ["" if value is None else str(value).strip() for value in values]
                    yield from header_faults(names, number)
                    continue
                padded = [*values, *[None] * (len(names) - len(values))]
                while len(padded) > len(names) and padded[-1] is None:
                    padded.pop()
                yield _filled(row_of_cells(names, padded, number))
        finally:
            book.close()
    except GeneratorExit:
        raise
    except Exception as error:  # openpyxl raises anything for a broken workbook: KeyError, ParseError, zlib.error …
        yield Fault(max(number, 1), "not-excel", f"unreadable workbook: {type(error).__name__}: {error}")


def _filled(row: Row | Fault) -> Row | Fault:
    """A row without its empty cells."""
    if isinstance(row, Fault):
        return row
    return Row(row.line, {name: cell for name, cell in row.values.items() if cell != "" and cell is not None})


def _cell(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
