"""Slates, a file source over them, and what spreadsheet programs and people do to a teacher's file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import openpyxl

from feedback.file import FileConfig, FileSource
from prefopt.protocols import FeedbackContext
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate, Uncounted
from prefopt.taxonomy import parse_taxonomy

TAXONOMY = parse_taxonomy(
    "code,name,band,domain\n" + "".join(f"[2수01-0{i}],이름 {i}번,초1-2,수와 연산\n" for i in range(1, 6)), "taxonomy.csv"
)


def slate(number: int, slate_id: str = "") -> Slate:
    """A slate of three cards, whose texts hold what CP949 cannot and what a spreadsheet would run."""
    return Slate(
        id=slate_id or f"s-{number}",
        problem=Problem(id=f"p{number}", text=f"=SUM(A1)\n{number}은? – − 𝑥"),
        candidates=tuple(
            Candidate(id=f"c{i}", answer=Answer(label=TAXONOMY.ids[i], reason="@cmd “까닭”…"), probability=0.2, adapter="r")
            for i in range(3)
        ),
        order=(1, 2, 0),
        purpose="margin",
        top2_gap=0.1,
    )


SLATES = [slate(1), slate(2), slate(3)]


def file_source(folder: Path, *teachers: str, overlap: int = 1) -> FileSource:
    """The source of a round in a project."""
    return FileSource(FileConfig(teachers=teachers), FeedbackContext(project=folder, name="m-001", taxonomy=TAXONOMY, overlap=overlap))


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a sheet, as a spreadsheet program reads them."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def save(path: Path, rows: Sequence[Mapping[str, str]], encoding: str = "utf-8-sig", delimiter: str = ",") -> None:
    """Write a CSV file as a spreadsheet program does; what the encoding lacks becomes a question mark."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding, "replace"))


def save_workbook(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write a workbook as Excel does, in which numbers are numbers."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append([int(cell) if cell.isdecimal() else cell or None for cell in row.values()])
    book.save(path)


def fill(source: FileSource, name: str = "kim.csv", row: int = 0, **cells: str) -> Path:
    """Fill in cells of one row, in a file that begins as a copy of the empty sheet."""
    path = source.folder / name
    rows = rows_of(path if path.exists() else source.folder / "slates.csv")
    rows[row].update(cells)
    (save_workbook if path.suffix == ".xlsx" else save)(path, rows)
    return path


def rank_all(source: FileSource, name: str, *ranks: str, **cells: str) -> Path:
    """Rank the cards of every slate, one digit a card."""
    rows = rows_of(source.folder / "slates.csv")
    for row, digits in zip(rows, ranks, strict=True):
        row.update({f"rank_{letter}": digit for letter, digit in zip("ABC", digits, strict=True)} | cells)
    path = source.folder / name
    (save_workbook if path.suffix == ".xlsx" else save)(path, rows)
    return path


def changed(path: Path, change: Callable[[list[dict[str, str]]], object]) -> None:
    """Change the rows of a file."""
    rows = rows_of(path)
    change(rows)
    save(path, rows)


def read(source: FileSource, slates: Sequence[Slate] = SLATES) -> tuple[list[Ranking], list[Uncounted]]:
    """What counts and what does not."""
    return source.read(slates, source.publish(slates))


def collect(source: FileSource) -> list[Ranking]:
    """What counts."""
    return read(source)[0]


def kinds(uncounted: Sequence[Uncounted]) -> list[str]:
    """Kinds of what does not count."""
    return [found.kind for found in uncounted]
