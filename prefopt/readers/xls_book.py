"""The sheets of a workbook of Excel 97 to 2003 (.xls, BIFF), read by xlrd with their formatting."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from prefopt.readers.workbook_cells import Cells, Odd, RichText, Sides, is_symbols, number_value, text_value, unescaped
from prefopt.readers.xlsx_sheet import number_as_shown

_TEXT, _NUMBER, _DATE, _BOOLEAN, _ERROR = 1, 2, 3, 4, 5  # cell types of xlrd
_ALIGN = {1: "superscript", 2: "subscript"}
_BEGIN, _END, _DRAWING, _OBJECT = 0x809, 0x0A, 0xEC, 0x5D  # records of BIFF8
_ANCHOR = b"\x00\x00\x10\xf0\x12\x00\x00\x00"  # head of OfficeArtClientAnchorSheet
_OBJECTS = {5: "a chart", 6: "a text box", 8: "a picture"} | dict.fromkeys((1, 2, 3, 4, 9, 30), "a shape")


def open_xls(path: Path) -> list[XlsSheet]:
    """The worksheets of a workbook. Raises what xlrd raises for a broken one: XLRDError, CompDocError, struct.error …"""
    import xlrd

    book = xlrd.open_workbook(str(path), formatting_info=True, logfile=io.StringIO(), use_mmap=False, ragged_rows=True, on_demand=True)
    try:
        return [XlsSheet(book, sheet, _objects(book.mem, book._sh_abs_posn[i])) for i, sheet in enumerate(book.sheets())]
    finally:
        book.release_resources()


def _objects(stream: bytes, position: int) -> list[tuple[int, int, str]]:
    """Row, column and kind of the pictures and shapes of a sheet whose records begin at a position; xlrd leaves them out."""
    found: list[tuple[int, int, str]] = []
    row = column = depth = 0
    while 0 <= position <= len(stream) - 4:
        code, size = struct.unpack_from("<HH", stream, position)
        data, position = stream[position + 4 : position + 4 + size], position + 4 + size
        depth += (code == _BEGIN) - (code == _END)
        if depth <= 0:
            break
        if code == _DRAWING and (at := data.find(_ANCHOR)) >= 0 and len(data) >= at + 18:
            column, row = (data[at + 10] | data[at + 11] << 8) + 1, (data[at + 14] | data[at + 15] << 8) + 1
        elif code == _OBJECT and len(data) >= 6 and (what := _OBJECTS.get(data[4])):
            found.append((row, column, what))
            row = column = 0
    return found


class XlsSheet:
    """A worksheet; see prefopt.readers.workbook_cells.Sheet."""

    def __init__(self, book: Any, sheet: Any, objects: list[tuple[int, int, str]]) -> None:
        self._book, self._sheet, self._objects = book, sheet, objects
        self.name, self.is_hidden = str(sheet.name), sheet.visibility != 0

    @cached_property
    def sides(self) -> Sides:
        """What the sheet holds beside its cells."""
        sheet = self._sheet
        filled = [number for number, _ in self.rows()]
        hidden = {row + 1 for row, info in sheet.rowinfo_map.items() if info.hidden}
        return Sides(
            filled=len(filled),
            merges=[(top + 1, left + 1, bottom, right) for top, bottom, left, right in sheet.merged_cells],
            hidden_rows=[number for number in filled if number in hidden],
            hidden_columns=[(column + 1, column + 1) for column, info in sheet.colinfo_map.items() if info.hidden],
            objects=self._objects,
            comments=sorted((row + 1, column + 1) for row, column in sheet.cell_note_map),
        )

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """Rows with at least one value."""
        for row in range(self._sheet.nrows):
            values = ((column + 1, self._cell(row, column)) for column in range(self._sheet.row_len(row)))
            cells = {column: value for column, value in values if value is not None and value != ""}
            if cells:
                yield row + 1, cells

    def _cell(self, row: int, column: int) -> Any:
        kind, value = self._sheet.cell_type(row, column), self._sheet.cell_value(row, column)
        if kind == _TEXT:
            return self._text(row, column, value)
        if kind in (_NUMBER, _DATE):
            number = number_value(repr(float(value)))
            code = self._book.format_map[self._format(row, column).format_key].format_str
            code = code or ("yyyy-mm-dd" if kind == _DATE else "General")  # xlrd has no words for local formats, which are dates
            return number if isinstance(number, Odd) else number_as_shown(number, code, counts_from_1904=bool(self._book.datemode))
        if kind == _BOOLEAN:
            return bool(value)
        if kind == _ERROR:
            from xlrd import error_text_from_code

            return Odd(None, "error-cell", (error_text_from_code.get(value, "#UNKNOWN!"),))
        return None

    def _format(self, row: int, column: int) -> Any:
        return self._book.xf_list[self._sheet.cell_xf_index(row, column)]

    def _text(self, row: int, column: int, text: str) -> Any:
        runs = self._sheet.rich_text_runlist_map.get((row, column), [])
        own = self._format(row, column).font_index
        if not runs and not self._book.font_list[own].struck_out and not is_symbols(self._book.font_list[own].name):
            return text_value(unescaped(text))
        rich = RichText()
        starts = [(0, own), *runs]
        for i, (start, font) in enumerate(starts):
            end = starts[i + 1][0] if i + 1 < len(starts) else len(text)
            look = self._book.font_list[font]
            align = _ALIGN.get(look.escapement, "")
            is_underlined, has_symbols = bool(look.underline_type), is_symbols(look.name)
            rich.add(text[start:end], align, is_struck=bool(look.struck_out), is_underlined=is_underlined, has_symbols=has_symbols)
        return rich.take()
