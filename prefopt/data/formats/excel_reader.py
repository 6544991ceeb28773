"""Read Excel workbooks: the rows of the first sheet, under a first row of column names."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from prefopt.io.csv_reader import header_faults, row_of_cells
from prefopt.io.row import Fault, Row

MAX_SHEET = 1 << 30  # bytes of a workbook when unpacked: a small file can unpack to any size


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
                    yield from header_faults(names, number)
                    continue
                padded = [*found, *[None] * (len(names) - len(found))]
                while len(padded) > len(names) and padded[-1] is None:
                    padded.pop()
                yield _filled(row_of_cells(names, padded, number))
        finally:
            book.close()
    except GeneratorExit:
        raise
    except Exception as error:  # a broken workbook raises anything in openpyxl: KeyError, ParseError, zlib.error …
        yield Fault(max(number, 1), "not-excel", f"not a workbook that can be read: {type(error).__name__}: {error}")


def _filled(found: Row | Fault) -> Row | Fault:
    """A row without its empty cells."""
    if isinstance(found, Fault):
        return found
    return Row(found.line, {name: cell for name, cell in found.values.items() if cell != "" and cell is not None})


def _cell(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
