"""Workbooks with an oddity each: its finding, and the right rows."""

from __future__ import annotations

import pytest

from prefopt.data.checks.finding_details import detail_of_fault
from prefopt.data.checks.finding_kinds import KINDS
from prefopt.io.row import Fault, Row
from prefopt.readers.excel_reader import SUFFIXES, scan_xlsx
from tests.unit.workbook_cases import BESIDE, CELLS
from tests.unit.workbook_layout_cases import FILES, LAYOUT, SHEETS

CASES = {case.name: case for case in (*CELLS, *BESIDE, *LAYOUT, *SHEETS, *FILES)}


@pytest.mark.parametrize("name", CASES)
def test_an_oddity_gives_its_finding_and_the_right_rows(tmp_path, name):
    case = CASES[name]
    path = tmp_path / f"x{case.suffix}"
    path.write_bytes(case.content())
    found = list(scan_xlsx(path, case.sheet))
    assert sorted((f.kind, f.line) for f in found if isinstance(f, Fault)) == sorted(case.found), found
    assert {row.line: row.values for row in found if isinstance(row, Row)} == case.rows
    for fault in found:
        if isinstance(fault, Fault):
            assert fault.kind in KINDS
            detail_of_fault(fault)
            assert case.suffix in SUFFIXES
