"""Files of records: JSON lines in which every row is validated, every fault with file and line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from prefopt.errors import DataError
from prefopt.io.disk import naming
from prefopt.io.jsonl_reader import MAX_LINE, OWN_LINE, read_jsonl
from prefopt.io.row import Row

T = TypeVar("T", bound=BaseModel)


def read_rows(path: Path, record: type[T], check: Callable[[T, int], None] | None = None) -> list[T]:
    """Read a JSONL file of one record type. A byte-order mark and blank lines are accepted.

    Args:
        path: the file.
        record: type of every row.
        check: called with each row and its 1-based line; it raises DataError itself.

    Raises:
        DataError: with file and line: no such file, not UTF-8, not JSON, a row that is not such a record.
    """
    rows: list[T] = []
    if path.is_dir():
        raise DataError("is a folder, not a JSONL file", path=path)
    for found in read_jsonl(path, hint=f"put the rows into {path}, one JSON object per line", longest=OWN_LINE):
        row = validated(found, record, path)
        if check is not None:
            check(row, found.line)
        rows.append(row)
    return rows


def validated(row: Row, record: type[T], path: Path) -> T:
    """A row of a file as a record. Raises DataError with file and line."""
    try:
        return record.model_validate(row.values)
    except ValidationError as error:
        about_keys = error.errors()[0]["type"] in ("extra_forbidden", "missing")
        known = ", ".join(getattr(record, "model_fields", ()))
        hint = f"known keys: {known}" if about_keys and known else "fix or delete this line"
        raise DataError(first_fault(error, row.values.get("id", "")), path=path, line=row.line, hint=hint) from None


def first_fault(error: ValidationError | ValueError, name: object = "") -> str:
    """The first fault of a record in words: its key, the value (shortened) and what is wrong with it; another error's own words."""
    if not isinstance(error, ValidationError):
        return str(error)
    fault = error.errors()[0]
    key = ".".join(str(p) for p in fault["loc"])
    shown = repr(fault["input"])
    shown = shown if len(shown) <= 60 else f"{shown[:57]}… ({len(shown):,} characters)"
    row = f"row {name!r}: " if name else ""
    if fault["type"] == "extra_forbidden":
        return f"{row}unknown key {key!r}"
    if fault["type"] == "missing":
        return f"{row}key {key!r} is missing"
    return f"{row}{key + ' = ' if key else ''}{shown}: {fault['msg'].removeprefix('Value error, ')}"


def line_of(row: BaseModel, path: Path, line: int | None = None) -> str:
    """A record as a line of a file, without the keys that hold None. Raises DataError where no reader would take so long a line."""
    text = row.model_dump_json(exclude_none=True) + "\n"
    if len(text) * 4 > MAX_LINE and (size := len(text.encode())) > MAX_LINE:
        name = next((str(getattr(row, key)) for key in ("id", "slate_id") if hasattr(row, key)), type(row).__name__)
        what = f"{name} would be a line of {size:,} bytes, and at most {MAX_LINE:,} are read back"
        raise DataError(what, path=path, line=line, hint="shorten its texts where they come from")
    return text


def write_rows(path: Path, rows: Iterable[BaseModel]) -> int:
    """Write records one a line, without the keys that hold their default None; returns their count. The file is on disk on return.

    Raises:
        DataError: a record is too long to be read back.
    """
    count = 0
    with naming(path), path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(line_of(row, path, count + 1))
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count
