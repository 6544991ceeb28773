"""Write tables for spreadsheet programs: UTF-8 with a byte-order mark, without which Excel garbles Korean, and formulas escaped.

Every CSV file of prefopt is written by `write_cells`, and the reader of CSV files takes its apostrophes off again (`unescape_formula`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from prefopt.controls import shown
from prefopt.io.files import write_text

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫")
"""First characters that make a spreadsheet program run a cell (OWASP, CSV injection); the wide ones do so where they are folded."""
_RUNS = re.compile(rf"'*+(?:[\t\r]|[ \n\u00a0\u2000-\u200a\u3000]*+[\t\r{re.escape(''.join(FORMULA))}])")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d{1,3})?%?")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet program could run a text, or its apostrophes could be taken for those of `escape_formula`. A number is none."""
    return text[:1] not in _SAFE and _RUNS.match(text) is not None and _NUMBER.fullmatch(text) is None


_SAFE = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet program would run as a formula."""
    return f"'{text}" if is_formula(text) else text


def unescape_formula(text: str) -> str:
    """Undo `escape_formula`."""
    return text[1:] if text[:1] == "'" and is_formula(text[1:]) else text


def write_cells(file: TextIO, rows: Iterable[Sequence[object]], *, separator: str = ",", line_end: str = "\n") -> None:
    """Write rows of cells, names of columns among them: texts are escaped and shown without control characters, numbers stay numbers.

    Raises:
        csv.Error: a cell that CSV cannot hold.
    """
    writer = csv.writer(file, delimiter=separator, lineterminator=line_end)
    writer.writerows([escape_formula(shown(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table as CSV text with a byte-order mark."""
    text = io.StringIO()
    write_cells(text, [columns])
    write_cells(text, rows)
    return "\ufeff" + text.getvalue()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write the table atomically."""
    write_text(path, csv_text(columns, rows))
