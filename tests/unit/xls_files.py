"""Writes small workbooks of Excel 97 to 2003, record by record ([MS-XLS]), in a compound file ([MS-CFB])."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SUPERSCRIPT, STRUCK, TEXT_FONT = 2, 3, 1  # indices of the fonts that every workbook has
FORMATS = {"000": 164, "yyyy\\-mm\\-dd": 165, "0%": 9, "General": 0}


@dataclass
class XlsSheet:
    """A sheet to write: rows of values; the rest by row and column, counted from 0."""

    name: str
    rows: Sequence[Sequence[Any]]
    formats: dict[tuple[int, int], str] = field(default_factory=dict)
    runs: dict[tuple[int, int], list[tuple[int, int]]] = field(default_factory=dict)
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden_rows: tuple[int, ...] = ()
    hidden_columns: tuple[int, ...] = ()
    comments: tuple[tuple[int, int], ...] = ()
    pictures: tuple[tuple[int, int], ...] = ()
    is_hidden: bool = False


def xls(*sheets: XlsSheet, is_1904: bool = False) -> bytes:
    """The bytes of a workbook."""
    return compound({"Workbook": stream(sheets, is_1904=is_1904)})


def stream(sheets: Sequence[XlsSheet], *, is_1904: bool = False) -> bytes:
    """The records of a workbook, without the compound file around them."""
    head = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + _record(0x42, struct.pack("<H", 1200))
    head += _record(0x22, struct.pack("<H", int(is_1904)))
    for flags, escapement in ((0, 0), (0, 0), (0, 1), (8, 0)):
        head += _record(0x31, struct.pack("<HHHHHBBBB", 200, flags, 0, 400, escapement, 0, 0, 0, 0) + _text("Arial", 1))
    for code, key in FORMATS.items():
        if key > 160:
            head += _record(0x41E, struct.pack("<H", key) + _text(code, 2))
    for key in FORMATS.values():
        head += _record(0xE0, struct.pack("<HHHBBBBIiH", 0, key, 0, 0, 0, 0, 0, 0, 0, 0))
    bodies = [_sheet(sheet) for sheet in sheets]
    bound = [struct.pack("<BB", int(sheet.is_hidden), 0) + _text(sheet.name, 1) for sheet in sheets]
    position = len(head) + sum(len(b) + 8 for b in bound) + 4
    for body, name in zip(bodies, bound, strict=True):
        head += _record(0x85, struct.pack("<i", position) + name)
        position += len(body)
    return head + _record(0x0A, b"") + b"".join(bodies)


def _sheet(sheet: XlsSheet) -> bytes:
    found = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    for column in sheet.hidden_columns:
        found += _record(0x7D, struct.pack("<HHHHHH", column, column, 2000, 0, 1, 0))
    for row in sheet.hidden_rows:
        found += _record(0x208, struct.pack("<HHHHHHI", row, 0, 9, 255, 0, 0, 0x20))
    for row, values in enumerate(sheet.rows):
        for column, value in enumerate(values):
            if value is not None:
                found += _cell(row, column, list(FORMATS).index(sheet.formats.get((row, column), "General")), value, sheet)
    if sheet.merges:
        ranges = b"".join(struct.pack("<HHHH", *m) for m in sheet.merges)
        found += _record(0xE5, struct.pack("<H", len(sheet.merges)) + ranges)
    for row, column in sheet.pictures:
        found += _record(0xEC, bytes.fromhex("000010f012000000") + struct.pack("<9H", 0, column, 0, row, 0, column + 1, 0, row + 1, 0))
        found += _record(0x5D, struct.pack("<HHHHH", 0x15, 0x12, 8, 1, 0) + bytes(12) + bytes(4))
    for i, (row, column) in enumerate(sheet.comments, 1):
        found += _record(0x5D, struct.pack("<HHHHH", 0x15, 0x12, 25, i, 0) + bytes(12) + bytes(4))
        found += _record(0x1B6, struct.pack("<HHHHHHHI", 0, 0, 0, 0, 0, 1, 0, 0)[:18]) + _record(0x3C, b"\0x")
        found += _record(0x1C, struct.pack("<HHHH", row, column, 0, i) + _text("kim", 2) + b"\0")
    return found + _record(0x0A, b"")


def _cell(row: int, column: int, style: int, value: Any, sheet: XlsSheet) -> bytes:
    place = struct.pack("<HHH", row, column, style)
    if isinstance(value, bool):
        return _record(0x205, place + bytes([value, 0]))
    if isinstance(value, (int, float)):
        return _record(0x203, place + struct.pack("<d", value))
    if value == "#REF!":
        return _record(0x205, place + bytes([0x17, 1]))
    if (row, column) in sheet.runs:  # RSTRING, a label with formatting
        runs = sheet.runs[row, column]
        return _record(0xD6, place + _text(value, 2) + struct.pack("<H", len(runs)) + b"".join(struct.pack("<HH", *r) for r in runs))
    return _record(0x204, place + _text(value, 2))


def _text(text: str, size: int) -> bytes:
    return struct.pack("<B" if size == 1 else "<H", len(text)) + b"\1" + text.encode("utf-16-le")


def _record(code: int, data: bytes) -> bytes:
    return struct.pack("<HH", code, len(data)) + data


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file with the streams, each padded to 4,096 bytes so that it needs no short sectors."""
    padded = {name: data.ljust(-(-max(len(data), 4096) // 512) * 512, b"\0") for name, data in streams.items()}
    counts = [len(data) // 512 for data in padded.values()]
    fat_sectors = 1
    while fat_sectors * 128 < sum(counts) + 1 + fat_sectors:
        fat_sectors += 1
    chain = [-3] * fat_sectors + [-2]  # the table itself, the directory
    entries = [_entry("Root Entry", 5, -2, 0, 1)]
    for i, (name, data) in enumerate(padded.items()):
        start = len(chain)
        chain += [*range(start + 1, start + counts[i]), -2]
        entries.append(_entry(name, 2, start, len(data), -1 if i + 1 == len(padded) else i + 2))
    table = struct.pack(f"<{len(chain)}i", *chain).ljust(512 * fat_sectors, b"\xff")
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIiIIiIiI", 0, fat_sectors, fat_sectors, 0, 4096, -2, 0, -2, 0)
    head += struct.pack("<109i", *range(fat_sectors), *[-1] * (109 - fat_sectors))
    return head + table + b"".join(entries).ljust(512, b"\0")[:512] + b"".join(padded.values())


def _entry(name: str, kind: int, start: int, size: int, neighbor: int) -> bytes:
    written = (name + "\0").encode("utf-16-le")
    left, right, child = (-1, -1, neighbor) if kind == 5 else (-1, neighbor, -1)
    head = written.ljust(64, b"\0") + struct.pack("<HBBiii", len(written), kind, 1, left, right, child)
    return head + bytes(36) + struct.pack("<iQ", start, size)
