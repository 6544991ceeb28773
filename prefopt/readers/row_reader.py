"""Stream the rows of any file of problems or conversations, each with its line.

    .jsonl .ndjson   one JSON object a line            .parquet          Apache Parquet
    .json            an array, an object id -> row,    .arrow .feather   Apache Arrow
                     or a list inside an object        a folder          a Hugging Face dataset saved to disk
    .csv .tsv .txt   one row names the columns         .xlsx .xlsm .xls  a sheet; one row names the columns

`scan` continues after a fault, for the checks; `read_rows_of` raises the first one. The line of a row of a Parquet or Arrow file or a
dataset is its number, from 1; in a sheet it is the row. All texts are given as people see them: NFC, without invisible characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from prefopt.errors import DataError
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.column_names import column_key, is_column
from prefopt.readers.csv_reader import scan_csv
from prefopt.readers.json_reader import scan_json, scan_json_lines
from prefopt.readers.notes import tell
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.texts.folded import visible

WORKBOOKS = (".xlsx", ".xlsm", ".xltx", ".xltm", ".xls", ".xlt")
TABLES = (".csv", ".tsv", ".txt")


def scan(path: Path, options: ReadOptions = AS_IT_IS) -> Iterator[Row | Fault]:
    """Stream the rows and faults of a file in their order; at the end, a Note of what was spelled otherwise.

    Raises:
        DataError: no such file, or an unknown kind of file.
    """
    if not path.exists():
        raise DataError("no such file", path=path, hint="give the path of a .jsonl, .json, .csv, .xlsx or .parquet file")
    rows = _seen(_reader(path, options)(path))
    if options.sheet is None or options.of == "settings" or path.suffix.lower() in WORKBOOKS:
        return rows
    return chain([Note(1, "sheet-absent", "the file has no sheets: --sheet is for Excel workbooks", ())], rows)


def _reader(path: Path, options: ReadOptions) -> Callable[[Path], Iterator[Row | Fault]]:
    from prefopt.readers import arrow_reader, excel_reader  # they import pyarrow and openpyxl when they are called

    if path.is_dir():
        return arrow_reader.scan_dataset
    suffix = path.suffix.lower()

    def is_known(cell: str) -> bool:
        return is_column(cell) or column_key(cell) in asked

    def scan_workbook(path: Path) -> Iterator[Row | Fault]:
        return excel_reader.scan_xlsx(path, options.sheet, ignored=options.ignored, is_known=is_known, other_sheets=options.of_sheets)

    asked = {column_key(name) for name in (*options.columns, *(column for _, column in options.join), *options.ignored)}
    readers: dict[str, Callable[[Path], Iterator[Row | Fault]]] = {
        ".jsonl": scan_json_lines,
        ".ndjson": scan_json_lines,
        ".json": scan_json,
        **dict.fromkeys(TABLES, lambda path: scan_csv(path, is_known)),
        ".parquet": arrow_reader.scan_parquet,
        ".arrow": arrow_reader.scan_arrow,
        ".feather": arrow_reader.scan_arrow,
        **dict.fromkeys(WORKBOOKS, scan_workbook),
    }
    if suffix not in readers:
        raise DataError(f"no reader for {path.suffix or 'a file without a suffix'}", path=path, hint=f"known suffixes: {' '.join(readers)}")
    return readers[suffix]


def read_rows_of(path: Path, options: ReadOptions = AS_IT_IS) -> Iterator[Row]:
    """Stream the rows of a file; Notes are logged. Raises DataError with file and line at the first fault."""
    return faultless(scan(path, options), path)


def faultless(found: Iterable[Row | Fault], path: Path) -> Iterator[Row]:
    """The rows alone: Notes are logged, and the first fault is raised as DataError with file and line."""
    for row in found:
        if isinstance(row, Note):
            tell(path, row)
        elif isinstance(row, Fault):
            raise row.as_error(path)
        else:
            yield row


def _seen(found: Iterable[Row | Fault]) -> Iterator[Row | Fault]:
    """The rows with their texts as people see them, and Notes of how many rows were spelled otherwise."""
    spelled: dict[str, list[int]] = {"decomposed": [], "invisible": []}  # kind -> first line, number of rows
    for row in found:
        if isinstance(row, Fault):
            yield row
            continue
        kinds: set[str] = set()
        values = _visible(row.values, kinds)
        for kind in kinds:
            first = spelled[kind]
            first[:] = [first[0], first[1] + 1] if first else [row.line, 1]
        yield row if values is row.values else Row(row.line, values, row.sheet)
    what = {"decomposed": "letters were joined (NFC)", "invisible": "invisible characters were left out"}
    for kind, places in spelled.items():
        if places:
            yield Note(places[0], kind, f"{what[kind]} in {places[1]:,} rows, the first of them here", (places[1],))


def _visible(value: Any, kinds: set[str]) -> Any:
    """A value with all its texts, at every depth, as people see them; the value itself where nothing changes."""
    if isinstance(value, str):
        return _visible_text(value, kinds)
    if isinstance(value, Mapping):
        made = {_visible(key, kinds): _visible(inner, kinds) for key, inner in value.items()}
        same = len(made) < len(value) or all(a is b and made[a] is value[b] for a, b in zip(made, value, strict=True))
        return value if same else made
    if isinstance(value, list):
        items = [_visible(inner, kinds) for inner in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    return value


def _visible_text(text: str, kinds: set[str]) -> str:
    if text.isascii() and "\r" not in text:
        return text
    shown = visible(text)
    if shown == text:
        return text
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    joined = unicodedata.normalize("NFC", plain)
    kinds.update({"decomposed"} if joined != plain else (), {"invisible"} if joined != shown else ())
    return shown
