"""Tables for people: Korean in Excel, nothing that runs, every cell comes back."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from prefopt.controls import shown
from prefopt.io.spreadsheet import FORMULA, csv_text, is_formula, unescape_formula, write_csv

CELLS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00\r"))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_every_cell_is_read_back_and_none_is_a_formula(rows):
    text = csv_text(("a", "b"), rows)
    assert text.startswith("\ufeff")
    back = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(back) == 1 + len(rows)
    for given_row, row in zip(rows, back[1:], strict=True):
        assert [unescape_formula(cell) for cell in row] == [shown(cell) for cell in given_row]
        assert not any(cell.startswith(FORMULA) and is_formula(cell) for cell in row)


def test_numbers_stay_numbers(tmp_path):
    write_csv(tmp_path / "x.csv", ("이름", "값"), [("=1+1", -3), ("가", 0.5)])
    assert (tmp_path / "x.csv").read_text(encoding="utf-8") == "\ufeff이름,값\n'=1+1,-3\n가,0.5\n"
