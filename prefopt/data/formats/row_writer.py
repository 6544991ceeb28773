"""Write rows to any kind of file that row_reader reads. A value that the kind of file cannot hold exactly is refused by name."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from prefopt.controls import shown
from prefopt.errors import DataError
from prefopt.io.figure_files import with_moved_figure
from prefopt.io.files import replacing
from prefopt.io.jsonl_reader import MAX_LINE
from prefopt.io.spreadsheet import is_formula, write_cells
from prefopt.readers.json_reader import MAX_JSON
from prefopt.readers.text_file import MAX_LINE as LONGEST_LINE

Values = Mapping[str, Any]
KINDS = (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".xlsx", "a folder (Hugging Face dataset)")
_XLSX_CELL = 32_767  # characters that Excel allows in a cell
_XLSX_DIGITS = 15  # digits of a number that Excel keeps
_XLSX_ILLEGAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")  # XML drops or changes them


def write_rows_to(path: Path, rows: Iterable[Values], source: Path | None = None) -> int:
    """Write rows atomically. Returns their number.

    Args:
        path: its suffix selects the kind of file; a path without suffix is the folder of a Hugging Face dataset.
        rows: consumed one by one for JSON; tables and datasets collect them in memory.
        source: the file that they come from; names of images, which are relative to its folder, are written relative to the new one's.

    Raises:
        DataError: an unknown suffix, a value that does not fit the kind of file, or rows without common columns.
    """
    writers: dict[str, Callable[[Path, Iterable[Values], Path], int]] = {
        ".jsonl": _jsonl,
        ".ndjson": _jsonl,
        ".json": _json,
        ".csv": _csv,
        ".tsv": _csv,
        ".parquet": _parquet,
        ".xlsx": _xlsx,
        "": _dataset,
    }
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise DataError(f"no writer for {path.suffix}", path=path, hint=f"known: {', '.join(KINDS)}")
    if path.is_dir():
        raise DataError("a directory of this name exists", path=path, hint="choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    if source is not None:
        rows = (with_moved_figure(row, source.parent, path.parent) for row in rows)
    with replacing(path) as temporary:
        return writer(temporary, rows, path)


def _jsonl(temporary: Path, rows: Iterable[Values], path: Path) -> int:
    count = 0
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        for count, row in enumerate(rows, 1):
            line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
            if len(line) * 4 > MAX_LINE and (size := len(line.encode())) > MAX_LINE:
                what = f"the row would be a line of {size:,} bytes, and at most {MAX_LINE:,} are read back"
                raise DataError(what, path=path, line=count, hint="write .parquet instead, or shorten the texts of the row")
            file.write(line)
    return count


def _json(temporary: Path, rows: Iterable[Values], path: Path) -> int:
    """An array, one row a line."""
    count = 0
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        for count, row in enumerate(rows, 1):
            file.write(("[\n" if count == 1 else ",\n") + json.dumps(row, ensure_ascii=False, allow_nan=False))
        file.write("\n]\n" if count else "[]\n")
    if (size := temporary.stat().st_size) > MAX_JSON:
        raise DataError(
            f"the document would have {size:,} bytes, and at most {MAX_JSON:,} are read back", path=path, hint="write .jsonl instead"
        )
    return count


def _cells(row: Values, number: int, path: Path) -> dict[str, Any]:
    """A row as cells, with lists and objects as JSON. Refuses an empty text, which would be read back as no value."""
    cells: dict[str, Any] = {}
    for key, value in row.items():
        if value == "":
            raise DataError(
                f"{key} is an empty text, which a cell cannot distinguish from no value", path=path, line=number + 1, hint="omit the key"
            )
        cells[key] = shown(json.dumps(value, ensure_ascii=False)) if isinstance(value, (list, tuple, dict)) else value
    return cells


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    names: dict[str, None] = {}
    for row in rows:
        names |= dict.fromkeys(row)
    return list(names)


def _csv(temporary: Path, rows: Iterable[Values], path: Path) -> int:
    kept = [_cells(row, i, path) for i, row in enumerate(rows, 1)]
    names = _columns(kept)
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    with temporary.open("w", encoding="utf-8", newline="") as file:
        for i, row in enumerate([dict(zip(names, names, strict=True)), *kept], 1):
            for name, value in row.items():
                _refuse_in_csv(name, value, i, path)
            size = sum(len(str(value)) + str(value).count('"') for value in row.values())
            if size > LONGEST_LINE:
                what = f"the row would have {size:,} characters, and at most {LONGEST_LINE:,} on a line are read back"
                raise DataError(what, path=path, line=i, hint="write .parquet instead, or shorten the texts of the row")
            try:
                write_cells(file, [[row.get(name) for name in names]], separator=separator, line_end="\r\n")  # RFC 4180
            except csv.Error as error:
                raise DataError(f"the row does not fit into CSV: {error}", path=path, line=i) from None
    return len(kept)


def _xlsx(temporary: Path, rows: Iterable[Values], path: Path) -> int:
    import openpyxl

    kept = [_cells(row, i, path) for i, row in enumerate(rows, 1)]
    for i, row in enumerate(kept, 1):
        for name, value in row.items():
            _refuse_in_excel(name, value, i + 1, path)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("problems")
    names = _columns(kept)
    sheet.append([_text_cell(sheet, name) for name in names])
    for row in kept:
        sheet.append([_text_cell(sheet, row.get(name)) for name in names])
    book.save(temporary)
    return len(kept)


def _text_cell(sheet: Any, value: Any) -> Any:
    """A cell; a number keeps all its digits (openpyxl writes 16).

    A text that could be run is stored as a text, with the mark that keeps it one when somebody edits the cell in Excel.
    """
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, (str, float)):
        return value
    cell = WriteOnlyCell(sheet, value if isinstance(value, str) else repr(value))
    cell.data_type = "s" if isinstance(value, str) else "n"
    cell.quotePrefix = isinstance(value, str) and is_formula(value)
    return cell


def _refuse_in_csv(name: str, value: Any, line: int, path: Path) -> None:
    if isinstance(value, str) and shown(value) != value:
        what = f"{name} contains a character that a table does not show: {shown(value)[:60]!r}"
        raise DataError(what, path=path, line=line, hint="write .jsonl instead")


def _refuse_in_excel(name: str, value: Any, line: int, path: Path) -> None:
    if isinstance(value, int) and abs(value) >= 10**_XLSX_DIGITS:
        hint = "write .jsonl instead"
        raise DataError(f"{name} has more than {_XLSX_DIGITS} digits, which Excel cannot store", path=path, line=line, hint=hint)
    if isinstance(value, float) and not math.isfinite(value):
        raise DataError(f"{name} is {value}, which Excel cannot store", path=path, line=line, hint="write .jsonl instead")
    if not isinstance(value, str):
        return
    if len(value) > _XLSX_CELL:
        raise DataError(f"{name} has {len(value):,} characters; the limit of an Excel cell is {_XLSX_CELL:,}", path=path, line=line)
    if found := _XLSX_ILLEGAL.search(value):
        raise DataError(f"{name} contains {found[0]!r}, which Excel cannot store", path=path, line=line, hint="write .jsonl instead")


def _parquet(temporary: Path, rows: Iterable[Values], path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = _table(rows, path)
    try:
        pq.write_table(table, temporary)
    except pa.ArrowException as error:
        raise DataError(f"the rows do not fit into Parquet: {error}", path=path) from None
    return int(table.num_rows)


def _table(rows: Iterable[Values], path: Path) -> Any:
    """Arrow table of the rows, with metadata as JSON text because its keys differ from row to row."""
    import pyarrow as pa

    kept = [  # an empty object is left out: Parquet has no column without a value
        {k: json.dumps(v, ensure_ascii=False) if k == "metadata" else v for k, v in row.items() if v != {} or k == "metadata"}
        for row in rows
    ]
    if not kept:
        raise DataError("no rows to write: Parquet files and datasets need columns", path=path, hint="write .jsonl instead")
    try:
        return pa.Table.from_pylist([{name: row.get(name) for name in _columns(kept)} for row in kept])
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(f"the rows have no common columns: {error}", path=path, hint="write .jsonl instead") from None


def _dataset(temporary: Path, rows: Iterable[Values], path: Path) -> int:
    import datasets

    table = _table(rows, path)
    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        datasets.Dataset(table).save_to_disk(str(temporary))
    finally:
        if bars:
            datasets.enable_progress_bars()
    return int(table.num_rows)
