"""The CSV reader: one encoding rule, the line on which a row starts, and faults that name it."""

from __future__ import annotations

import csv
import io
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefopt.errors import DataError
from prefopt.io.row import Fault, Row
from prefopt.readers.csv_reader import parse_csv, read_csv, scan_csv

CELL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)


def write(folder, content):
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@given(rows=st.lists(st.tuples(CELL, CELL).filter(lambda r: any(c.strip() for c in r)), max_size=6))
def test_every_cell_that_the_standard_library_writes_is_read_back(rows):
    text = io.StringIO()
    csv.writer(text).writerows([("a", "b"), *rows])
    table = parse_csv(text.getvalue(), "t.csv")
    assert table.columns == ("a", "b")
    assert [tuple(row.values.values()) for row in table.rows] == rows


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "byte-order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old Mac"])
def test_a_byte_order_mark_and_any_line_end_are_accepted(tmp_path, start, end):
    path = write(tmp_path, start + end.join(["code,name", "", "1,가", '2,"나', '다"', "3,라"]) + end)
    table = read_csv(path, hint="")
    assert table.columns == ("code", "name")
    assert [(row.line, row.values["code"]) for row in table.rows] == [(3, "1"), (4, "2"), (6, "3")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("code,name\n1,사과\n".encode("cp949") + "2,배\n".encode(), r"t\.csv:2: not UTF-8: 1 lines, .* are CP949 .*, 1 are UTF-8"),
        ("code,name\n1,x\n".encode("utf-16")[:-1], r"t\.csv:1: the file is UTF-16, but damaged"),
        ("a,a\n", r"t\.csv:1: two columns are named 'a'"),
        ("a,,b\n", r"t\.csv:1: column 2 has no name"),
        ("a,b\n1\n", r"t\.csv:2: 1 cells in a table of 2 columns"),
        ("a,b\n1,2,3\n", r"t\.csv:2: 3 cells in a table of 2 columns"),
        ('a,b\n"1\n\n,2\n', r"t\.csv:2: a quote that opens in cell 1 does not end"),
    ],
)
def test_the_first_fault_stops_with_file_line_and_hint(tmp_path, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read_csv(write(tmp_path, content), hint="")
    assert caught.value.hint


def test_a_missing_file_stops_with_the_hint_of_the_caller(tmp_path):
    with pytest.raises(DataError, match="no such file") as caught:
        read_csv(tmp_path / "t.csv", hint="write one")
    assert caught.value.hint == "write one"


def test_padding_accepts_the_trailing_cells_of_spreadsheet_programs_and_nothing_else(tmp_path):
    path = write(tmp_path, "user,name,,\nkim\nlee,이,,,\n")
    assert [row.values for row in read_csv(path, hint="", pad=True).rows] == [{"user": "kim", "name": ""}, {"user": "lee", "name": "이"}]
    with pytest.raises(DataError, match=r"t\.csv:2: 3 cells in a table of 2 columns"):
        read_csv(write(tmp_path, "user,name\nkim,김,x\n"), hint="", pad=True)


def test_a_scan_continues_after_a_fault_and_leaves_out_empty_cells(tmp_path):
    path = write(tmp_path, b"id,text\np1,\n" + "p2,나\n".encode("cp949") + "p3\np4,다\n".encode())
    assert list(scan_csv(path)) == [
        Fault(3, "not-utf8", ANY, (1, 1)),
        Row(2, {"id": "p1"}),
        Fault(4, "ragged-row", "1 cells in a table of 2 columns", (1, 2)),
        Row(5, {"id": "p4", "text": "다"}),
    ]
