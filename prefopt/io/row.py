"""A row of a file, a fault of a row, and the one rule by which bytes become text.

prefopt's own text files are UTF-8, with or without a byte-order mark. Those of people are decoded by prefopt.readers.text_file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefopt.errors import DataError

_HINTS = {
    "not-utf8": 'save the file as UTF-8; in a spreadsheet program, as "CSV UTF-8"',
    "ragged-row": "quote cells that contain commas",
    "not-excel": "open it in Excel and save it again as .xlsx",
    "other-kind": "open it in Excel and save it as .xlsx; a CSV file can also be renamed to .csv",
    "password": "open it in Excel, remove the password (File > Info > Protect Workbook) and save it",
    "file-too-long": "write the rows as .jsonl, or split the file",
    "second-table": "move that table to a sheet of its own",
    "formula-empty": "open the workbook in Excel or LibreOffice and save it: the values of its formulas are stored then",
    "error-cell": "correct or delete this cell",
    "date-as-text": "format the column as Text and type the cell again",
    "digits-lost": "format the column as Text and type the number again",
    "column-unnamed": "name the column or delete it",
    "column-repeated": "rename or delete one of them",
    "column-ambiguous": "do one of these; the file stays as it is",
    "join-incomplete": "name only columns that the file has",
    "kind-wrong": "give the file the ending of its kind, or save it as CSV UTF-8",
    "label-several": "keep one label for each problem",
    "annotators-differ": "keep one answer for each problem",
    "label-spans": "export labels of whole texts",
    "not-table": "save it as a table: a first line with the names of the columns, commas or tabs between the cells",
    "quote-open": 'write each quote inside a text twice (""), or save the table again from a spreadsheet program',
}


@dataclass(frozen=True)
class Row:
    """The values of one row, by column or key, as they are in the file."""

    line: int
    """Where the row starts: a line of a text file, a row of a sheet, counted from 1."""
    values: dict[str, Any]
    sheet: str = ""
    """Name of the sheet of a workbook, where several are read."""


@dataclass(frozen=True)
class Fault:
    """A row that cannot be read. `kind` is a key of prefopt.data.checks.finding_kinds.KINDS."""

    line: int
    kind: str
    detail: str
    values: tuple[object, ...] = ()
    """The facts of `detail`, for wordings in other languages."""
    sheet: str = ""
    """As Row.sheet."""

    def as_error(self, path: Path | str) -> DataError:
        """The fault as an error with file and line, for readers that stop at the first one."""
        return DataError(self.detail, path=path, line=self.line, hint=_HINTS.get(self.kind, "fix or delete this row"))


@dataclass(frozen=True)
class Note(Fault):
    """Something that was read, and that a person should know: a sheet that was not read, an encoding that was recognized."""


def decoded(raw: bytes, line: int) -> str | Fault:
    """Decode UTF-8 bytes that start at `line` of their file; on line 1 a byte-order mark is dropped."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Fault(line, "not-utf8", "the file is UTF-16, not UTF-8")
    try:
        return raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        guess = ("CP949",) if _is_cp949(raw) else ()
        reads = " (it reads as CP949, the Korean encoding of Windows)" if guess else ""
        where = line + raw.count(b"\n", 0, error.start)
        return Fault(where, "not-utf8", f"not UTF-8 at byte {error.start}{reads}", (error.start, *guess))


def _is_cp949(raw: bytes) -> bool:
    try:
        text = raw.decode("cp949")
    except UnicodeDecodeError:
        return False
    return any("가" <= c <= "힣" for c in text)  # other 8-bit encodings also decode as CP949, but rarely to Hangul
