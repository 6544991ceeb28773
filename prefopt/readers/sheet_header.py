"""Where the table of a sheet begins, and the names of its columns: titles above it, names over two rows, no name at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from prefopt.readers.column_names import is_column
from prefopt.readers.workbook_cells import Cells, Odd, Sheet, Sides
from prefopt.texts.personal_data import excerpt

Known = Callable[[Any], bool]
"""Whether a cell is the name of a column."""
LOOK = 20  # rows with a value in which the names of the columns are looked for

_TOTALS = re.compile(
    r"(?:합계|총계|소계|총합|평균|계|누계|요약|total|sum|subtotal|average|mean)\s*+:?+(?:\s*+\d++\s*+(?:문항|문제|개|점)?)?", re.I
)


@dataclass
class Header:
    """The names of a table's columns."""

    rows: tuple[int, ...] = ()
    """Numbers of the one or two rows that hold them."""
    names: dict[int, str] = field(default_factory=dict)
    titles: list[tuple[int, str]] = field(default_factory=list)
    """Rows above, which are not read, and their first words."""


def find_header(rows: Sequence[tuple[int, Cells]], sides: Sides, is_known: Known | None = None) -> Header:
    """The header among the first rows of a sheet that have a value; without names where there are no rows."""
    if not rows:
        return Header()
    is_known = is_known or is_column
    at = _first(rows, sides, is_known)
    number, cells = rows[at]
    header = Header((number,), {column: plain(value).strip() for column, value in cells.items()})
    header.titles = [(n, excerpt(" ".join(plain(value) for value in c.values()), 60)) for n, c in rows[:at]]
    if at + 1 < len(rows) and rows[at + 1][0] == number + 1 and _continues(number, cells, rows[at + 1][1], sides):
        header.rows = (number, number + 1)
        _join(header, rows[at + 1][1], sides, is_known)
    header.names = {column: name for column, name in sorted(header.names.items()) if name}
    return header


def _first(rows: Sequence[tuple[int, Cells]], sides: Sides, is_known: Known) -> int:
    """Index of the row that names the columns."""
    known = [sum(map(is_known, cells.values())) for _, cells in rows]
    if max(known) >= 2:
        return next(at for at, count in enumerate(known) if count >= 2)
    for at, (_, cells) in enumerate(rows):
        if known[at] and all(len(earlier) < len(cells) for _, earlier in rows[:at]):
            return at
    wide = {row for row, first, last, end in sides.merges if row == last and end > first}
    for at, (number, cells) in enumerate(rows):
        is_title = len(cells) == 1 or (number in wide and all((number, c) in _wide_starts(sides) for c in cells))
        if not is_title:
            return at
    return 0


def _wide_starts(sides: Sides) -> set[tuple[int, int]]:
    return {(row, first) for row, first, last, end in sides.merges if row == last and end > first}


def _continues(number: int, cells: Cells, below: Cells, sides: Sides) -> bool:
    """Whether the next row names columns too: every cell of it stands below a name that is merged across columns."""
    groups = [(first, last) for row, first, end, last in sides.merges if row == end == number and last > first and first in cells]
    below_groups = [column for column in below if any(first <= column <= last for first, last in groups)]
    return bool(below_groups) and len(below_groups) == len(below) and all(isinstance(value, str) for value in below.values())


def _join(header: Header, below: Cells, sides: Sides, is_known: Known) -> None:
    """Names of two rows as one: of "성취기준" over "코드", "성취기준 코드"; the lower one alone where it is usual."""
    upper = dict(header.names)
    for row, first, end, last in sides.merges:
        if row == end == header.rows[0] and first in upper:
            for column in range(first, min(last, first + 64) + 1):
                lower = plain(below.get(column, "")).strip()
                header.names[column] = lower if not lower or is_known(lower) else f"{upper[first]} {lower}"


def is_totals(cells: Cells) -> bool:
    """Whether a row sums up the rows above it."""
    values = [value for _, value in sorted(cells.items())]
    first = values[0]
    if not isinstance(first, str) or not _TOTALS.fullmatch(first.strip()):
        return False
    return not any(isinstance(value, str) and len(value) > 20 for value in values[1:])


def plain(value: Any) -> str:
    """The text of a cell, as a CSV file that Excel saves would hold it."""
    if isinstance(value, Odd):
        value = value.value if value.value is not None else value.said[0]
    if isinstance(value, float):
        return f"{value:.15g}"  # the digits that Excel shows
    return str(value).upper() if isinstance(value, bool) else str(value)


def filled_rows(sheet: Sheet) -> Iterator[tuple[int, Cells]]:
    """The rows of a sheet that have more than spaces."""
    return (row for row in sheet.rows() if any(not isinstance(value, str) or value.strip() for value in row[1].values()))
