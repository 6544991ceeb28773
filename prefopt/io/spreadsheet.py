"""Write tables for spreadsheet programs: UTF-8 with a byte-order mark, without which Excel garbles Korean, and formulas escaped."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from prefopt.io.files import write_text

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet program run a cell (OWASP, CSV injection)."""


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet program would run as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unescape_formula(text: str) -> str:
    """Undo `escape_formula`."""
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table as CSV text with a byte-order mark. Texts are escaped, numbers are not."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([escape_formula(column) for column in columns])
    writer.writerows([escape_formula(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return "\ufeff" + text.getvalue()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write the table atomically."""
    write_text(path, csv_text(columns, rows))
