"""Workbooks with an oddity each: in a cell, beside the cells, in the layout of the table. tests/unit/test_workbooks.py reads them."""

from __future__ import annotations

import datetime
import io
from typing import Any

from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.drawing.image import Image
from openpyxl.styles import Font
from openpyxl.worksheet.datavalidation import DataValidation

from prefopt.readers.workbook_cells import ERRORS
from tests.unit.workbook_making import (
    FULL,
    HEAD,
    SHEET,
    Case,
    Parts,
    cell,
    edited,
    in_parts,
    inline,
    png,
    run,
    shared,
    with_values,
    without,
)

CELL_ERRORS = ("#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!")
SUPERSCRIPT, SUBSCRIPT, STRUCK, UNDERLINED = '<vertAlign val="superscript"/>', '<vertAlign val="subscript"/>', "<strike/>", "<u/>"


def put(place: str, value: Any, code: str = "") -> Any:
    """A change: this value, under a number format."""

    def edit(sheet: Any) -> None:
        sheet[place] = value
        if code:
            sheet[place].number_format = code

    return edit


def shown(name: str, value: Any, code: str, read: Any, kind: str | None) -> Case:
    """A number in the first cell under a format."""
    return Case(name, edited(put("A2", value, code)), [(kind, 2)] if kind else [], with_values(2, id=read))


def edited_style(index: int) -> Any:
    """A number in the first cell under a format that has no code in the file."""
    change = {"xl/styles.xml": lambda text: text.replace('numFmtId="164"', f'numFmtId="{index}"').replace("<numFmt ", "<other ")}
    return in_parts(change, put("A2", 46000.5, "000.0"))


def rich(name: str, runs: str, read: str, *, is_said: bool = True) -> Case:
    """A text with formatting in the cell B2."""
    return Case(name, in_parts(inline("B2", runs)), [("rich-text", 2)] if is_said else [], with_values(2, text=read))


def failed(name: str, changes: Parts) -> Case:
    """An error in a cell of row 3."""
    return Case(name, in_parts(changes), [("error-cell", 3)], without(3))


CELLS = [
    *(failed(f"error cell {e}", cell("C3", f'<c r="C3" t="e"><v>{e}</v></c>')) for e in CELL_ERRORS),
    *(failed(f"error as text {e}", inline("B3", f"<t>{e}</t>")) for e in sorted(ERRORS)),
    failed("error with spaces", inline("B3", "<t> #N/A </t>")),
    failed("error of a formula", cell("B3", '<c r="B3" t="e"><f>A9</f><v>#REF!</v></c>')),
    Case("formula without value", edited(put("C3", '=["&"]')), [("formula-empty", 3)], without(3)),
    Case("formula with an empty v", in_parts(cell("C3", '<c r="C3"><f>A1</f><v/></c>')), [("formula-empty", 3)], without(3)),
    Case("shared formula", in_parts(cell("C3", '<c r="C3"><f t="shared" si="0"/></c>')), [("formula-empty", 3)], without(3)),
    Case("formula with value", in_parts(cell("C3", '<c r="C3" t="str"><f>A1</f><v>[2수01-06]</v></c>'))),
    Case("formula that gives no text", in_parts(cell("C3", '<c r="C3" t="str"><f>A1</f><v></v></c>')), [], {
        **FULL, 3: {k: v for k, v in FULL[3].items() if k != HEAD[2]}}),
    Case("formula that gives a number", in_parts(cell("A3", '<c r="A3"><f>1+1</f><v>2</v></c>')), [], with_values(3, id=2)),
    Case("formula as a text", in_parts(inline("B3", "<t>=x+3 의 값은?</t>")), [], with_values(3, text="=x+3 의 값은?")),
    Case("date in the id", edited(put("A3", datetime.date(2026, 1, 2))), [("date-as-text", 3)], without(3)),
    Case("date and time in the text", edited(put("B3", datetime.datetime(2026, 3, 4, 5, 6))), [("date-as-text", 3)], without(3)),
    Case("date shown as m/d", edited(put("C3", 46000, "m/d")), [("date-as-text", 3)], without(3)),
    Case("date by an index of Korean Excel", edited_style(58), [("date-as-text", 2)], without(2)),
    Case("time by an index of Korean Excel", edited_style(32), [("date-as-text", 2)], without(2)),
    Case("date shown in Korean", edited(put("C3", 46000, 'm"월" d"일"')), [("date-as-text", 3)], without(3)),
    Case("time", edited(put("C3", 0.5, "h:mm")), [("date-as-text", 3)], without(3)),
    Case("ISO date cell", in_parts(cell("C3", '<c r="C3" t="d"><v>2026-01-02</v></c>')), [("date-as-text", 3)], without(3)),
    shown("a date that no calendar has", 1e10, "yyyy-mm-dd", 10**10, None),
    shown("leading zeros", 7, "000", "007", "zeros-lost"),
    shown("leading zeros and a letter", 7, '"Q"000', "Q007", "zeros-lost"),
    shown("zeros and a hyphen", 1023, "000\\-000", "001-023", "zeros-lost"),
    shown("a number as long as its zeros", 123, "000", 123, None),
    shown("thousands separator", 12345, "#,##0", 12345, None),
    shown("two decimals", 3.5, "0.00", 3.5, None),
    shown("currency", 300, '#,##0"원"', 300, None),
    shown("percentage", 0.5, "0%", "50%", "number-format"),
    shown("percentage with decimals", 0.125, "0.0%", "12.5%", "number-format"),
    shown("fraction", 0.75, "# ?/?", "3/4", "number-format"),
    shown("mixed number", 2.5, "# ?/?", "2 1/2", "number-format"),
    shown("fraction of hundredths", 0.25, "?/100", "1/4", "number-format"),
    shown("scientific format", 1234567890123, "0.00E+00", 1234567890123, None),
    Case("scientific notation as text", in_parts(inline("A2", "<t>1.23457E+12</t>")), [("digits-lost", 2)], without(2)),
    Case("a number of 18 digits", in_parts(cell("A2", '<c r="A2"><v>1.23456789012345E+17</v></c>')), [("digits-lost", 2)], without(2)),
    Case("number with a point", in_parts(cell("A2", '<c r="A2"><v>1.0</v></c>')), [], with_values(2, id=1)),
    Case("number stored as text", in_parts(inline("A2", "<t>007</t>")), [], with_values(2, id="007")),
    Case("boolean", edited(put("A2", True)), [], with_values(2, id=True)),
    rich("superscript", run("x") + run("2", SUPERSCRIPT) + run("+1의 값은?"), "x²+1의 값은?"),
    rich("superscript of letters", run("2") + run("n+m", SUPERSCRIPT) + run("은?"), "2^{n+m}은?"),
    rich("subscript", run("수열 a") + run("1", SUBSCRIPT) + run("은?"), "수열 a₁은?"),
    rich("subscript of letters", run("수열 a") + run("k", SUBSCRIPT) + run("은?"), "수열 a_{k}은?"),
    rich("struck-out word", run("사과 3개") + run(" 4개", STRUCK) + run("는?"), "사과 3개 4개는?"),
    rich("underlined part", run("밑줄 친 ") + run("수", UNDERLINED) + run("는?"), "밑줄 친 수는?"),
    rich("bold and colored", run("사과 ") + run("3개", '<b/><color rgb="FFFF0000"/>'), "사과 3개", is_said=False),
    rich("all underlined", run("사과 3개", UNDERLINED), "사과 3개", is_said=False),
    rich("letters in a font of symbols", run("∠") + run("a", '<rFont val="Symbol"/>') + run("의 크기는?"), "∠a의 크기는?"),
    rich("letters in another font", run("사과 ") + run("a", '<rFont val="Arial"/>'), "사과 a", is_said=False),
    rich("strike that is off", run("사과 3개는?", '<strike val="0"/>'), "사과 3개는?", is_said=False),
    rich("phonetic run", "<t>課題は</t><rPh sb='0' eb='2'><t>カダイ</t></rPh>", "課題は", is_said=False),
    rich("_x000D_", "<t>첫째_x000D_\n둘째</t>", "첫째\n둘째", is_said=False),
    rich("escaped escape", "<t>_x005F_x000D_</t>", "_x000D_", is_said=False),
    rich("surrogates as escapes", "<t>_xD83D__xDE00_ 웃음</t>", "😀 웃음", is_said=False),
    rich("half a surrogate", "<t>_xD83D_ 웃음</t>", "\ufffd 웃음", is_said=False),
    rich("32,767 characters", f"<t>{'가' * 32767}</t>", "가" * 32767, is_said=False),
    rich("spaces around", "<t xml:space='preserve'>  3 + 4는?  </t>", "  3 + 4는?  ", is_said=False),
    Case("shared texts", shared(edited(lambda sheet: None))),
    Case("shared text with formatting", shared(in_parts(inline("B2", run("x") + run("2", SUPERSCRIPT)))), [("rich-text", 2)],
         with_values(2, text="x²")),
    Case("shared error as text", shared(in_parts(inline("B3", "<t>#REF!</t>"))), [("error-cell", 3)], without(3)),
    *(Case(f"shared text {index}", shared(edited(lambda sheet: None), lambda text, i=index: text.replace("<v>7<", f"<v>{i}<")),
           [("not-excel", 1)], {}) for index in ("70", "-1", "x")),
    Case("struck-out cell", edited(lambda s: setattr(s["B3"], "font", Font(strike=True))), [("rich-text", 3)]),
    Case("cell in a font of symbols", edited(lambda s: setattr(s["B3"], "font", Font(name="Wingdings"))), [("rich-text", 3)]),
    Case("picture in a cell", in_parts(cell("B3", '<c r="B3" t="e" vm="1"><v>#VALUE!</v></c>')), [("picture-in-sheet", 3)], {
        **FULL, 3: {k: v for k, v in FULL[3].items() if k != HEAD[1]}}),
    Case("picture function", in_parts(inline("B3", '<t>=DISPIMG("ID_1",1)</t>')), [("picture-in-sheet", 3)], {
        **FULL, 3: {k: v for k, v in FULL[3].items() if k != HEAD[1]}}),
]  # fmt: skip


def hide(row: int) -> Any:
    return lambda sheet: setattr(sheet.row_dimensions[row], "hidden", True)


def filtered(sheet: Any) -> None:
    sheet.auto_filter.ref = "A1:C4"
    sheet.auto_filter.add_filter_column(0, ["p1", "p3"])
    sheet.row_dimensions[3].hidden = True


def merge(*ranges: str) -> Any:
    def edit(sheet: Any) -> None:
        for found in ranges:
            sheet.merge_cells(found)

    return edit


def labels(row: int) -> dict[int, dict[str, Any]]:
    """The rows from one on with the label of that one."""
    return {n: {**v, HEAD[2]: FULL[row][HEAD[2]]} if n >= row else v for n, v in FULL.items()}


def twice(sheet: Any) -> None:
    """Each problem over two rows."""
    sheet.delete_rows(3, 2)
    merge("A2:A3", "B2:B3", "C2:C3")(sheet)


def with_picture(sheet: Any) -> None:
    sheet.add_image(Image(io.BytesIO(png())), "D3")


def with_chart(sheet: Any) -> None:
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=1, min_row=1, max_row=4))
    sheet.add_chart(chart, "E4")


def drawing(inner: str) -> Any:
    """The table with a drawing of this content at D3."""
    anchor = f"<a><twoCellAnchor><from><col>3</col><row>2</row></from>{inner}</twoCellAnchor></a>"
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Target="../drawings/d.xml"'
        ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/drawing"/>'
        "</Relationships>"
    )
    return in_parts({}, also={"xl/drawings/d.xml": anchor, "xl/worksheets/_rels/sheet1.xml.rels": relations})


EVERYTHING = '</sheetData><mergeCells><mergeCell ref="A9:C900000"/></mergeCells>'
BESIDE = [
    Case("labels merged", edited(merge("C2:C4")), [("merged-cells", 2)], labels(2)),
    Case("labels merged further down", edited(merge("C3:C4")), [("merged-cells", 3)], labels(3)),
    Case("text and label merged across", edited(merge("B3:C3")), [("merged-cells", 3)], {
        **FULL, 3: {k: v for k, v in FULL[3].items() if k != HEAD[2]}}),
    Case("a problem of two rows", edited(twice), [("merged-cells", 2)] * 3, {2: FULL[2]}),
    Case("texts merged over columns without names", edited(merge("C1:D1", "C2:D2", "C3:D3", "C4:D4"))),
    Case("merged without a value", edited(merge("E2:E4"))),
    Case("the whole sheet merged below", in_parts({SHEET: lambda t: t.replace("</sheetData>", EVERYTHING)})),
    Case("picture", edited(with_picture), [("picture-in-sheet", 3)]),
    Case("chart", edited(with_chart), [("picture-in-sheet", 4)]),
    Case("shape", drawing("<sp/>"), [("picture-in-sheet", 3)]),
    Case("text box", drawing("<sp><t>보기</t></sp>"), [("picture-in-sheet", 3)]),
    Case("equation", drawing("<AlternateContent><sp><oMath><t>x</t></oMath></sp></AlternateContent>"), [("picture-in-sheet", 3)]),
    Case("control", drawing("<clientData/>")),
    Case("comment", edited(lambda s: setattr(s["B3"], "comment", Comment("확인 바람", "kim"))), [("cell-comment", 3)]),
    Case("hidden row", edited(hide(3)), [("hidden-row", 3)]),
    Case("filtered rows", edited(filtered), [("hidden-row", 3)]),
    Case("row of no height", in_parts({SHEET: lambda t: t.replace('<row r="3"', '<row r="3" ht="0"')}), [("hidden-row", 3)]),
    Case("hidden blank row", edited(hide(9))),
    Case("hidden column", edited(lambda s: setattr(s.column_dimensions["C"], "hidden", True)), [("hidden-column", 1)]),
    Case("hidden column without values", edited(lambda s: setattr(s.column_dimensions["F"], "hidden", True))),
    Case("list to choose from", edited(lambda s: s.add_data_validation(DataValidation("list", formula1='"가,나"', sqref="C2:C9")))),
    Case("protected sheet", edited(lambda s: setattr(s.protection, "sheet", True))),
    Case("hyperlink", edited(lambda s: setattr(s["B3"], "hyperlink", "https://example.org"))),
    Case("frozen panes", edited(lambda s: setattr(s, "freeze_panes", "A2"))),
]  # fmt: skip
