"""Text files in the encodings that occur in Korean schools: UTF-8, CP949 (Excel on Windows) and UTF-16 (Excel's "Unicode text").

A file is looked through once before it is read, so that lines are streamed and none is decoded by a guess that a later line refutes.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

from prefopt.io.row import Fault, Note
from prefopt.readers.file_signatures import COMPOUND, signature

MAX_LINE = 1_000_000
"""Characters; a longer line is not a row."""
_CHUNK = 1 << 20
_SAMPLE = 1 << 14
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_KINDS = (
    (b"PAR1", "a Parquet file", ".parquet"),
    (b"ARROW1", "an Arrow file", ".arrow"),
    (b"%PDF-", "a PDF", ""),
    (b"\x89PNG\r\n", "a picture", ""),
    (b"\xff\xd8\xff", "a picture", ""),
    (b"GIF8", "a picture", ""),
    (b"\x1f\x8b", "a gzip archive", ""),
)
MIXED = "mixed"


def text_lines(path: Path, found: list[Fault]) -> Iterator[str]:
    """Stream the lines of a file, each with its end (\\n, \\r\\n or \\r).

    What is to be said goes to `found` before the line that it concerns is given. A line that cannot be decoded or is too long is given as
    an empty one, so that the numbers of the others stay right.
    """
    encoding = encoding_of(path, found)
    if encoding is None:
        return
    for number, line in enumerate(_mixed_lines(path) if encoding == MIXED else _decoded_lines(path, encoding), 1):
        if len(line) > MAX_LINE:
            found.append(Fault(number, "line-too-long", f"the line has more than {MAX_LINE:,} characters", (MAX_LINE,)))
            yield "\n"
        else:
            yield line[1:] if line[0] == "\ufeff" else line  # also in the middle, where two exports were joined


def whole_text(path: Path, found: list[Fault]) -> str | None:
    """The text of a file; None, with the fault in `found`, where it has no one encoding."""
    encoding = encoding_of(path, found)
    if encoding is None or encoding == MIXED:
        return None
    return path.read_bytes().decode(encoding).removeprefix("\ufeff")


def encoding_of(path: Path, found: list[Fault]) -> str | None:
    """The encoding of a file, MIXED where only some lines are UTF-8, or None where it is no text; what is to be said goes to `found`."""
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    if other := _other_kind(path, head):
        what, suffix = other
        rename = f"; rename it to {path.with_suffix(suffix).name}" if suffix else ""
        found.append(Fault(1, "kind-wrong", f"the file is {what}, not text{rename}", other))
        return None
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), None) or _unmarked_utf16(head)
    if encoding is not None and encoding != "utf-8-sig":
        position = _damaged_at(path, encoding)
        if position is not None:
            name = encoding.upper()
            found.append(Fault(1, "not-utf8", f"the file is {name}, but damaged at byte {position}"))
            return None
        found.append(Note(1, "encoding-utf16", f"read as {encoding.upper()}", (encoding.upper(),)))
        return encoding
    if _damaged_at(path, "utf-8") is None:
        return "utf-8-sig"
    return _without_utf8(path, found)


def _other_kind(path: Path, head: bytes) -> tuple[str, str] | None:
    """What a file is that is no text, and the suffix that reads it ("" for none); None for a text."""
    if head.startswith((b"PK\x03\x04", COMPOUND)):
        kind, what = signature(path)
        return ("an archive", "") if kind == "broken" else (what, {"xlsx": ".xlsx", "xls": ".xls"}.get(kind, ""))
    return next(((what, suffix) for magic, what, suffix in _OTHER_KINDS if head.startswith(magic)), None)


def _damaged_at(path: Path, encoding: str) -> int | None:
    """Position of the first byte that cannot be decoded."""
    decoder, position = codecs.getincrementaldecoder(encoding)(), 0
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
                position += len(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            return position + error.start
    return None


def _unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 without a byte-order mark, where it is clear: nearly all characters are ASCII or Hangul."""
    if b"\x00" not in head:
        return None
    for name in ("utf-16-le", "utf-16-be"):
        try:
            text = head[: len(head) // 2 * 2].decode(name, errors="ignore")
        except UnicodeDecodeError:
            continue
        usual = sum(" " <= c <= "~" or c in "\t\r\n" or "가" <= c <= "힣" for c in text)
        if text and usual >= 0.8 * len(text) and any(c.isascii() for c in text) and "\x00" not in text:
            return name
    return None


def _without_utf8(path: Path, found: list[Fault]) -> str:
    """cp949 where every line is, or else MIXED with the fault: a file of several encodings, or of none of these."""
    lines = {"utf-8": [0, 0], "cp949": [0, 0], "": [0, 0]}  # encoding -> first line, count
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            encoding = _encoding_of_line(raw)
            if encoding is not None:
                first = lines[encoding]
                first[:] = [first[0] or number, first[1] + 1]
    (_, utf8), (line, cp949), (other_line, other) = lines.values()
    if cp949 and not utf8 and not other:
        found.append(Note(1, "encoding-cp949", "read as CP949, the Korean encoding of Windows", ()))
        return "cp949"
    if cp949 and not other:
        what = f"not UTF-8: {cp949:,} lines, the first of them here, are CP949 (the Korean encoding of Windows), {utf8:,} are UTF-8"
        found.append(Fault(line, "not-utf8", what, (cp949, utf8)))
    else:
        bad = min(n for n in (line, other_line) if n)
        found.append(
            Fault(bad, "not-utf8", f"not UTF-8: {cp949 + other:,} lines, the first of them here, cannot be read", (cp949 + other,))
        )
    return MIXED


def _encoding_of_line(raw: bytes) -> str | None:
    """The encoding of a line; "" where it is neither UTF-8 nor CP949, None where it does not tell the two apart."""
    if raw.isascii():
        return None
    try:
        is_utf8 = any("ᄀ" <= c <= "ᇿ" or "　" <= c <= "힣" for c in raw.decode("utf-8-sig")) or not _is_cp949(raw)
        return "utf-8" if is_utf8 else None
    except UnicodeDecodeError:
        pass
    try:
        return "cp949" if any("가" <= c <= "힣" or c in "①②③④⑤×÷" for c in raw.decode("cp949")) else ""
    except UnicodeDecodeError:
        return ""


def _is_cp949(raw: bytes) -> bool:
    try:
        raw.decode("cp949")
    except UnicodeDecodeError:
        return False
    return True


def _decoded_lines(path: Path, encoding: str) -> Iterator[str]:
    with open(path, encoding=encoding, newline="") as file:
        while line := file.readline(MAX_LINE + 1):
            yield line
            if len(line) > MAX_LINE and line[-1] not in "\r\n":
                while (rest := file.readline(MAX_LINE)) and rest[-1] not in "\r\n":
                    pass


def _mixed_lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for raw in file:
            try:
                yield from io.StringIO(raw.decode("utf-8"), newline="")
            except UnicodeDecodeError:
                yield "\n"
