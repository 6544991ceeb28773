"""Workbooks as tables of texts, messages in Korean, hints that are followed, and the marks of a file that is read again."""

from __future__ import annotations

import csv
import datetime
import re
import tracemalloc

import openpyxl
import pytest

from prefopt.data.checks.finding_details import detail_of_fault
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import DataError
from prefopt.io.row import Fault, Row
from prefopt.readers.csv_reader import read_csv
from prefopt.readers.excel_reader import scan_xlsx, text_table
from tests.unit.test_workbooks import CASES
from tests.unit.workbook_making import FULL, HEAD, PROBLEMS, cell, edited, in_book, in_parts, saved, table
from tests.unit.xls_files import XlsSheet, xls

ANSWERS = [
    ["slate", "problem", "A", "B", "rank_A", "rank_B", "right_label", "comment"],
    ["001-001", "3 + 4는?\n(1) 7", "[2수01-05] 덧셈", "[2수01-06] 뺄셈", 1, 2, None, None],
    ["001-002", "=x+3", "가", "나", None, None, "[2수01-05]", "좋은 문제"],
    ["001-003", "True or False?", "가", "나", 1.5, True, None, None],
]


def write(folder, content, name="x.xlsx"):
    path = folder / name
    path.write_bytes(content() if callable(content) else content)
    return path


def answers() -> bytes:
    book = openpyxl.Workbook()
    for row in ANSWERS:
        book.active.append(row)
    book.active["B3"].data_type = "s"
    return saved(book)


@pytest.mark.parametrize("kind", ["x.xlsx", "x.xls"])
def test_a_workbook_is_the_table_that_its_csv_file_would_be(tmp_path, kind):
    write(tmp_path, answers() if kind == "x.xlsx" else xls(XlsSheet("답", ANSWERS)), kind)
    with (tmp_path / "x.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["" if v is None else "TRUE" if v is True else v for v in row] for row in ANSWERS])
    expected = read_csv(tmp_path / "x.csv", hint="")
    found = text_table(tmp_path / kind)
    assert found.columns == expected.columns
    assert [row.values for row in found.rows] == [row.values for row in expected.rows]
    assert [row.line for row in found.rows] == [2, 3, 4]


def test_one_odd_cell_does_not_hide_the_others_of_a_table(tmp_path):
    def edit(sheet):
        sheet["C2"], sheet["C3"], sheet["A4"], sheet["E3"] = "#N/A", '=["&"]', datetime.date(2026, 1, 2), "메모"

    found = text_table(write(tmp_path, edited(edit)))
    assert found.columns == (*HEAD, "column E")
    assert [row.values["성취기준"] for row in found.rows] == ["#N/A", '=["&"]', PROBLEMS[2][2]]
    assert [row.values["column E"] for row in found.rows] == ["", "메모", ""]
    assert found.rows[2].values["번호"] == "2026-01-02"


@pytest.mark.parametrize("name", ["password", "broken XML", "HWP document", "nothing", "another table beside"])
def test_a_workbook_that_is_no_table_of_texts_is_an_error_with_a_way_on(tmp_path, name):
    path = write(tmp_path, CASES[name].content, f"x{CASES[name].suffix}")
    with pytest.raises(DataError, match=re.escape(f"{path}:1: ")) as caught:
        text_table(path)
    assert caught.value.hint


def test_a_blank_workbook_is_an_error_of_a_table(tmp_path):
    with pytest.raises(DataError, match="no rows"):
        text_table(write(tmp_path, CASES["blank sheet"].content))


def faults(path, sheet=None):
    return [found for found in scan_xlsx(path, sheet) if isinstance(found, Fault)]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.found])
def test_what_is_said_of_a_workbook_is_said_in_korean(tmp_path, name):
    own = {"not-excel"}  # holds the words of the parser
    case = CASES[name]
    for fault in faults(write(tmp_path, case.content, f"x{case.suffix}"), case.sheet):
        said = detail_of_fault(fault)
        assert said.ko != said.en or fault.kind in own
        plain = re.sub(r"'[^']*'|\"[^\"]*\"|\([^()]*\)|--sheet|all|\.xlsx?|#\S+|=\S+|[A-Z]\d+|HTML|CSV|XML|HWPX?|PDF", "", said.ko)
        assert not re.search("[a-z]{3,}", plain) or fault.kind in own, said.ko


def test_a_sheet_that_is_not_there_is_an_error_whose_hint_works(tmp_path):
    path = write(tmp_path, CASES["a second sheet"].content)
    with pytest.raises(DataError, match="no sheet '3학년'; the workbook has 1학년, 2학년") as caught:
        list(scan_xlsx(path, "3학년"))
    (word,) = re.findall(r"--sheet (\w+)", caught.value.hint)
    assert [(row.sheet, row.line) for row in scan_xlsx(path, word) if isinstance(row, Row)] == [
        ("1학년", 2), ("1학년", 3), ("1학년", 4), ("2학년", 2)]  # fmt: skip


def test_the_unread_sheets_are_named_with_their_rows(tmp_path):
    def edit(book):
        book.create_sheet("2학년").append(HEAD)
        hidden = book.create_sheet("목록")
        hidden.append(("가",))
        hidden.append(("나",))
        hidden.sheet_state = "hidden"
        book.create_sheet("빈 시트")

    (found,) = faults(write(tmp_path, in_book(edit)))
    assert "'2학년' (1); hidden: '목록' (2)" in found.detail


@pytest.mark.parametrize("name", ["date in the id", "scientific notation as text", "formula without value", "error cell #N/A"])
def test_a_cell_that_is_corrected_as_the_hint_says_is_read(tmp_path, name):
    content = CASES[name].content
    path = write(tmp_path, content)
    (fault,) = faults(path)
    assert fault.as_error(path).hint.startswith(("format the column as Text", "open the workbook", "correct"))
    book = openpyxl.load_workbook(path)
    place = re.search(r"[A-C]\d", fault.detail)[0]
    book.active[place].number_format = "@"
    book.active[place] = FULL[fault.line][HEAD["ABC".index(place[0])]]
    assert faults(write(tmp_path, saved(book))) == []
    assert {row.line: row.values for row in scan_xlsx(path) if isinstance(row, Row)} == FULL


def test_columns_that_are_ignored_are_not_judged(tmp_path):
    def edit(sheet):
        for row, value in enumerate(("비고", "#N/A", datetime.date(2026, 1, 2), '=["&"]'), 1):
            sheet.cell(row, 4, value)

    path = write(tmp_path, edited(edit))
    assert len(faults(path)) == 3
    found = list(scan_xlsx(path, ignored=("비 고",)))
    assert [(row.line, row.values["번호"]) for row in found] == [(2, "p1"), (3, "p2"), (4, "p3")]


def test_a_title_is_told_from_names_that_the_caller_knows(tmp_path):
    book = openpyxl.Workbook()
    for row in (("분류 자료", "2026"), ("내용물", "갈래"), ("3 + 4는 얼마입니까?", "덧셈")):
        book.active.append(row)
    path = write(tmp_path, saved(book))
    (_, row) = scan_xlsx(path, is_known=lambda name: name in ("내용물", "갈래"))
    assert row.values == {"내용물": "3 + 4는 얼마입니까?", "갈래": "덧셈"}


def test_dates_under_a_name_of_dates_are_dates(tmp_path):
    def edit(sheet):
        for name, column in (("작성일", 4), ("created_at", 5)):
            sheet.cell(1, column, name)
            sheet.cell(2, column, datetime.datetime(2026, 1, 2, 3, 4))

    found = list(scan_xlsx(write(tmp_path, edited(edit))))
    assert found[0].values["작성일"] == found[0].values["created_at"] == "2026-01-02T03:04:00"


def test_findings_do_not_repeat_personal_data(tmp_path):
    def edit(sheet):
        sheet.insert_rows(1)
        sheet["A1"] = "담당 010-1234-5678"
        sheet["A3"], sheet["A3"].number_format = 1012345678, "000-0000-0000"
        sheet["A4"], sheet["A5"] = 4111111111111110, "p3"

    found = faults(write(tmp_path, edited(edit)))
    assert {"title-row", "zeros-lost", "digits-lost"} == {fault.kind for fault in found}
    assert not [fault for fault in found if "12345" in fault.detail or "1234-" in fault.detail or "41111" in fault.detail]


def test_a_workbook_that_prefopt_writes_is_read_without_a_word(tmp_path):
    rows = [
        {"id": f"p{i}", "text": f"  =x+{i}\n둘째 줄 ", "difficulty": i, "large": 10**14 + i, "part": 0.1 + 0.2 + i / 3} for i in range(1, 5)
    ]
    write_rows_to(tmp_path / "x.xlsx", rows)
    assert [row.values for row in scan_xlsx(tmp_path / "x.xlsx")] == rows


@pytest.mark.parametrize("value", [10**15, -(10**15), float("nan"), float("inf")])
def test_a_number_that_excel_cannot_hold_is_refused(tmp_path, value):
    with pytest.raises(DataError, match=r":2: large .* which Excel cannot store") as caught:
        write_rows_to(tmp_path / "x.xlsx", [{"large": value}])
    assert caught.value.hint == "write .jsonl instead"


def test_blank_rows_with_formatting_take_no_memory(tmp_path):
    blank = "".join(f'<row r="{r}"><c r="A{r}" s="1"/><c r="B{r}" s="1"/></row>' for r in range(5, 30_005))
    path = write(tmp_path, in_parts({"xl/worksheets/sheet1.xml": lambda text: text.replace("</sheetData>", f"{blank}</sheetData>")}))
    tracemalloc.start()
    try:
        assert len(list(scan_xlsx(path))) == 3
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_the_parts_of_a_row_with_faults_are_all_named(tmp_path):
    change = cell("B3", '<c r="B3" t="e"><v>#N/A</v></c>')
    path = write(tmp_path, in_parts(change, edit=lambda sheet: sheet.__setitem__("C3", datetime.date(2026, 1, 2))))
    assert [fault.kind for fault in faults(path)] == ["error-cell", "date-as-text"]


def test_the_table_of_tests_is_read_as_it_is(tmp_path):
    assert {row.line: row.values for row in scan_xlsx(write(tmp_path, saved(table())))} == FULL
