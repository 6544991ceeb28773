"""Tables as data frames, joined exports and long texts leave them: read as meant, with a note of what was decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import openpyxl
import pytest

from prefopt.errors import DataError
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.csv_reader import read_csv
from prefopt.readers.problem_rows import read_problems_of, scan_problems
from prefopt.readers.row_reader import scan
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
    assert "2학년 시트, 번호 '1'; 다른 하나는 Sheet 시트" in page
    assert "--ignore id" in page
    assert "[id-repeated]" not in prefopt("data", "check", "grades.xlsx", "--sheet", "all", "--ignore", "id")


def labeled_dataset() -> Any:
    labels = datasets.ClassLabel(names=["[2수01-05]", "[2수01-06]"])
    features = datasets.Features({"text": datasets.Value("string"), "label": labels})
    return datasets.Dataset.from_dict({"text": [A, B, "한 문제 더"], "label": [0, 1, -1]}, features=features)


@pytest.mark.parametrize("name", ["saved", "labels.parquet"])
def test_labels_that_a_dataset_stores_as_numbers_have_their_names(tmp_path, name):
    made = labeled_dataset()
    made.to_parquet(tmp_path / name) if name.endswith("parquet") else made.save_to_disk(tmp_path / name)
    assert [problem.label for problem in read_problems_of(tmp_path / name)] == ["[2수01-05]", "[2수01-06]", None]


def test_splits_of_a_dataset_that_are_read_as_one_are_named(tmp_path):
    part = labeled_dataset()
    datasets.DatasetDict({"train": part, "test": part}).save_to_disk(tmp_path / "parts")
    said = next(f for f in scan_problems(tmp_path / "parts") if isinstance(f, Note))
    assert (said.kind, said.values) == ("splits-joined", ("train, test",))
    assert "splits-joined" not in {f.kind for f in scan_problems(tmp_path / "parts" / "test") if isinstance(f, Note)}


def test_one_object_with_texts_and_objects_is_one_row(tmp_path):
    row = '{"id": "S3_1", "question_info": {"question_grade": "P3"}, "answer_info": {"answer": "x"}}'
    rows, _ = read(tmp_path, "one.json", row)
    assert [sorted(row) for row in rows] == [["answer_info", "id", "question_info"]]


def test_in_a_project_the_way_to_other_sheets_is_a_setting(prefopt):
    prefopt("init", "p")
    book = openpyxl.Workbook()
    for number, sheet in enumerate((book.active, book.create_sheet("2학년")), 1):
        sheet.append(["번호", "문제", "성취기준"])
        sheet.append([number, (A, B)[number - 1], "[2수01-05]"])
    book.save(prefopt.folder / "p" / "data" / "gold.xlsx")
    settings = prefopt.folder / "p" / "prefopt.toml"
    plain = settings.read_text(encoding="utf-8").replace("data/gold.jsonl", "data/gold.xlsx")
    settings.write_text(plain + '\n[read]\nsheet = "3학년"\n', encoding="utf-8")
    assert 'sheet = "all" under [read]' in prefopt("check", code=1, folder=prefopt.folder / "p")
    settings.write_text(plain, encoding="utf-8")
    assert '[read]의 sheet = "이름" 또는 sheet = "all"' in prefopt("data", "check", code=None, folder=prefopt.folder / "p")
    settings.write_text(plain + '\n[read]\nsheet = "all"\n', encoding="utf-8")
    assert "sheet-unread" not in prefopt("data", "check", code=None, folder=prefopt.folder / "p")


@pytest.mark.parametrize("row", [{"id": "a", "data": A, "label": []}, {"problem": {"id": "a"}, "answer": {"label": "x", "concepts": []}}])
def test_one_row_with_an_empty_list_is_a_row(tmp_path, row):
    (tmp_path / "one.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert [found.values for found in scan(tmp_path / "one.jsonl")] == [row]


@pytest.mark.parametrize("words", [("split", "a.csv", "--out", "a.csv"), ("convert", "a.csv", "a.csv/x.csv", "--to", "problems")])
def test_a_path_that_the_system_refuses_is_an_error_without_a_traceback(prefopt, words):
    (prefopt.folder / "a.csv").write_text(f"text\n{A}\n{B}\n", encoding="utf-8")
    said = prefopt("data", *words, code=1)
    assert "a.csv is not a directory" in said
    assert "give the path of a new file" in said


def test_records_of_argilla_come_back_from_parquet(prefopt):
    (prefopt.folder / "a.csv").write_text(f"id,text,label\n1,{A},[2수01-05]\n2,{B},\n", encoding="utf-8")
    prefopt("data", "convert", "a.csv", "a.parquet", "--to", "argilla")
    prefopt("data", "convert", "a.parquet", "b.csv", "--to", "problems")
    assert [p.label for p in read_problems_of(prefopt.folder / "b.csv")] == ["[2수01-05]", None]


def test_a_finding_names_the_sheet_of_its_row(prefopt):
    book = openpyxl.Workbook()
    for sheet, rows in (
        (book.active, [[1, A, "[2수01-05]"]]),
        (book.create_sheet("2학년"), [[2, B, "[2수01-06]"], [3, A, "[2수01-06]"], [4, "끝"]]),
    ):
        for row in (["번호", "문제", "성취기준"], *rows):
            sheet.append(row)
    book.save(prefopt.folder / "grades.xlsx")
    found = json.loads(prefopt("data", "check", "grades.xlsx", "--sheet", "all", "--json", code=1))["findings"]
    said = {finding["kind"]: finding["detail"] for finding in found}
    assert said["duplicate"] == "sheet 2학년: problem '3' has the same text as '1'; the other is in the sheet Sheet"
    assert said["label-missing"] == "sheet 2학년: problem '4' has no label"


def test_rows_of_the_dataset_server_are_found_beside_its_features(tmp_path):
    served = {
        "features": [{"name": "text"}],
        "rows": [{"row_idx": 0, "row": {"text": A, "label": "x"}, "truncated_cells": []}],
        "partial": False,
    }
    rows, said = read(tmp_path, "served.json", json.dumps(served))
    assert ([(row["text"], row["label"]) for row in rows], said) == ([(A, "x")], ["json-rest 1"])


def test_a_table_without_names_of_columns_does_not_lose_its_first_problem(prefopt):
    long = f"{A} 또 {B} 모두 구하고 풀이 과정을 쓰시오."
    (prefopt.folder / "bare.csv").write_text(f"{long},3,5,C\n{B},1,2,D\n", encoding="utf-8")
    workbook(prefopt.folder / "bare.xlsx", [long, 3, 5, "C"], [B, 1, 2, "D"])
    for name in ("bare.csv", "bare.xlsx"):
        assert "첫 행이 열 이름이 아니라 문항으로 보임" in prefopt("data", "check", name, code=1)
        said = prefopt("data", "convert", name, "out.csv", "--to", "problems", code=1)
        assert f"{name}:1: the first row seems to hold a problem" in said
        assert "a first line with the names of the columns" in said
    text = (prefopt.folder / "bare.csv").read_text(encoding="utf-8")
    (prefopt.folder / "named.csv").write_text(f"text,A,B,answer\n{text}", encoding="utf-8")  # as the hint says
    assert "2 rows" in prefopt("data", "convert", "named.csv", "out.csv", "--to", "problems", "--ignore", "A,B,answer")
