"""Makes the workbooks of tests: a table of three problems, changed through openpyxl or in the XML of its parts."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import openpyxl

HEAD = ("번호", "문제", "성취기준")
PROBLEMS = (
    ("p1", "사과 3개와 배 4개는 모두 몇 개입니까?", "[2수01-05]"),
    ("p2", "색종이 12장에서 5장을 썼습니다. 몇 장 남았습니까?", "[2수01-06]"),
    ("p3", "한 상자에 6개씩 4상자이면 모두 몇 개입니까?", "[2수01-10]"),
)
FULL = {i: dict(zip(HEAD, values, strict=True)) for i, values in enumerate(PROBLEMS, 2)}
"""Rows of the unchanged table by their number."""

Edit = Callable[[Any], object]
Parts = Mapping[str, Callable[[str], str]]


@dataclass(frozen=True)
class Case:
    """A workbook with an oddity, and what reading it gives."""

    name: str
    content: Callable[[], bytes]
    found: list[tuple[str, int]] = field(default_factory=list)
    """Kind and row of each fault and note."""
    rows: dict[int, dict[str, Any]] = field(default_factory=lambda: FULL)
    suffix: str = ".xlsx"
    sheet: str | None = None


def table() -> openpyxl.Workbook:
    """The unchanged workbook."""
    book = openpyxl.Workbook()
    book.active.title = "1학년"
    for row in (HEAD, *PROBLEMS):
        book.active.append(row)
    return book


def saved(book: openpyxl.Workbook) -> bytes:
    """A workbook as bytes."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of some oddities that are wanted here
        book.save(stream)
    return stream.getvalue()


def edited(edit: Edit) -> Callable[[], bytes]:
    """The table after a change of its sheet."""

    def content() -> bytes:
        book = table()
        edit(book.active)
        return saved(book)

    return content


def in_book(edit: Edit) -> Callable[[], bytes]:
    """The table after a change of its workbook."""

    def content() -> bytes:
        book = table()
        edit(book)
        return saved(book)

    return content


def in_parts(changes: Parts, edit: Edit = lambda sheet: None, also: Mapping[str, str] | None = None) -> Callable[[], bytes]:
    """The table after changes in the text of its parts, with more parts."""

    def content() -> bytes:
        with zipfile.ZipFile(io.BytesIO(edited(edit)())) as packed:
            parts = {name: packed.read(name).decode() for name in packed.namelist()}
        for name, change in changes.items():
            changed = change(parts[name])
            assert changed != parts[name], name
            parts[name] = changed
        return zipped({**parts, **(also or {})})

    return content


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """Parts as a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return stream.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def cell(place: str, xml: str) -> Parts:
    """A change of the sheet's XML: the cell at a place is replaced."""

    def change(text: str) -> str:
        start = text.index(f'<c r="{place}"')
        close = text.index(">", start)
        end = close + 1 if text[close - 1] == "/" else text.index("</c>", start) + 4
        return text[:start] + xml + text[end:]

    return {SHEET: change}


def inline(place: str, runs: str) -> Parts:
    """The cell at a place with an inline text of these runs."""
    return cell(place, f'<c r="{place}" t="inlineStr"><is>{runs}</is></c>')


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATION = (
    '<Relationship Id="rIdS" Target="sharedStrings.xml"'
    ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"/></Relationships>'
)


def shared(content: Callable[[], bytes], change: Callable[[str], str] = str) -> Callable[[], bytes]:
    """The workbook with its texts in a part of their own, as Excel writes it; `change` is made in the sheet."""

    def made() -> bytes:
        with zipfile.ZipFile(io.BytesIO(content())) as packed:
            parts = {name: packed.read(name).decode() for name in packed.namelist()}
        texts: list[str] = []

        def moved_text(found: re.Match[str]) -> str:
            texts.append(found[2])
            return f'<c{found[1]} t="s"><v>{len(texts) - 1}</v></c>'

        parts[SHEET] = change(re.sub(r'<c([^>]*) t="inlineStr"><is>(.*?)</is></c>', moved_text, parts[SHEET]))
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">' + "".join(f"<si>{text}</si>" for text in texts) + "</sst>"
        listed = "xl/_rels/workbook.xml.rels"
        parts[listed] = parts[listed].replace("</Relationships>", RELATION)
        return zipped(parts)

    return made


def run(text: str, properties: str = "") -> str:
    """A run of a text with formatting."""
    return f'<r><rPr>{properties}</rPr><t xml:space="preserve">{text}</t></r>'


def without(*rows: int) -> dict[int, dict[str, Any]]:
    """The rows of the table but these."""
    return {number: values for number, values in FULL.items() if number not in rows}


def with_values(number: int, **_: Any) -> dict[int, dict[str, Any]]:
    """The rows of the table, of one of which values differ: the keywords id, text, label."""
    names = dict(zip(("id", "text", "label"), HEAD, strict=True))
    return {**FULL, number: {**FULL[number], **{names[key]: value for key, value in _.items()}}}


def moved(by: int) -> dict[int, dict[str, Any]]:
    """The rows of the table so many rows further down."""
    return {number + by: values for number, values in FULL.items()}


def png() -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
