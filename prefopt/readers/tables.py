"""Read whole tables of texts from a file of any kind: taxonomies, and statements of the curriculum."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefopt.errors import DataError
from prefopt.io.row import Fault, Row
from prefopt.readers.column_names import column_key
from prefopt.readers.csv_reader import CsvTable, read_csv
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.row_columns import Columns
from prefopt.readers.row_reader import TABLES, faultless, scan
from prefopt.texts.folded import visible


def read_table(path: Path, known: Mapping[str, str], *, hint: str, options: ReadOptions = AS_IT_IS) -> CsvTable:
    """Read a table whole: every cell a text, "" where it is empty, under the keys that its columns mean.

    Args:
        path: a file of any kind of prefopt.readers.row_reader.
        known: column_key of a name -> key; a column of another name keeps it.
        hint: what to type where the file is missing.
        options: columns, ignored columns, sheet.

    Raises:
        DataError: with file and line: no such file, an unreadable row, two columns of one key.
    """
    if not path.exists() or path.is_dir():
        raise DataError("is a folder" if path.is_dir() else "no such file", path=path, hint=hint)
    asked = {column_key(name) for name in (*options.columns, *options.ignored)}
    if path.suffix.lower() in TABLES:
        table = read_csv(path, hint=hint, is_known=lambda cell: column_key(cell) in known or column_key(cell) in asked)
    else:
        table = _whole(list(faultless(scan(path, options), path)))
    return named_table(table, known, path, options)


def named_table(table: CsvTable, known: Mapping[str, str], source: Path | str, options: ReadOptions = AS_IT_IS) -> CsvTable:
    """A table under the keys that its columns mean, with texts as people see them. Raises DataError for two columns of one key."""
    names = tuple(visible(name) for name in table.columns)
    plan = Columns(options, known).plan(names)
    if plan.clash is not None:
        key, columns = plan.clash
        what = f"the columns {' and '.join(map(repr, columns))} both mean {key}; skip one: {options.skipping(columns[1:])}"
        what = f"the columns {' and '.join(map(repr, columns))} both mean {key}; skip one: {options.skipping(columns[1:])}"
        raise Fault(1, "column-ambiguous", what).as_error(source)
    rows = [
        Row(row.line, plan.values(dict(zip(names, (visible(str(row.values[name])) for name in table.columns), strict=True))), row.sheet)
        for row in table.rows
    ]
    return CsvTable(tuple(key for _, key in plan.keys), tuple(rows))


def _whole(rows: list[Row]) -> CsvTable:
    columns = tuple(dict.fromkeys(str(name) for row in rows for name in row.values))
    return CsvTable(columns, tuple(Row(row.line, {name: _cell(row.values.get(name)) for name in columns}, row.sheet) for row in rows))


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "|".join(map(str, value))
    return "" if value is None else str(value)
