"""Rows of any file that holds problems or conversations, one after the other, each with the line it stands on.

    .jsonl .ndjson   one JSON object a line            .parquet          Apache Parquet
    .json            an array, or an object id -> row  a folder          a Hugging Face dataset saved to disk
    .csv .tsv        first row names the columns       .xlsx             first sheet, first row names the columns

`scan` goes on after a fault and gives it in its place, for the checks; `read_rows_of` raises the first one. The line of a row of a Parquet
file or a dataset is its number, from 1; of an Excel sheet its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefopt.errors import DataError
from prefopt.io.csv_reader import scan_csv
from prefopt.io.jsonl_reader import STRICT_JSON, decode_json, scan_jsonl
from prefopt.io.row import Fault, Row, decoded

MAX_JSON = 1 << 29  # bytes of a .json document, which is read whole; longer ones belong into .jsonl


def scan(path: Path) -> Iterator[Row | Fault]:
    """Every row and every fault of a file, streaming, in the order of the file.

    Raises:
        DataError: there is no such file, or nothing here reads its kind.
    """
    from prefopt.data.formats import arrow_reader, excel_reader  # each imports what it needs when it is called

    if path.is_dir():
        return arrow_reader.scan_dataset(path)
    if not path.exists():
        raise DataError("no such file", path=path, hint="give the path of a .jsonl, .json, .csv, .xlsx or .parquet file")
    readers = {
        ".jsonl": scan_jsonl,
        ".ndjson": scan_jsonl,
        ".json": _scan_json,
        ".csv": scan_csv,
        ".tsv": scan_csv,
        ".parquet": arrow_reader.scan_parquet,
        ".xlsx": excel_reader.scan_xlsx,
    }
    if path.suffix.lower() not in readers:
        raise DataError(f"no reader for {path.suffix or 'a file without an ending'}", path=path, hint=f"known endings: {' '.join(readers)}")
    return readers[path.suffix.lower()](path)


def read_rows_of(path: Path) -> Iterator[Row]:
    """Every row of a file, streaming. Raises DataError, with file and line, at the first fault."""
    for found in scan(path):
        if isinstance(found, Fault):
            raise DataError(found.detail, path=path, line=found.line, hint="mend or remove it; `prefopt data check` lists all faults")
        yield found


def _scan_json(path: Path) -> Iterator[Row | Fault]:
    """A document: [row, …], or {"id": row, …} where the key becomes the row's id if it has none."""
    if path.stat().st_size > MAX_JSON:
        yield Fault(1, "file-too-long", f"a .json document of more than {MAX_JSON >> 20} MiB is not read whole: write it as .jsonl")
        return
    text = decoded(path.read_bytes(), 1)
    if isinstance(text, Fault):
        yield text
        return
    value = decode_json(text, 1)
    if isinstance(value, Fault):
        at = int(value.detail.rsplit(" ", 1)[-1]) if value.detail.rsplit(" ", 1)[-1].isdigit() else 1
        yield Fault(text.count("\n", 0, at - 1) + 1, value.kind, value.detail)
        return
    if not isinstance(value, (list, dict)):
        yield Fault(1, "not-object", f"a {type(value).__name__}, not a JSON array or object of rows")
        return
    yield from _document_rows(text, value)


def _document_rows(text: str, value: list[Any] | dict[str, Any]) -> Iterator[Row | Fault]:
    """The rows of a parsed document with their lines: the text is walked once more, value by value."""
    position = _after_space(text, 0) + 1  # past the opening bracket
    line, seen = 1, 0
    for key, row in value.items() if isinstance(value, dict) else enumerate(value):
        position = _after_space(text, position)
        if isinstance(value, dict):
            _, position = STRICT_JSON.raw_decode(text, position)
            position = _after_space(text, _after_space(text, position) + 1)  # past the colon
        line, seen = line + text.count("\n", seen, position), position
        _, position = STRICT_JSON.raw_decode(text, position)
        position = _after_space(text, position) + 1  # past the comma
        if not isinstance(row, dict):
            yield Fault(line, "not-object", f"a {type(row).__name__}, not a JSON object")
        else:
            yield Row(line, row if isinstance(value, list) or "id" in row else {"id": str(key), **row})


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
