"""The cells of a sheet of an Office Open XML workbook, a row at a time, and what the sheet holds beside them.

A sheet is read twice: merged ranges and drawings stand behind the cells that they change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any
from xml.etree.ElementTree import Element

from prefopt.readers.workbook_cells import Cells, Odd, RichText, Sides, is_on, number_value, shown_number, text_value, unescaped
from prefopt.readers.xlsx_package import LOCAL, SheetEntry, Style, Workbook, parse
from prefopt.texts.personal_data import excerpt

_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?([1-9]\d{0,6})(?::\$?([A-Z]{1,3})\$?([1-9]\d{0,6}))?")
_ANCHORS = ("twoCellAnchor", "oneCellAnchor", "absoluteAnchor")


class _Columns(dict[str, int]):
    """Letters of a column -> its number."""

    def __missing__(self, name: str) -> int:
        if not re.fullmatch("[A-Z]{1,3}", name):
            raise ValueError(f"{name!r} is not a column")
        number = 0
        for letter in name:
            number = number * 26 + ord(letter) - 64
        self[name] = number
        return number


COLUMNS = _Columns()


class XlsxSheet:
    """A worksheet; see prefopt.readers.workbook_cells.Sheet."""

    def __init__(self, book: Workbook, entry: SheetEntry, styles: dict[str, Style], texts: list[Any]) -> None:
        self._book, self._entry, self._styles, self._texts = book, entry, styles, texts
        self.name, self.is_hidden = entry.name, entry.is_hidden

    @cached_property
    def sides(self) -> Sides:
        """What the sheet holds beside its cells."""
        reader = _SideReader()
        with self._book.package.open(self._entry.part) as stream:
            for _ in parse(stream, reader.start, None, None):
                pass
        reader.end_row()
        _add_parts(reader.sides, self._book, self._entry.part)
        return reader.sides

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """Rows with at least one value."""
        reader = _RowReader(self._styles, self._texts, self._book.counts_from_1904)
        with self._book.package.open(self._entry.part) as stream:
            for _ in parse(stream, reader.start, reader.end, reader.characters):
                yield from reader.rows
                reader.rows.clear()


class _SideReader:
    """Collects from a sheet's XML what stands beside the cells."""

    def __init__(self) -> None:
        self.sides = Sides()
        self._row = 0
        self._is_filled = self._is_hidden = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = LOCAL[name]
        if tag == "c":
            return
        if tag in ("v", "f", "is"):
            self._is_filled = True
        elif tag == "row":
            self.end_row()
            self._row = int(attributes.get("r", self._row + 1))
            self._is_hidden = is_on(attributes.get("hidden", "0")) or attributes.get("ht") == "0"
        elif tag == "mergeCell":
            corners = _corners(attributes.get("ref", ""))
            if corners[:2] != corners[2:]:
                self.sides.merges.append(corners)
        elif tag == "col" and (is_on(attributes.get("hidden", "0")) or attributes.get("width") == "0"):
            self.sides.hidden_columns.append((int(attributes["min"]), int(attributes["max"])))

    def end_row(self) -> None:
        self.sides.filled += self._is_filled
        if self._is_filled and self._is_hidden:
            self.sides.hidden_rows.append(self._row)
        self._is_filled = False


def _corners(text: str) -> tuple[int, int, int, int]:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a range of cells")
    first, last = (int(found[2]), COLUMNS[found[1]]), (int(found[4] or found[2]), COLUMNS[found[3] or found[1]])
    return min(first[0], last[0]), min(first[1], last[1]), max(first[0], last[0]), max(first[1], last[1])


def _add_parts(sides: Sides, book: Workbook, part: str) -> None:
    """Comments and drawings, which are parts of their own."""
    for relation in book.package.relations(part).values():
        if relation.part not in book.package:
            continue
        if relation.type == "comments":
            for comment in book.package.tree(relation.part).iter("comment"):
                row, column, _, _ = _corners(comment.get("ref", ""))
                sides.comments.append((row, column))
        elif relation.type == "drawing":
            for anchor in book.package.tree(relation.part):
                if anchor.tag in _ANCHORS and (what := _drawn(anchor)):
                    sides.objects.append((_number(anchor, "row"), _number(anchor, "col"), what))
        elif relation.type == "oleObject":
            sides.objects.append((0, 0, "an embedded object"))


def _number(anchor: Element, which: str) -> int:
    """Row or column of an anchor's first corner; 0 where it has none."""
    text = anchor.findtext(f"from/{which}", "").strip()
    return int(text) + 1 if text.isdecimal() else 0


def _drawn(anchor: Element) -> str:
    """What an anchor holds; "" for a control that other programs do not show."""
    text = "".join(piece.text or "" for piece in anchor.iter("t")).strip()
    if next(anchor.iter("oMath"), None) is not None:
        return "an equation"
    if next(anchor.iter("pic"), None) is not None:
        return "a picture"
    if text:
        return "a text box"
    if next(anchor.iter("graphicFrame"), None) is not None:
        return "a chart"
    return "a shape" if any(next(anchor.iter(tag), None) is not None for tag in ("sp", "cxnSp", "contentPart")) else ""


class _RowReader:
    """Collects the rows of a sheet's XML."""

    def __init__(self, styles: dict[str, Style], texts: list[Any], counts_from_1904: bool) -> None:
        self.rows: list[tuple[int, Cells]] = []
        self._styles, self._texts, self._counts_from_1904 = styles, texts, counts_from_1904
        self._dates: dict[str, bool] = {}
        self._row = self._column = 0
        self._cells: Cells = {}
        self._attributes: dict[str, str] = {}
        self._value: list[str] | None = None
        self._formula: list[str] | None = None
        self._into: list[str] | None = None
        self._rich: RichText | None = None
        self._is_rich = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = LOCAL[name]
        if tag == "c":
            self._attributes = attributes
            self._value = self._formula = self._rich = None
            place = attributes.get("r")
            self._column = COLUMNS[place.rstrip("0123456789")] if place else self._column + 1
        elif tag == "v":
            self._value = self._into = []
        elif tag == "f":
            self._formula = self._into = []
        elif tag == "row":
            self._row = int(attributes.get("r", self._row + 1))
            if self._row < 1:
                raise ValueError(f"there is no row {self._row}")
            self._cells, self._column = {}, 0
        elif tag == "is":
            self._rich, self._is_rich = RichText(), True
        elif self._is_rich and self._rich is not None:
            self._rich.start(tag, attributes)

    def characters(self, data: str) -> None:
        if self._into is not None:
            self._into.append(data)
        elif self._is_rich and self._rich is not None:
            self._rich.text(data)

    def end(self, name: str) -> None:
        tag = LOCAL[name]
        if tag == "v" or tag == "f":
            self._into = None
        elif tag == "c":
            if self._value is not None or self._rich is not None or self._formula is not None:
                value = self._cell()
                if value is not None and value != "":
                    self._cells[self._column] = value
        elif tag == "row":
            if self._cells:
                self.rows.append((self._row, self._cells))
            self._cells = {}
        elif tag == "is":
            self._is_rich = False
        elif self._is_rich and self._rich is not None:
            self._rich.end(tag)

    def _cell(self) -> Any:
        """The value of the cell that just ended."""
        kind = self._attributes.get("t", "n")
        text = None if self._value is None else "".join(self._value)
        style = self._styles.get(self._attributes.get("s", "0"))
        if self._rich is not None and kind == "inlineStr":
            value = self._rich.take()
            value = text_value(value) if isinstance(value, str) else value
        elif text is None or (text == "" and kind != "str"):
            return None if self._formula is None else Odd(None, "formula-empty", ("=" + "".join(self._formula)[:60],))
        elif kind == "s":
            index = int(text)
            if index < 0:
                raise ValueError(f"there is no text {index}")
            value = self._texts[index]
            value = text_value(value) if isinstance(value, str) else value
        elif kind == "n":
            return self._number(text, style)
        elif kind == "b":
            value = text.strip() not in ("0", "false")
        elif kind == "e":
            is_picture = "vm" in self._attributes and text == "#VALUE!"
            return Odd(None, "picture-in-sheet", ("a picture in the cell",)) if is_picture else Odd(None, "error-cell", (text[:20],))
        elif kind == "d":
            return Odd(text, "date", ("",))
        else:
            value = text_value(unescaped(text))
        if style is not None and style.look and isinstance(value, str) and value.strip():
            return Odd(value, "rich-text", (style.look, excerpt(value, 40)))
        return value

    def _number(self, text: str, style: Style | None) -> Any:
        number = number_value(text)
        if style is None or isinstance(number, Odd):
            return number
        return number_as_shown(number, style.code, counts_from_1904=self._counts_from_1904)


_DATE_CODES: dict[str, bool] = {}


def number_as_shown(number: int | float, code: str, *, counts_from_1904: bool) -> Any:
    """A number under a format: itself, or an Odd with the date or the text that a reader sees."""
    if code not in _DATE_CODES:
        from openpyxl.styles.numbers import is_date_format

        _DATE_CODES[code] = bool(is_date_format(code))
    if _DATE_CODES[code]:
        shown = _date(number, code, counts_from_1904)
        return number if shown is None else Odd(shown, "date", (code,))
    shown = shown_number(number, code)
    if shown is None:
        return number
    has_zeros = isinstance(number, int) and "%" not in code and "/" not in code
    return Odd(shown, "zeros-lost" if has_zeros else "number-format", (excerpt(shown),))


def _date(number: int | float, code: str, counts_from_1904: bool) -> str | None:
    """A serial number as ISO date or time; None where no calendar has it."""
    from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

    try:
        if re.search(r"\[(?:h|m|s)+\]", code, re.I):
            return str(timedelta(seconds=round(number * 86400)))
        found = from_excel(number, MAC_EPOCH if counts_from_1904 else WINDOWS_EPOCH)
    except (OverflowError, ValueError):
        return None
    is_day = math.floor(number) == number and hasattr(found, "date")
    return str(found.date().isoformat() if is_day else found.isoformat())
