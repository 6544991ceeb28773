"""Sheets as they come back: what was written elsewhere than in the rank cells, renamed columns, and what a workbook adds to its cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from feedback.file import FileSource
from tests.unit.sheet_cases import file_source, fill, kinds, rank_all, read, rows_of, save


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    made = file_source(tmp_path, "kim")
    read(made)
    return made


def edited(path: Path, edit: Callable[[Worksheet], object]) -> None:
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    edit(book.active)
    book.save(path)


def cell(sheet: Worksheet, row: int, name: str) -> str:
    names = [c.value for c in sheet[1]]
    return f"{openpyxl.utils.get_column_letter(names.index(name) + 1)}{row}"


@pytest.mark.parametrize(
    "label",
    [
        "[2수01-04]\n[2수01-05]",
        "2수01-04\n이름 5번",
        "이름 4번\n이름 5번",
        "[2수01-04] 이름 4번\n또는 [2수01-05]",
        "[2수01-04], [2수01-05]",
    ],
)
def test_two_labels_in_one_cell_are_no_answer(source: FileSource, label: str) -> None:
    fill(source, right_label=label)
    rankings, uncounted = read(source)
    assert rankings == []
    assert [(found.kind, found.column) for found in uncounted] == [("label", "right_label")]


@pytest.mark.parametrize(
    "write", [lambda text: "1위", lambda text: f"{text}\n1위", lambda text: f"1) {text}"], ids=["over", "behind", "before"]
)
def test_an_answer_written_into_a_card_is_named(source: FileSource, write: Callable[[str], str]) -> None:
    fill(source, A=write(rows_of(source.folder / "slates.csv")[0]["A"]))
    rankings, uncounted = read(source)
    assert rankings == []
    assert [(found.kind, found.slate_id, found.column) for found in uncounted] == [("half-filled", "s-1", "A")]
    assert "rank_A" in uncounted[0].ko


def test_columns_in_other_words_are_read(source: FileSource) -> None:
    rank_all(source, "kim.csv", "123", "213", "321", comment="그림")
    other = {"problem": "문제", "rank_A": "A 순위", "rank_B": "RANK B", "rank_C": "순위C", "comment": "비고"}
    save(source.folder / "kim.csv", [{other.get(k, k): v for k, v in row.items()} for row in rows_of(source.folder / "kim.csv")])
    rankings, uncounted = read(source)
    assert [(sorted(r.ranks.values()), r.comment) for r in rankings] == [([1, 2, 3], "그림")] * 3
    assert uncounted == []


def test_a_column_of_the_teacher_beside_the_sheets_own_is_named(source: FileSource) -> None:
    rank_all(source, "kim.csv", "123", "213", "321", comment="그림")
    save(source.folder / "kim.csv", [row | {"비고": "x"} for row in rows_of(source.folder / "kim.csv")])
    rankings, uncounted = read(source)
    assert {r.comment for r in rankings} == {"그림"}
    assert [(found.kind, found.column) for found in uncounted] == [("column-extra", "비고")]


def test_a_merged_rank_counts_for_every_row_that_it_covers(source: FileSource) -> None:
    path = rank_all(source, "kim.xlsx", "123", "132", "123")
    edited(path, lambda sheet: sheet.merge_cells(f"{cell(sheet, 2, 'rank_A')}:{cell(sheet, 4, 'rank_A')}"))
    rankings, uncounted = read(source)
    assert len(rankings) == 3
    assert kinds(uncounted) == ["merged-cells"]


def test_a_rank_that_is_struck_out_is_named(source: FileSource) -> None:
    path = rank_all(source, "kim.xlsx", "123", "213", "321")
    edited(path, lambda sheet: setattr(sheet[cell(sheet, 2, "rank_A")], "font", Font(strike=True)))
    _, uncounted = read(source)
    assert kinds(uncounted) == ["rich-text"]
    assert cell(openpyxl.load_workbook(path).active, 2, "rank_A") in uncounted[0].en
