"""What separates the cells of a text table, and which of its first lines names the columns.

Programs write ",", ";" (Excel where the comma is the decimal mark), tabs ("Unicode text") or "|"; a first line `sep=;` says so to Excel;
people put a title above the table.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

SEPARATORS = (",", ";", "\t", "|")
LOOKED_AT = 25  # lines from which the layout is recognized
_SEP_LINE = re.compile(r'\s*"?sep=(.)"?[,;]*\s*', re.I | re.S)
_MAX_CELL = 1 << 30  # characters; the default of the csv module is less than a long text
_TITLES = 4  # most rows above the one that names the columns


@dataclass(frozen=True)
class Layout:
    """How a table is laid out."""

    separator: str
    titles: int = 0
    """Filled rows above the one that names the columns."""
    is_table: bool = True
    """Whether anything but one column was seen."""


def stated_separator(line: str) -> str | None:
    """The separator of a line `sep=;`."""
    found = _SEP_LINE.fullmatch(line)
    return found[1] if found else None


def layout_of(lines: Sequence[str], preferred: str | None, is_known: Callable[[str], bool], stated: str | None = None) -> Layout:
    """The layout of a table.

    Args:
        lines: its first lines, with their ends.
        preferred: separator where nothing tells; None: there may be no table.
        is_known: whether a cell is the name of a column.
        stated: separator that the file itself states.
    """
    best, most = Layout(stated or preferred or ",", is_table=preferred is not None), (0, False, False, 0)
    for separator in (stated,) if stated else SEPARATORS:
        rows = [cells for cells in _rows(lines, separator) if any(c.strip() for c in cells)]
        if not rows:
            continue
        known = [sum(is_known(cell) for cell in cells) for cells in rows[: _TITLES + 1]]
        titles = _titles(rows, known)
        width = len(rows[titles])
        if width < 2 and not stated:
            continue
        even = all(len(cells) == width for cells in rows[titles + 1 : titles + 10])
        score = (known[titles], even, separator == preferred, width)
        if score > most:
            best, most = Layout(separator, titles), score
    return best


def _titles(rows: Sequence[Sequence[str]], known: Sequence[int]) -> int:
    """Number of rows above the header: 0 unless the first row names nothing and a later one at least two columns."""
    if known[0]:
        return 0
    for i, count in enumerate(known):
        if count >= 2 and sum(bool(c.strip()) for c in rows[0]) < len(rows[i]):
            return i
    return 0


def cells_of(lines: Iterable[str], separator: str, *, strict: bool = False) -> Iterator[list[str]]:
    """The cells of each row. The length of a cell is not limited: text_file limits that of a line."""
    csv.field_size_limit(_MAX_CELL)
    return csv.reader(lines, delimiter=separator, strict=strict)


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return list(cells_of(lines, separator))
    except csv.Error:
        return [line.rstrip("\r\n").split(separator) for line in lines]
