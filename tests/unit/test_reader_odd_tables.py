"""Tables as data frames, joined exports and long texts leave them: read as meant, and what was decided is said."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from prefopt.errors import DataError
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.csv_reader import read_csv
from prefopt.readers.problem_rows import read_problems_of, scan_problems
from tests.command_line import CommandLine

A, B = "연필 3자루와 4자루를 더하면 몇 자루입니까?", "사과 9개에서 4개를 먹으면 몇 개가 남습니까?"


@pytest.fixture
def prefopt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


def read(folder: Path, name: str, text: str) -> tuple[list[dict[str, object]], list[str]]:
    (folder / name).write_text(text, encoding="utf-8")
    found = list(scan_problems(folder / name))
    said = [f"{f.kind} {f.line}" for f in found if isinstance(f, Fault) and f.kind != "ids-made"]
    return [f.values for f in found if isinstance(f, Row)], said


def workbook(path: Path, *rows: list[object]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_of_any_length_is_read(tmp_path, quote):
    long = "가나다 3과 " * 30_000
    rows, said = read(tmp_path, "long.csv", f"번호,문제\n1,{quote}{long}{quote}\n2,{B}\n")
    assert ([len(str(row["text"])) for row in rows], said) == ([len(long), len(B)], [])


@pytest.mark.parametrize("numbers", [(0, 1), (7, 3)])
def test_row_numbers_of_a_data_frame_are_not_read(tmp_path, numbers):
    first, second = numbers
    rows, said = read(tmp_path, "frame.csv", f",text,label\n{first},{A},[2수01-05]\n{second},{B},[2수01-06]\n")
    assert [(row["text"], row["label"]) for row in rows] == [(A, "[2수01-05]"), (B, "[2수01-06]")]
    assert said == ["index-column 2"]


def test_a_first_column_without_a_name_that_holds_texts_is_a_fault(tmp_path):
    _, said = read(tmp_path, "frame.csv", f",text\n0,{A}\n가,{B}\n나,{B}\n")
    assert said == ["index-column 2", "column-unnamed 3"]


def test_row_numbers_of_a_data_frame_in_a_workbook_are_not_read(tmp_path):
    path = workbook(tmp_path / "frame.xlsx", [None, "text", "label"], [0, A, "[2수01-05]"], [1, B, "[2수01-06]"])
    assert [problem.text for problem in read_problems_of(path)] == [A, B]
    assert [f.kind for f in scan_problems(path) if isinstance(f, Note)] == ["index-column", "ids-made"]


def test_a_whole_table_does_not_lose_a_column_without_a_name(tmp_path):
    (tmp_path / "t.csv").write_text(",user\n0,kim\n", encoding="utf-8")
    with pytest.raises(DataError, match="column 1 has no name") as caught:
        read_csv(tmp_path / "t.csv", hint="")
    assert caught.value.hint == "name the column or delete it"


@pytest.mark.parametrize("names", ["성취기준,번호,문제", "label,id,text"])
def test_names_of_columns_that_change_within_a_table_count_from_there(tmp_path, names):
    rows, said = read(tmp_path, "joined.csv", f"번호,문제,성취기준\n1,{A},[2수01-05]\n{names}\n[2수01-06],2,{B}\n")
    assert [(row["id"], row["text"], row["label"]) for row in rows] == [("1", A, "[2수01-05]"), ("2", B, "[2수01-06]")]
    assert said == ["header-changed 3"]


def test_a_table_in_a_sheet_whose_columns_change_their_order_is_named(tmp_path):
    path = workbook(tmp_path / "joined.xlsx", ["번호", "문제", "성취기준"], [1, A, "[2수01-05]"], ["성취기준", "번호", "문제"], ["x", 2, B])
    found = list(scan_problems(path))
    assert [f.values["text"] for f in found if isinstance(f, Row)] == [A]
    assert [f"{f.kind} {f.line}" for f in found if isinstance(f, Fault)] == ["second-table 3"]


def test_a_folder_without_a_dataset_is_named_also_where_it_is_the_working_directory(prefopt):
    (prefopt.folder / "a.csv").write_text(f"text\n{A}\n", encoding="utf-8")
    assert "[not-dataset]" in prefopt("data", "check", ".", code=1)
    assert "name one of its files" in prefopt("data", "convert", ".", "out.jsonl", "--to", "problems", code=1)


def test_sheets_that_are_numbered_each_from_one_get_ids_as_the_finding_says(prefopt):
    book = openpyxl.Workbook()
    for sheet, text in ((book.active, A), (book.create_sheet("2학년"), B)):
        sheet.append(["번호", "문제", "성취기준"])
        sheet.append([1, text, "[2수01-05]"])
    book.save(prefopt.folder / "grades.xlsx")
    page = prefopt("data", "check", "grades.xlsx", "--sheet", "all", code=1)
    assert "[id-repeated]" in page
    assert "--ignore id" in page
    assert "[id-repeated]" not in prefopt("data", "check", "grades.xlsx", "--sheet", "all", "--ignore", "id")
