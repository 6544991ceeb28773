"""The tables of a page of HTML as one sheet: school information systems and web pages save such pages with the suffix .xls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from prefopt.readers.workbook_cells import Cells, Odd, RichText, Sides, text_value

_CHARSET = re.compile(rb"charset\s*+=\s*+[\"']?+\s*+([\w-]{1,30})", re.I)
_ALIGN = {"sup": "superscript", "sub": "subscript"}
_BREAKS = ("br", "p", "div", "li")
_MAX_SPAN = 1 << 20


def open_html(path: Path) -> list[HtmlSheet]:
    """The tables of a page, below each other in one sheet; none where the page has no table. Raises ValueError for another encoding."""
    raw = path.read_bytes()
    named = _CHARSET.search(raw[:4096])
    is_wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    encodings = ["utf-16"] if is_wide else ["utf-8-sig", "cp949", named[1].decode("ascii") if named else "utf-8"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        sheet = HtmlSheet()
        sheet.feed(text)
        sheet.close()
        return [sheet] if sheet.sides.filled else []
    raise ValueError("the page is neither UTF-8 nor CP949")


class HtmlSheet(HTMLParser):
    """See prefopt.readers.workbook_cells.Sheet."""

    name, is_hidden = "HTML", False

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sides = Sides()
        self._rows: list[tuple[int, Cells]] = []
        self._row = self._column = 0
        self._cells: Cells = {}
        self._covered: dict[int, int] = {}  # column -> last row that a cell above reaches down to
        self._text: RichText | None = None
        self._align = ""
        self._is_hidden = self._is_struck = False

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """Rows with at least one value."""
        yield from self._rows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "table":
            self._end_row()
            self._row += bool(self._row)  # a blank row between two tables
        elif tag == "tr":
            self._end_row()
            self._row, self._column, self._cells = self._row + 1, 0, {}
            self._is_hidden = "display:none" in attributes.get("style", "").replace(" ", "").lower()
        elif tag in ("td", "th"):
            self._begin_cell(attributes)
        elif tag in _BREAKS and self._text is not None:
            self._text.add("\n")
        elif tag in _ALIGN:
            self._align = _ALIGN[tag]
        elif tag in ("s", "strike", "del"):
            self._is_struck = True
        elif tag == "img" and self._row:
            self.sides.objects.append((self._row, self._column, "a picture"))

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()
        elif tag in _ALIGN:
            self._align = ""
        elif tag in ("s", "strike", "del"):
            self._is_struck = False

    def handle_data(self, data: str) -> None:
        """Characters."""
        if self._text is not None:
            self._text.add(re.sub(r"[ \t\r\n]+", " ", data), self._align, is_struck=self._is_struck)

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        self._end_cell()
        if not self._row:
            self._row = 1
        self._column += 1
        while self._covered.get(self._column, 0) >= self._row:
            self._column += 1
        down, across = _span(attributes.get("rowspan", "1")), min(_span(attributes.get("colspan", "1")), 1000)
        if down > 1 or across > 1:
            self.sides.merges.append((self._row, self._column, self._row + down - 1, self._column + across - 1))
        for column in range(self._column, self._column + across):
            self._covered[column] = self._row + down - 1
        self._text = RichText()

    def _end_cell(self) -> None:
        if self._text is None:
            return
        value = self._text.take()
        lines = str(value.value if isinstance(value, Odd) else value).split("\n")
        text = "\n".join(line.strip(" ") for line in lines).replace("\xa0", " ").strip()
        if text:
            self._cells[self._column] = Odd(text, value.kind, value.said) if isinstance(value, Odd) else text_value(text)
        self._text = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._cells:
            self._rows.append((self._row, self._cells))
            self.sides.filled += 1
            if self._is_hidden:
                self.sides.hidden_rows.append(self._row)
        self._cells = {}


def _span(text: str) -> int:
    """Rows or columns that a cell reaches over."""
    return max(1, min(int(text), _MAX_SPAN)) if text.strip().isascii() and text.strip().isdigit() and len(text) < 8 else 1
