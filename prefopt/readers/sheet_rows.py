"""From the cells of a sheet to rows under column names, with a finding for what the sheet says beside them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import Any

from prefopt.io.row import Fault, Note, Row
from prefopt.readers.column_names import column_key, is_column
from prefopt.readers.csv_reader import nameless
from prefopt.readers.sheet_header import LOOK, Header, Known, filled_rows, find_header, is_totals, plain
from prefopt.readers.workbook_cells import Cells, Odd, Sheet, Sides, address, letters
from prefopt.readers.workbook_findings import fault, note

_DATE_NAME = re.compile(
    r"날짜|일자|일시|시각|시간|기간|연월|년월|일$|date|time|(?:^|[ _])(?:day|month|year|at)$|created|updated|modified", re.I
)
_COUNTED = ("zeros-lost", "number-format")


class SheetRows:
    """Iterates over the rows, faults and notes of a sheet.

    Args:
        sheet: the sheet.
        label: Row.sheet of what it yields; "" where one sheet is read.
        ignored: names of columns whose cells are not judged.
        is_known: whether a cell is the name of a column; None: by usual names.
    """

    def __init__(self, sheet: Sheet, label: str = "", ignored: Collection[str] = (), is_known: Known | None = None) -> None:
        self._sheet, self._label = sheet, label
        self._ignored = {column_key(name) for name in ignored}
        self._is_known = is_known or is_column
        self._names: dict[int, str] = {}
        self._unjudged: set[int] = set()
        self._unnamed: set[int] = set()
        self._shown: dict[tuple[int, str], list[Any]] = {}
        self._merges: dict[tuple[int, int], tuple[int, int]] = {}
        self._merged: dict[int, tuple[int, Any]] = {}
        self._has_index = False

    def __iter__(self) -> Iterator[Row | Fault | Note]:
        rows = filled_rows(self._sheet)
        first = list(islice(rows, LOOK))
        header = find_header(first, self._sheet.sides, self._is_known)
        if not header.rows:
            return
        if found := nameless([*header.names.values()], header.rows[0], self._is_known, self._label):
            yield found
            return
        yield from self._named(header)
        yield from self._beside(self._sheet.sides, header)
        previous = header.rows[-1]
        for number, cells in chain(first, rows):
            if number <= header.rows[-1]:
                continue
            found, is_over = self._special(number, cells, previous, header)
            previous = number
            if found is not None:
                yield found
            elif not is_over:
                yield from self._row(number, cells)
            if is_over:
                break
        yield from self._shown_otherwise()

    def _named(self, header: Header) -> Iterator[Fault | Note]:
        """The names of the columns, and what is to say of them."""
        if header.titles:
            shown = ", ".join(f"{number}: {text}" for number, text in header.titles)
            yield note("title-row", header.titles[0][0], shown, sheet=self._label)
        if len(header.rows) == 2:
            yield note("header-two-rows", header.rows[0], *header.rows, ", ".join(header.names.values()), sheet=self._label)
        self._names = header.names
        self._unjudged = {column for column, name in header.names.items() if column_key(name) in self._ignored}
        seen: dict[str, int] = {}
        for column, name in header.names.items():
            if column in self._unjudged:
                continue
            if name in seen:
                first, second = (address(header.rows[0], c) for c in (seen[name], column))
                yield fault("column-repeated", header.rows[0], name, first, second, sheet=self._label)
            seen.setdefault(name, column)

    def _beside(self, sides: Sides, header: Header) -> Iterator[Note]:
        """What the sheet contains beside its cells. Merged ranges are kept for their rows."""
        for first, left, last, right in sides.merges:
            is_wide_alone = last == first and not any(left < column <= right for column in self._names)
            if first > header.rows[-1] and left in self._names and left not in self._unjudged and not is_wide_alone:
                self._merges[first, left] = (last, right)
        for row, column, what in sides.objects:
            where = address(row, column) if row and column else f"row {row}" if row else "the sheet"
            yield note("picture-in-sheet", max(row, 1), where, what, sheet=self._label)
        for row, column in sides.comments:
            yield note("cell-comment", row, address(row, column), sheet=self._label)
        hidden = [row for row in sides.hidden_rows if row > header.rows[-1]]
        if hidden:
            yield note("hidden-row", hidden[0], _ranges(hidden), len(hidden), sheet=self._label)
        for column, name in self._names.items():
            if any(first <= column <= last for first, last in sides.hidden_columns) and column not in self._unjudged:
                yield note("hidden-column", header.rows[0], letters(column), name, sheet=self._label)

    def _special(self, number: int, cells: Cells, previous: int, header: Header) -> tuple[Fault | None, bool]:
        """What a row is that holds no problem, and whether the table ends with it."""
        named = {column: value for column, value in cells.items() if column in self._names}
        if named and all(isinstance(value, str) and value.strip() == self._names[column] for column, value in named.items()):
            return note("header-repeated", number, number, sheet=self._label), False
        is_next, is_apart = number == header.rows[-1] + 1, number > previous + 1
        usual = sum(map(self._is_known, cells.values())) if is_next or is_apart or len(cells) > 1 else 0
        if usual >= 2:
            if is_next and usual == len(cells):
                return note("header-repeated", number, number, sheet=self._label), False
            if is_apart or sorted(map(plain, cells.values())) == sorted(self._names.values()):
                return fault("second-table", number, number, ", ".join(plain(v) for v in cells.values()), sheet=self._label), True
        if is_totals(cells):
            return note("totals-row", number, number, plain(min(cells.items())[1]), sheet=self._label), False
        return None, False

    def _row(self, number: int, cells: Cells) -> Iterator[Row | Fault | Note]:
        self._merged = {column: kept for column, kept in self._merged.items() if kept[0] >= number}
        values: dict[str, Any] = {}
        is_whole = True
        for column, value in cells.items():
            name = self._names.get(column)
            if name is None:
                if column < min(self._names) and isinstance(value, int):
                    if not self._has_index:
                        self._has_index = True
                        yield note("index-column", number, letters(column), sheet=self._label)
                elif column not in self._unnamed:
                    self._unnamed.add(column)
                    yield fault("column-unnamed", number, address(number, column), letters(column), sheet=self._label)
                continue
            if column in self._unjudged:
                values[name] = plain(value) if isinstance(value, Odd) else value
                continue
            if isinstance(value, Odd):
                found = self._odd(number, column, name, value)
                if found is not None:
                    yield found
                    is_whole = is_whole and isinstance(found, Note)
                value = value.value
            if value is not None:
                values[name] = value
        own = any(column in self._names for column in cells)
        for column, (_, value) in self._merged.items():
            values.setdefault(self._names[column], value)
        starts = [column for column in cells if (number, column) in self._merges] if self._merges else []
        for column in starts:
            yield self._merge(number, column, values.get(self._names[column]))
        values = {name: value for name, value in values.items() if value is not None}
        if own and is_whole and values:
            yield Row(number, values, self._label)

    def _merge(self, number: int, column: int, value: Any) -> Note:
        """Keep the value of a merged range for the rows below its first one."""
        last, right = self._merges[number, column]
        if last > number:
            self._merged[column] = (last, value)
        where = f"{address(number, column)}:{address(last, right)}"
        return note("merged-cells", number, where, self._names[column], number, last, sheet=self._label)

    def _odd(self, number: int, column: int, name: str, value: Odd) -> Fault | None:
        """The finding for a cell of which more is to say, if there is one for this cell alone."""
        where = address(number, column)
        if value.kind == "date":
            return None if _DATE_NAME.search(name) else fault("date-as-text", number, where, name, value.value, sheet=self._label)
        if value.kind in _COUNTED:
            self._shown.setdefault((column, value.kind), [number, where, *value.said, 0])[-1] += 1
            return None
        make = note if value.kind in ("rich-text", "picture-in-sheet") else fault
        return make(value.kind, number, where, *value.said, sheet=self._label)

    def _shown_otherwise(self) -> Iterator[Note]:
        """One note for each column of numbers that a reader sees in another form."""
        for (_, kind), (number, *said) in self._shown.items():
            yield note(kind, number, *said, sheet=self._label)


def _ranges(numbers: list[int]) -> str:
    """Numbers as ranges: 5-9, 12; the first ten of them."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    shown = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in spans[:10])
    return f"{shown} …" if len(spans) > 10 else shown
