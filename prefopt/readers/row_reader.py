"""Stream the rows of any file of problems or conversations, each with its line.

    .jsonl .ndjson   one JSON object a line            .parquet          Apache Parquet
    .json            an array, or an object id -> row  a folder          a Hugging Face dataset saved to disk
    .csv .tsv        first row names the columns       .xlsx             first sheet, first row names the columns

`scan` continues after a fault, for the checks; `read_rows_of` raises the first one. The line of a row of a Parquet file or a dataset is its
number, from 1; in an Excel sheet it is the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefopt.errors import DataError
from prefopt.io.jsonl_reader import STRICT_JSON, decode_json, scan_jsonl
from prefopt.io.row import Fault, Row, decoded
from prefopt.readers.csv_reader import scan_csv

MAX_JSON = 1 << 29  # bytes; a .json document is read whole, so larger data belongs into .jsonl


def scan(path: Path) -> Iterator[Row | Fault]:
    """Stream the rows and faults of a file in their order.

    Raises:
        DataError: no such file, or an unknown kind of file.
    """
    from prefopt.readers import arrow_reader, excel_reader  # they import pyarrow and openpyxl when they are called

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
        raise DataError(f"no reader for {path.suffix or 'a file without a suffix'}", path=path, hint=f"known suffixes: {' '.join(readers)}")
    return readers[path.suffix.lower()](path)


def read_rows_of(path: Path) -> Iterator[Row]:
    """Stream the rows of a file. Raises DataError with file and line at the first fault."""
    for row in scan(path):
        if isinstance(row, Fault):
            raise DataError(row.detail, path=path, line=row.line, hint="fix or delete it; `prefopt data check` lists all faults")
        yield row


def _scan_json(path: Path) -> Iterator[Row | Fault]:
    """Rows of a document [row, …], or {"id": row, …}, where the key becomes the id of a row without one."""
    if path.stat().st_size > MAX_JSON:
        yield Fault(1, "file-too-long", f"the document has more than {MAX_JSON >> 20} MiB: write it as .jsonl")
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
        yield Fault(1, "not-object", f"a {type(value).__name__}, not a JSON array or object of rows", (type(value).__name__,))
        return
    yield from _document_rows(text, value)


def _document_rows(text: str, value: list[Any] | dict[str, Any]) -> Iterator[Row | Fault]:
    """The rows of a parsed document with their lines, which takes a second pass over the text: the parser does not report them."""
    position = _after_space(text, 0) + 1  # past the opening bracket
    line, counted = 1, 0  # line of the text position up to which line breaks are counted
    for key, row in value.items() if isinstance(value, dict) else enumerate(value):
        position = _after_space(text, position)
        if isinstance(value, dict):
            _, position = STRICT_JSON.raw_decode(text, position)
            position = _after_space(text, _after_space(text, position) + 1)  # past the colon
        line, counted = line + text.count("\n", counted, position), position
        _, position = STRICT_JSON.raw_decode(text, position)
        position = _after_space(text, position) + 1  # past the comma
        if not isinstance(row, dict):
            yield Fault(line, "not-object", f"a {type(row).__name__}, not a JSON object", (type(row).__name__,))
        else:
            yield Row(line, row if isinstance(value, list) or "id" in row else {"id": str(key), **row})


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
