"""Any workbook gives rows, faults and notes, or a DataError: random cells and layouts, damaged parts, damaged old workbooks, any HTML."""

from __future__ import annotations

import datetime
import io
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefopt.data.checks.finding_details import detail_of_fault
from prefopt.data.checks.finding_kinds import KINDS
from prefopt.errors import DataError
from prefopt.io.row import Fault, Row
from prefopt.readers.excel_reader import scan_xlsx, text_table
from tests.unit.workbook_making import HEAD, PROBLEMS, in_parts, inline, run, saved, shared, zipped
from tests.unit.xls_files import SUPERSCRIPT, XlsSheet, xls

RUN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12) | st.sampled_from(
    [*HEAD, "#REF!", "합계", "=1+1", "p1", "1.23457E+12"]
)
cells = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False) | texts
cells |= st.dates(datetime.date(1900, 1, 1)) | st.times()
codes = st.sampled_from(["General", "000", "0%", "# ?/?", "?/100", "m/d", "[h]:mm", '"Q"00', "0.00E+00", "@", '#,##0"원"']) | st.text(
    '0#?/%."\\_*[]; dmyhs-', max_size=8
)
places = st.tuples(st.integers(1, 8), st.integers(1, 6))


def survive(path, content: bytes) -> list[Row | Fault]:
    """Read a workbook in every way; what the reading of all sheets gives."""
    path.write_bytes(content)
    for sheet in (None, "1학년", "all"):
        try:
            found = list(scan_xlsx(path, sheet))
        except DataError as error:
            assert error.hint  # noqa: PT017  a sheet that is not there; what is not right is any other exception
            continue
        for one in found:
            assert isinstance(one, (Row, Fault))
            assert one.line >= 1
            if isinstance(one, Fault):
                assert one.kind in KINDS
                detail_of_fault(one)
            else:
                assert all(isinstance(value, (str, int, float, bool)) for value in one.values.values())
                "".join(str(value) for value in one.values.values()).encode()
    try:
        table = text_table(path)
        assert all(tuple(row.values) == table.columns for row in table.rows)
    except DataError as error:
        assert error.hint  # noqa: PT017  as above
    return found


@st.composite
def workbooks(draw):
    book = openpyxl.Workbook()
    for number in range(draw(st.integers(1, 3))):
        sheet = book.create_sheet(f"{number + 1}학년") if number else book.active
        sheet.title = f"{number + 1}학년"
        for row in draw(st.lists(st.lists(cells, max_size=5), max_size=8)):
            sheet.append([None if isinstance(v, str) and len(v) > 100 else v for v in row])
        for (row, column), code in draw(st.lists(st.tuples(places, codes), max_size=4)):
            sheet.cell(row, column).number_format = code
        for (top, left), (down, across) in draw(st.lists(st.tuples(places, st.tuples(st.integers(0, 3), st.integers(0, 3))), max_size=3)):
            sheet.merge_cells(start_row=top, start_column=left, end_row=top + down, end_column=left + across)
        for row in draw(st.lists(st.integers(1, 9), max_size=2)):
            sheet.row_dimensions[row].hidden = True
        sheet.sheet_state = draw(st.sampled_from(["visible", "visible", "hidden"])) if number else "visible"
    return saved(book)


@RUN
@given(content=workbooks())
def test_any_cells_in_any_layout(tmp_path, content):
    found = survive(tmp_path / "x.xlsx", content)
    assert not [one for one in found if isinstance(one, Fault) and one.kind in ("not-excel", "other-kind")]


@pytest.fixture(scope="module")
def parts():
    """Parts of a workbook with a comment, a merged cell, formats and formatting."""

    def edit(sheet):
        sheet.merge_cells("C2:C4")
        sheet["A2"], sheet["A2"].number_format = 7, "000"
        sheet["B3"].comment = openpyxl.comments.Comment("x", "y")
        sheet["B4"] = "=1+1"

    superscript = inline("B2", run("x") + run("2", '<vertAlign val="superscript"/>'))
    with zipfile.ZipFile(io.BytesIO(shared(in_parts(superscript, edit))())) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@RUN
@given(data=st.data())
def test_damaged_parts(tmp_path, parts, data):
    name = data.draw(st.sampled_from(sorted(parts)))
    content = bytearray(parts[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    changed = bytes(content[: data.draw(st.integers(1, len(content)))] if data.draw(st.booleans()) else content)
    survive(
        tmp_path / "x.xlsx", zipped({**parts, name: changed} if data.draw(st.booleans()) else {k: v for k, v in parts.items() if k != name})
    )


ATTRIBUTES = (
    "r",
    "s",
    "t",
    "ref",
    "hidden",
    "ht",
    "min",
    "max",
    "si",
    "count",
    "numFmtId",
    "fontId",
    "Id",
    "Target",
    "Type",
    "state",
    "date1904",
)


@RUN
@given(data=st.data())
def test_parts_whose_attributes_are_wrong(tmp_path, parts, data):
    name = data.draw(st.sampled_from([n for n in sorted(parts) if n.endswith((".xml", ".rels"))]))
    text = parts[name].decode()
    attribute = data.draw(st.sampled_from(ATTRIBUTES))
    value = data.draw(st.sampled_from(["", "0", "-1", "99999999999", "A", "AAAA1", "1.5", "x", "A1:A0", "../../x", "/", "true", "NaN"]))
    pieces = text.split(f' {attribute}="')
    at = data.draw(st.integers(1, max(1, len(pieces) - 1)))
    if at < len(pieces):
        pieces[at] = value + pieces[at][pieces[at].index('"') :]
    survive(tmp_path / "x.xlsx", zipped({**parts, name: f' {attribute}="'.join(pieces).encode()}))


@pytest.fixture(scope="module")
def old():
    sheet = XlsSheet("1학년", (HEAD, *PROBLEMS), formats={(1, 0): "000"}, runs={(1, 1): [(1, SUPERSCRIPT)]}, merges=[(1, 3, 2, 2)],
                     hidden_rows=(2,), comments=((2, 1),), pictures=((3, 1),))  # fmt: skip
    return xls(sheet, XlsSheet("2학년", (HEAD, (1, True, "#REF!"))))


@RUN
@given(data=st.data())
def test_damaged_old_workbooks(tmp_path, old, data):
    content = bytearray(old)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    survive(tmp_path / "x.xls", bytes(content[: data.draw(st.integers(1, len(content)))] if data.draw(st.booleans()) else content))


tags = st.sampled_from(
    [
        "table",
        "tr",
        "td",
        "th",
        "br",
        "sup",
        "s",
        "img",
        "/table",
        "/tr",
        "/td",
        "/sup",
        "td rowspan=3",
        "td colspan=9999999",
        "td rowspan='-1'",
    ]
)


@RUN
@given(pieces=st.lists(tags.map("<{}>".format) | texts, max_size=30))
def test_any_page_of_html(tmp_path, pieces):
    survive(tmp_path / "x.xls", ("<html><table>" + "".join(pieces)).encode())
