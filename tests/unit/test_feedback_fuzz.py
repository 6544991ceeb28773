"""Whatever a spreadsheet program or a person makes of a sheet: no traceback, nobody counted twice, nothing counted that is not there."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import openpyxl
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback.file import FileSource
from feedback.sheet_reader import NAMES
from tests.unit.sheet_cases import SLATES, file_source, rank_all

WORDS = ["", "1", "2", "3", "4", "1위", "O", "X", "x", "s-1", "s-2", "합계", "[2수01-01]", "=1+1", "'", '"', "\n", ",", "?", "-", "\u200b"]
CELLS = st.one_of(st.sampled_from(WORDS), st.text(max_size=6))
COLUMNS = st.lists(st.one_of(st.sampled_from(NAMES), st.text(max_size=4)), max_size=16)
FILES = st.sampled_from(["kim.csv", "kim (1).csv", "lee.csv", "slates (1).csv", "누구.csv"])


def fresh() -> FileSource:
    source = file_source(Path(tempfile.mkdtemp()), "kim", "lee")
    source.publish(SLATES)
    return source


def sound(source: FileSource) -> None:
    """Nothing counts twice or under an unknown name, what does not count is named, and progress counts what collect takes."""
    receipts = source.publish(SLATES)
    rankings, uncounted = source.read(SLATES, receipts)
    keys = [(r.slate_id, r.teacher) for r in rankings]
    assert len(set(keys)) == len(keys)
    assert {teacher for _, teacher in keys} <= {"kim", "lee"}
    assert all(found.ko and found.en for found in uncounted)
    assert sum(source.progress(receipts).rankings.values()) == len(rankings)


@settings(max_examples=150, deadline=None)
@given(name=FILES, columns=COLUMNS, rows=st.lists(st.lists(CELLS, max_size=16), max_size=6))
def test_any_table(name: str, columns: list[str], rows: list[list[str]]) -> None:
    source = fresh()
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    (source.folder / name).write_bytes(text.getvalue().encode("utf-8", "replace"))
    sound(source)


@settings(max_examples=150, deadline=None)
@given(at=st.floats(0, 1), cut=st.integers(0, 40), put=st.binary(max_size=12), name=FILES)
def test_any_damage_to_the_bytes_of_a_filled_sheet(at: float, cut: int, put: bytes, name: str) -> None:
    source = fresh()
    raw = rank_all(source, "kim.csv", "123", "213", "321").read_bytes()
    start = int(at * len(raw))
    (source.folder / name).write_bytes(raw[:start] + put + raw[start + cut :])
    sound(source)


@settings(max_examples=150, deadline=None)
@given(changes=st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 13)), CELLS, max_size=8))
def test_any_change_to_the_cells_of_a_filled_workbook(changes: dict[tuple[int, int], str]) -> None:
    source = fresh()
    (source.folder / "lee.csv").unlink()
    path = rank_all(source, "lee.xlsx", "123", "213", "321")
    book = openpyxl.load_workbook(path)
    for (row, column), text in changes.items():
        if openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.search(text) is None:
            book.active.cell(row + 1, column + 1).value = text
    book.save(path)
    sound(source)
