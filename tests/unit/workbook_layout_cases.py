"""Workbooks whose table is laid out in an odd way, and files that are workbooks in another sense than their suffix says."""

from __future__ import annotations

import datetime
from typing import Any

from tests.unit.workbook_cases import merge
from tests.unit.workbook_making import FULL, HEAD, PROBLEMS, SHEET, Case, edited, in_book, in_parts, moved, with_values, zipped
from tests.unit.xls_files import STRUCK, SUPERSCRIPT, XlsSheet, compound, xls


def above(*rows: list[Any], ranges: tuple[str, ...] = ()) -> Any:
    """The table with rows above it."""

    def edit(sheet: Any) -> None:
        sheet.insert_rows(1, len(rows))
        for number, values in enumerate(rows, 1):
            for column, value in enumerate(values, 1):
                sheet.cell(number, column, value)
        merge(*ranges)(sheet)

    return edited(edit)


def below(*rows: list[Any]) -> Any:
    """The table with rows below it."""

    def edit(sheet: Any) -> None:
        for values in rows:
            sheet.append(values)

    return edited(edit)


def to_the_right(sheet: Any) -> None:
    sheet.insert_cols(1, 2)
    sheet.insert_rows(1, 3)


def grouped(sheet: Any) -> None:
    """Names of columns over two rows: 번호, 문제, and 성취기준 over 코드 and 내용."""
    sheet.insert_rows(2)
    sheet["C2"], sheet["D2"] = "코드", "세부 내용"
    for row, text in enumerate(("가르기", "빼기", "곱하기"), 3):
        sheet.cell(row, 4, text)
    merge("A1:A2", "B1:B2", "C1:D1")(sheet)


def in_two_languages(sheet: Any) -> None:
    sheet.insert_rows(2)
    for column, name in enumerate(("id", "text", "label"), 1):
        sheet.cell(2, column, name)


GROUPED = {
    n: {"번호": v[HEAD[0]], "문제": v[HEAD[1]], "코드": v[HEAD[2]], "성취기준 세부 내용": t}
    for (n, v), t in zip(moved(1).items(), ("가르기", "빼기", "곱하기"), strict=True)
}
SECOND = ["이름", "코드", "단원"]
LAYOUT = [
    Case("title above", above(["2026학년도 문항"]), [("title-row", 1)], moved(1)),
    Case("merged title above", above(["2026학년도 문항"], ranges=("A1:C1",)), [("title-row", 1)], moved(1)),
    Case("title that is the name of a column", above(["문제"]), [("title-row", 1)], moved(1)),
    Case("title and school above", above(["문항 목록"], ["학교", "가나중"], []), [("title-row", 1)], moved(3)),
    Case("blank rows above", above([], []), [], moved(2)),
    Case("groups above", above(["문항", None, "분류"], ranges=("A1:B1", "C1:D1")), [("header-two-rows", 1)], moved(1)),
    Case("names over two rows", edited(grouped), [("header-two-rows", 1)], GROUPED),
    Case("columns A and B empty", edited(to_the_right), [], moved(3)),
    Case("an empty column between", edited(lambda s: s.insert_cols(2))),
    Case("a row of spaces", edited(lambda s: (s.insert_rows(3), s.cell(3, 2, "  "))), [], {2: FULL[2], 4: FULL[3], 5: FULL[4]}),
    Case("fifteen rows above", above(*[[f"안내 {i}"] for i in range(15)]), [("title-row", 1)], moved(15)),
    Case("blank rows between", edited(lambda s: s.insert_rows(3, 5)), [], {2: FULL[2], 8: FULL[3], 9: FULL[4]}),
    Case("names in two languages", edited(in_two_languages), [("header-repeated", 2)], moved(1)),
    Case("names repeated below", below(list(HEAD), ["p4", "3 + 4는 얼마입니까?", "[2수01-05]"]), [("header-repeated", 5)],
         {**FULL, 6: dict(zip(HEAD, ("p4", "3 + 4는 얼마입니까?", "[2수01-05]"), strict=True))}),
    Case("row of totals", below(["합계", 3]), [("totals-row", 5)]),
    Case("row of totals in words", below(["합계: 3문항"]), [("totals-row", 5)]),
    Case("averages", below(["평균", None, 3.5]), [("totals-row", 5)]),
    Case("another table below", below([], SECOND, ["가", "나", "다"]), [("second-table", 6)]),
    Case("another table beside", edited(lambda s: [s.cell(1, 5, "번호"), s.cell(2, 5, "q1")]), [("column-repeated", 1)],
         {**FULL, 2: {**FULL[2], "번호": "q1"}}),
    Case("value beside the table", edited(lambda s: s.cell(3, 6, "메모")), [("column-unnamed", 3)]),
    Case("values beside the table", edited(lambda s: [s.cell(r, 6, "메모") for r in (2, 3)]), [("column-unnamed", 2)]),
    Case("spaces around names", edited(lambda s: s.cell(1, 2, "  문제 "))),
    Case("names alone", edited(lambda s: s.delete_rows(2, 3)), [], {}),
    Case("blank sheet", edited(lambda s: s.delete_rows(1, 4)), [], {}),
    Case("one column", edited(lambda s: (s.delete_cols(3), s.delete_cols(1))), [], {n: {"문제": v["문제"]} for n, v in FULL.items()}),
]  # fmt: skip


def other_sheet(
    name: str, *, state: str = "visible", at: int | None = None, rows: Any = (HEAD, ("q1", "7 + 8은 얼마입니까?", "[2수01-05]"))
) -> Any:
    def edit(book: Any) -> None:
        sheet = book.create_sheet(name, at)
        sheet.sheet_state = state
        for row in rows:
            sheet.append(row)

    return in_book(edit)


def chart_sheet(book: Any) -> None:
    book.create_chartsheet("그래프")


OTHER = {2: dict(zip(HEAD, ("q1", "7 + 8은 얼마입니까?", "[2수01-05]"), strict=True))}
SHEETS = [
    Case("a second sheet", other_sheet("2학년"), [("sheet-unread", 1)]),
    Case("a hidden sheet", other_sheet("목록", state="hidden"), [("sheet-unread", 1)]),
    Case("a very hidden sheet", other_sheet("목록", state="veryHidden"), [("sheet-unread", 1)]),
    Case("a hidden sheet before it", other_sheet("목록", state="hidden", at=0), [("sheet-unread", 1)]),
    Case("a blank sheet before it", other_sheet("표지", at=0, rows=())),
    Case("a cover page before it", other_sheet("표지", at=0, rows=(("문항 모음",), ("가나중학교",))), [("sheet-unread", 1)]),
    Case("a chart sheet", in_book(chart_sheet)),
    Case("a sheet by name", other_sheet("2학년"), [("sheet-unread", 1)], OTHER, sheet="2학년"),
    Case("a sheet by another spelling", other_sheet("２학년 Ａ반"), [("sheet-unread", 1)], OTHER, sheet=" 2학년 a반"),
    Case("a sheet with quotes", other_sheet("'2' \"학년\" & <나>"), [("sheet-unread", 1)], OTHER, sheet="'2' \"학년\" & <나>"),
    Case("a hidden sheet by name", other_sheet("목록", state="hidden"), [("sheet-unread", 1)], OTHER, sheet="목록"),
    Case("all, with a cover page", other_sheet("표지", at=0, rows=(("문항 모음",),)), [("sheet-unread", 1)], sheet="all"),
    Case("all, with a hidden sheet", other_sheet("목록", state="hidden"), [("sheet-unread", 1)], sheet="all"),
]


def strict(text: str) -> str:
    """Namespaces of the strict variant of the standard."""
    return text.replace("http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main")


def prefixed(text: str) -> str:
    """The sheet's elements with a prefix."""
    for tag in ("worksheet", "sheetData", "row", "c", "v", "is", "t"):
        text = text.replace(f"<{tag} ", f"<x:{tag} ").replace(f"<{tag}>", f"<x:{tag}>").replace(f"</{tag}>", f"</x:{tag}>")
    return text.replace("xmlns=", "xmlns:x=")


LAUGHS = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
HTML = (
    "<html><head><meta charset={}></head><body><table>"
    + "".join("<tr>" + "".join(f"<td>{v}</td>" for v in row) + "</tr>" for row in (HEAD, *PROBLEMS))
    + "</table></body></html>"
)
XML_2003 = '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>'
OLD = XlsSheet("1학년", (HEAD, *PROBLEMS))
CSV = "번호,문제,성취기준\np1,3 + 4는?,x\n"


def from_1904(book: Any) -> None:
    book.epoch = datetime.datetime(1904, 1, 1)
    book.active["D1"], book.active["D2"] = "날짜", datetime.date(2026, 1, 2)


def old(**changes: Any) -> Any:
    rows = changes.pop("rows", (HEAD, *PROBLEMS))
    return lambda: xls(XlsSheet("1학년", rows, **changes))


FILES = [
    Case("macros", in_parts({}, also={"xl/vbaProject.bin": "x"}), suffix=".xlsm"),
    Case("template", edited(lambda s: None), suffix=".xltx"),
    Case("link to another workbook", in_parts({}, also={"xl/externalLinks/externalLink1.xml": "<externalLink/>"})),
    Case("strict variant", in_parts({SHEET: strict})),
    Case("prefixed elements", in_parts({SHEET: prefixed})),
    Case("dates from 1904", in_book(from_1904), [], {**FULL, 2: {**FULL[2], "날짜": "2026-01-02"}}),
    Case("rows without numbers", in_parts({SHEET: lambda t: t.replace('<row r="2"', "<row").replace('<row r="3"', "<row")})),
    Case("cells without places", in_parts({SHEET: lambda t: t.replace(' r="B3"', "").replace(' r="C3"', "")})),
    Case("billion laughs", in_parts({SHEET: lambda t: LAUGHS + t}), [("not-excel", 1)], {}),
    Case("entity of another file", in_parts({SHEET: lambda t: OUTSIDE + t}), [("not-excel", 1)], {}),
    Case("document type in the list of sheets", in_parts({"xl/workbook.xml": lambda t: LAUGHS + t}), [("not-excel", 1)], {}),
    Case("broken XML", in_parts({SHEET: lambda t: t[: len(t) // 2]}), [("not-excel", 1)], {}),
    Case("no sheet part", in_parts({"xl/_rels/workbook.xml.rels": lambda t: t.replace("sheet1", "sheet9")}), [("not-excel", 1)], {}),
    Case("not a workbook", lambda: b"PK\x03\x04 no", [("not-excel", 1)], {}),
    Case("nothing", lambda: b"", [("not-excel", 1)], {}),
    Case("password", lambda: compound({"EncryptionInfo": b"x", "EncryptedPackage": b"x"}), [("password", 1)], {}),
    Case("binary workbook", lambda: zipped({"xl/workbook.bin": "x"}), [("other-kind", 1)], {}),
    Case("OpenDocument", lambda: zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), [("other-kind", 1)], {}),
    Case("Word document", lambda: zipped({"word/document.xml": "<w/>"}), [("other-kind", 1)], {}),
    Case("HWPX document", lambda: zipped({"mimetype": "application/hwp+zip"}), [("other-kind", 1)], {}),
    Case("HWP document", lambda: compound({"FileHeader": b"HWP Document File"}), [("other-kind", 1)], {}),
    Case("PDF document", lambda: b"%PDF-1.7", [("other-kind", 1)], {}),
    Case("CSV named .xlsx", lambda: CSV.encode(), [("other-kind", 1)], {}),
    Case("CSV in CP949 named .xls", lambda: CSV.encode("cp949"), [("other-kind", 1)], {}, ".xls"),
    Case("XML of Excel 2003", lambda: XML_2003.encode(), [("other-kind", 1)], {}, ".xls"),
    Case("page of HTML", lambda: HTML.format("utf-8").encode(), [("suffix-differs", 1)], FULL, ".xls"),
    Case("page of HTML in CP949", lambda: HTML.format("euc-kr").encode("cp949"), [("suffix-differs", 1)], FULL, ".xls"),
    Case("page without a table", lambda: b"<html><body>x</body></html>", [("other-kind", 1)], {}, ".xls"),
    Case(".xlsx named .xls", edited(lambda s: None), [("suffix-differs", 1)], FULL, ".xls"),
    Case(".xls named .xlsx", old(), [("suffix-differs", 1)]),
    Case("old workbook", old(), [], FULL, ".xls"),
    Case("old: second sheet", lambda: xls(OLD, XlsSheet("2학년", (HEAD, PROBLEMS[0]))), [("sheet-unread", 1)], FULL, ".xls"),
    Case("old: hidden first sheet", lambda: xls(XlsSheet("목록", (HEAD,), is_hidden=True), OLD), [("sheet-unread", 1)], FULL, ".xls"),
    Case("old: merged labels", old(rows=(HEAD, PROBLEMS[0], PROBLEMS[1][:2], PROBLEMS[2][:2]), merges=[(1, 3, 2, 2)]),
         [("merged-cells", 2)], {n: {**v, HEAD[2]: "[2수01-05]"} for n, v in FULL.items()}, ".xls"),
    Case("old: error cell", old(rows=(HEAD, ("p1", "#REF!", "x"), *PROBLEMS[1:])), [("error-cell", 2)], {3: FULL[3], 4: FULL[4]}, ".xls"),
    Case("old: superscript",
         old(rows=(HEAD, ("p1", "x2은 얼마입니까?", "[2수01-05]"), *PROBLEMS[1:]), runs={(1, 1): [(1, SUPERSCRIPT), (2, 1)]}),
         [("rich-text", 2)], with_values(2, text="x²은 얼마입니까?"), ".xls"),
    Case("old: struck out", old(runs={(1, 1): [(0, STRUCK)]}), [("rich-text", 2)], FULL, ".xls"),
    Case("old: hidden row and column", old(hidden_rows=(2,), hidden_columns=(2,)), [("hidden-column", 1), ("hidden-row", 3)], FULL, ".xls"),
    Case("old: comment", old(comments=((2, 1),)), [("cell-comment", 3)], FULL, ".xls"),
    Case("old: picture", old(pictures=((3, 1),)), [("picture-in-sheet", 4)], FULL, ".xls"),
    Case("old: leading zeros", old(rows=(HEAD, (7, *PROBLEMS[0][1:]), *PROBLEMS[1:]), formats={(1, 0): "000"}), [("zeros-lost", 2)],
         with_values(2, id="007"), ".xls"),
    Case("old: date", old(rows=(HEAD, (46000, *PROBLEMS[0][1:]), *PROBLEMS[1:]), formats={(1, 0): "yyyy\\-mm\\-dd"}), [("date-as-text", 2)],
         {3: FULL[3], 4: FULL[4]}, ".xls"),
]  # fmt: skip
